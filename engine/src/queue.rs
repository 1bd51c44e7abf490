//! Implementations of the queues' contract.

pub mod memory;
