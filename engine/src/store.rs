//! Implementations of the log's contract.

pub mod memory;
