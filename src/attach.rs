//! A console on an engine elsewhere: the same small interface that an engine in this process has, over the HTTP API,
//! whatever carries it.
//!
//! ```text
//! RemoteLink ── questions, commands, two streams ──▶ Line ── one connection (HTTP/2) ──▶ Carrier: socket, URL, ssh
//! ```
//!
//! The line makes the connection, asks who is there before anything else, and makes it anew when it breaks; that is tried
//! by whoever follows the log, who never gives up. All others are answered at once while there is none. Streams are read
//! only as fast as the console takes them, so that what is not read waits at the engine and not here.

mod answer;
mod carrier;
pub mod find;
mod hello;
mod line;
mod link;
mod presence;
mod ssh;
mod stream;
mod submit;
mod tls;

pub use carrier::{Carrier, Web};
pub use link::RemoteLink;
pub use ssh::{BANNER, Ssh};
