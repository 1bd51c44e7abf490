//! Deciding: each aggregate says, from its own events, whether a command is accepted, and with which events.
//!
//! All of it is synchronous and clockless, so that a property test can try every state with every command.

pub mod alert;
pub mod params;
pub mod pipeline;
pub mod queue;
pub mod rejection;
pub mod run;

pub use alert::Alert;
pub use pipeline::Pipeline;
pub use queue::Queue;
pub use rejection::Rejection;
pub use run::Run;

use serde::{Serialize, de::DeserializeOwned};

use crate::event::Event;

/// A state that is the sum of one stream's events. It serialises, so that a snapshot can stand for dropped events.
pub trait Aggregate: Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Takes an event of its stream in. Events that do not concern it change nothing.
    fn evolve(&mut self, event: &Event);
}

#[cfg(test)]
mod tests;
