//! Files of records that outlive a crash: segments of batches, each closed by a commit record, written by one thread.
//!
//! What is in the records is their owner's: the log's journal keeps events in them, the queues' journal their messages. Both
//! need the same of a disk, and it is hard enough to be right once.

pub(crate) mod disk;
pub(crate) mod frame;
pub(crate) mod keeper;
pub(crate) mod lock;
pub(crate) mod scan;
#[cfg(test)]
pub(crate) mod sim;
pub(crate) mod tail;
