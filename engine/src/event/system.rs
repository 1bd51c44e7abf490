//! What happens to the engine process itself (stream `engine`).

use serde::{Deserialize, Serialize};

use crate::id::Position;

/// The process began to work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EngineStarted {
    /// The program's version.
    pub version: String,
    /// The node's name.
    pub node: String,
}

/// The process ended in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EngineStopped {
    /// Runs that were still going.
    pub runs_in_flight: u64,
}

/// Retention: older events are no longer needed and may be dropped; what they add up to is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogTruncated {
    /// Events before this may be gone; how far they are depends on the store.
    pub before: Position,
    /// Runs that ended before it and are no longer known to commands.
    pub runs_forgotten: u64,
}

/// An operator's command was refused. Refusals of the engine's own commands are answers, not log noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandRejected {
    /// What was asked, like `activate pipeline quakes`.
    pub command: String,
    /// Why not.
    pub reason: String,
}
