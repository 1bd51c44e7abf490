//! What queues on a disk must do, beside the contract of all queues.

mod contract;
mod crash;
mod damage;
mod doctor;
mod faults;
mod golden;
mod model;
mod reopened;
mod work;

use std::sync::Arc;

use super::{JournalQueues, OpenError, Settings};
use crate::{segment::sim::SimDisk, testing::clock::ManualClock};

const SMALL: Settings = Settings { segment_bytes: 4 << 10 };

fn open(disk: &SimDisk, clock: &ManualClock) -> Result<JournalQueues, OpenError> {
    JournalQueues::on(Arc::new(disk.clone()), SMALL, clock.shared())
}
