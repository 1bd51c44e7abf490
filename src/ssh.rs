//! Consoles and commands for others by SSH, served by the engine's own process: no account on the machine, no shell, and
//! nothing but this program at the other end.
//!
//! ```text
//! listen ─▶ connection (who: a key with a role) ─▶ session ─▶ console   the same loop as on a local terminal
//!   limits                                            │     └▶ command   the command line's own code, by the API in here
//!                                                     └ a task of its own: what fails in it ends it alone
//! ```

mod alive;
mod command;
mod connection;
mod console;
mod count;
mod host;
mod host_key;
mod keys;
mod listen;
mod recording;
mod session;
mod wire;

pub use host::{Links, SshError};
pub use host_key::HostKeyError;
pub use keys::KeysError;
pub use listen::{Served, listen, listen_with};
