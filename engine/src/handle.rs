//! The one way to change anything: load, decide, append.

use crate::{aggregate::Rejection, id::Position};

/// A command was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The last event that it led to; the log's head when it led to none.
    pub last: Position,
    /// What was done beyond the obvious, such as `12 messages purged`; may be empty.
    pub note: String,
}

/// A command was not carried out; nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The state of the world does not allow it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The log or a queue cannot be reached now.
    #[error("not done: {0}")]
    Unavailable(String),
}
