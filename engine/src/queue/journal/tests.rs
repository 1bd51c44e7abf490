//! What queues on a disk must do, beside the contract of every queue.

mod contract;
mod reopened;
