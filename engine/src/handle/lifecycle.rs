//! What the process says of itself, and what it puts in order when it begins.

use super::{Accepted, Engine, Refusal, append::Stamp};
use crate::{
    event::{
        Event,
        system::{EngineStarted, EngineStopped},
    },
    id::{Actor, StreamName},
};

impl Engine {
    /// Records that this process began to work.
    pub async fn record_started(&self, version: &str, node: &str) -> Result<Accepted, Refusal> {
        let started = EngineStarted { version: version.to_owned(), node: node.to_owned() };
        self.record(started.into()).await
    }

    /// Records that this process ended in order.
    pub async fn record_stopped(&self, runs_in_flight: u64) -> Result<Accepted, Refusal> {
        self.record(EngineStopped { runs_in_flight }.into()).await
    }

    /// Makes the queues' store agree with the log: every declared queue has its limits again. To be called once, before work
    /// begins; says how many queues were declared.
    pub async fn recover(&self) -> Result<usize, Refusal> {
        let declared = self.view(|models| models.queues.queues.clone()).await;
        for (queue, row) in &declared {
            self.inner.queues.declare(queue, row.limits).await?;
        }
        Ok(declared.len())
    }

    async fn record(&self, event: Event) -> Result<Accepted, Refusal> {
        self.append_to(StreamName::engine(), &event, &Stamp::new(Actor::Engine, self.inner.clock.now())).await
    }
}
