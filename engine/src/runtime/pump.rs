//! Messages to attempts: takes runs from their queue as long as there is a free slot, and starts each in a task of its own.

use std::sync::Arc;

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};

use super::{LEASE, Shared, attempt, runs_queue};
use crate::{port::queue::Leased, unit::Duration};

/// The task.
pub(super) struct Pump {
    shared: Arc<Shared>,
    slots: Arc<Semaphore>,
    attempts: JoinSet<()>,
}

impl Pump {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let slots = Arc::new(Semaphore::new(shared.settings.workers as usize));
        Self { shared, slots, attempts: JoinSet::new() }
    }

    pub(super) async fn run(mut self) {
        // Runs that are given back at the end are there for the next engine, not for this one.
        while let Some((leased, slot)) = self.shared.shutdown.clone().run_until_cancelled(self.taken()).await {
            self.attempts.spawn(attempt::work(self.shared.clone(), leased, slot));
            // Ended attempts are collected here, so that the set stays as small as the number of slots.
            while self.attempts.try_join_next().is_some() {}
        }
        while self.attempts.join_next().await.is_some() {}
    }

    async fn taken(&self) -> (Leased, OwnedSemaphorePermit) {
        let slot = self.free_slot().await;
        (self.next().await, slot)
    }

    async fn free_slot(&self) -> OwnedSemaphorePermit {
        self.slots.clone().acquire_owned().await.expect("the semaphore is never closed")
    }

    async fn next(&self) -> Leased {
        let queue = runs_queue();
        let queues = self.shared.engine.queues();
        loop {
            match queues.receive(&queue, 1, LEASE, &self.shared.settings.node).await {
                Ok(mut leased) => match leased.pop() {
                    Some(leased) => return leased,
                    None => queues.wait_ready(&queue).await,
                },
                Err(error) => {
                    tracing::warn!(%error, "the queue of runs cannot be read; workers try again");
                    self.shared.engine.clock().sleep(Duration::from_secs(1).0).await;
                }
            }
        }
    }
}
