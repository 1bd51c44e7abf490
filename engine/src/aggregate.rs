//! Deciding: each aggregate says, from its own events, whether a command is accepted, and with which events.

pub mod rejection;

pub use rejection::Rejection;
