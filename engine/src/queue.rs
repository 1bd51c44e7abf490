//! Implementations of the queues' contract.

pub mod fitness;
pub mod journal;
pub mod memory;
mod shelves;
mod state;

pub use journal::JournalQueues;
pub use memory::MemoryQueues;
