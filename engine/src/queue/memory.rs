//! Queues in memory.
