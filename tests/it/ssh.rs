//! Consoles and commands by SSH, asked by the client that everybody has: OpenSSH's. Where that would do nothing wrong, a client
//! of our own does.

mod commands;
mod entry;
mod hostile;
mod limits;
mod presence;
mod raw;
mod sessions;
mod terminals;
mod world;
