//! Implementations of the queues' contract.

pub mod fitness;
pub mod memory;
mod state;

pub use memory::MemoryQueues;
