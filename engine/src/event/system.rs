//! What happens to the engine process itself (stream `engine`).

use serde::{Deserialize, Serialize};

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

/// An operator's command was refused. Refusals of the engine's own commands are answers, not log noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandRejected {
    /// What was asked, like `activate pipeline quakes`.
    pub command: String,
    /// Why not.
    pub reason: String,
}
