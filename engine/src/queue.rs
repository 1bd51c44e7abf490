//! Implementations of the queues' contract.

pub mod fitness;
pub mod memory;

pub use memory::MemoryQueues;
