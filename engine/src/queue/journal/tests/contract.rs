//! The contract of every queue, on a real disk.

use std::sync::Arc;

use tempfile::TempDir;

use crate::{
    port::{clock::Clock, queue::Queues},
    queue::journal::{JournalQueues, Settings},
};

/// Long enough for the longest call of the contract.
const SETTINGS: Settings = Settings { segment_bytes: 256 << 10 };

async fn fresh(clock: Arc<dyn Clock>) -> (Arc<dyn Queues>, TempDir) {
    let folder = TempDir::new().unwrap();
    (Arc::new(JournalQueues::open(folder.path(), SETTINGS, clock).unwrap()), folder)
}

crate::queue_contract!(fresh);
