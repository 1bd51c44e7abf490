//! Implementations of the log's contract.

pub mod journal;
pub mod memory;
