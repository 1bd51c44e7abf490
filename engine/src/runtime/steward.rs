//! Continuous pipelines run as long as they are active: one run is asked for when one is activated, resumed or revised, or
//! when the engine comes back; pausing or revising drains the run that lives. A run that an operator cancelled stays
//! cancelled until the next of these.

use std::{collections::HashSet, sync::Arc};

use serde_json::Map;

use super::Shared;
use crate::{
    command::{Command, PipelineCommand, RunCommand},
    event::{Envelope, Event, pipeline::RunTrigger},
    id::{PipelineName, RunId},
    pipeline::definition::Mode,
    port::store::{Filter, ReadError},
    projection::{ReadModels, board::PipelineState},
    subscription::Subscription,
    unit::Duration,
};

/// The task.
pub(super) struct Steward {
    shared: Arc<Shared>,
    subscription: Subscription,
    /// Pipelines whose run drains so that the next one may begin with a new revision.
    restarting: HashSet<PipelineName>,
}

impl Steward {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let head = shared.engine.store().head();
        let only = Filter { stream_prefix: Some("pipeline/".into()), types: Vec::new() };
        let subscription = Subscription::new(shared.engine.store().clone(), head, only);
        let subscription = subscription.named(shared.engine.readers(), "steward").resting(shared.engine.clock().clone());
        Self { shared, subscription, restarting: HashSet::new() }
    }

    pub(super) async fn run(mut self) {
        self.start_all().await;
        let shutdown = self.shared.shutdown.clone();
        loop {
            let next = tokio::select! {
                () = shutdown.cancelled() => return,
                next = self.subscription.next() => next,
            };
            match next {
                Ok(page) => self.all(&page.events).await,
                Err(ReadError::Truncated { .. }) => {
                    self.subscription.skip_to_oldest();
                    self.start_all().await;
                }
                Err(ReadError::Unavailable { reason, .. }) => {
                    tracing::warn!(reason, "the steward cannot read the log; it tries again");
                    self.shared.engine.clock().sleep(Duration::from_secs(1).0).await;
                }
            }
        }
    }

    async fn all(&mut self, envelopes: &[Envelope]) {
        for envelope in envelopes {
            let name = envelope.stream.as_str().strip_prefix("pipeline/").and_then(|name| PipelineName::new(name).ok());
            if let (Some(name), Some(Ok(event))) = (name, envelope.decode()) {
                self.one(name, event, envelope).await;
            }
        }
    }

    async fn one(&mut self, name: PipelineName, event: Event, envelope: &Envelope) {
        match event {
            Event::PipelineActivated(_) | Event::PipelineResumed(_) => self.start(&name, Some(envelope)).await,
            Event::PipelineRevised(_) => self.restart(name, envelope).await,
            Event::PipelinePaused(_) => {
                self.drain(&name, "the pipeline was paused", envelope).await;
            }
            Event::RunEnded(_) if self.restarting.remove(&name) => self.start(&name, Some(envelope)).await,
            _ => {}
        }
    }

    async fn start_all(&self) {
        let names = self.shared.engine.view(|models| models.board.pipelines.keys().cloned().collect::<Vec<_>>()).await;
        for name in names {
            self.start(&name, None).await;
        }
    }

    async fn start(&self, name: &PipelineName, cause: Option<&Envelope>) {
        let wanted = name.clone();
        if !self.shared.engine.view(move |models| wants_run(models, &wanted)).await {
            return;
        }
        let command = PipelineCommand::RequestRun { run: RunId::fresh(), trigger: RunTrigger::Activation, params: Map::new() };
        if let Err(refusal) = self.shared.submit_because(Command::Pipeline(name.clone(), command), cause).await {
            tracing::warn!(pipeline = %name, %refusal, "a continuous pipeline was not started");
        }
    }

    async fn restart(&mut self, name: PipelineName, cause: &Envelope) {
        if self.drain(&name, "the pipeline has a new revision", cause).await {
            self.restarting.insert(name);
        }
    }
}

impl Steward {
    /// Asks the live runs of a continuous pipeline to drain; says whether there are any.
    async fn drain(&self, name: &PipelineName, reason: &str, cause: &Envelope) -> bool {
        let wanted = name.clone();
        let (live, grace) = self.shared.engine.view(move |models| continuous_runs(models, &wanted)).await;
        for run in &live {
            let command = RunCommand::Cancel { reason: reason.into(), grace };
            if let Err(refusal) = self.shared.submit_because(Command::Run(*run, command), Some(cause)).await {
                tracing::debug!(%refusal, "a run ended by itself");
            }
        }
        !live.is_empty()
    }
}

fn wants_run(models: &ReadModels, name: &PipelineName) -> bool {
    models
        .board
        .pipelines
        .get(name)
        .is_some_and(|row| row.state == PipelineState::Active && row.definition().mode == Mode::Continuous && row.live.is_empty())
}

fn continuous_runs(models: &ReadModels, name: &PipelineName) -> (Vec<RunId>, Duration) {
    let row = models.board.pipelines.get(name).filter(|row| row.definition().mode == Mode::Continuous);
    row.map_or((Vec::new(), Duration::default()), |row| (row.live.clone(), row.definition().drain))
}
