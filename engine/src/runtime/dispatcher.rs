//! Facts to work: a queued run becomes a message for the workers as soon as its pipeline's overlap policy lets it. It also
//! carries requests to stop to the runs that work here.

mod start;

use std::{collections::HashSet, sync::Arc};

use jiff::Timestamp;

use super::{Shared, assignment::Ticket, runs_queue};
use crate::{
    command::{Command, RunCommand},
    event::{Envelope, Event},
    id::{PipelineName, Position, RunId},
    pipeline::definition::Overlap,
    port::{
        clock::between,
        queue::{NewMessage, QueueError},
        store::{Filter, ReadError},
    },
    projection::{ReadModels, runs::RunState},
    subscription::Subscription,
    unit::Duration,
};

/// How long an older run may take to stop when a newer one takes over.
const TAKEOVER_GRACE: Duration = Duration::from_secs(30);

/// What it acts upon.
const KINDS: [&str; 5] = ["run.queued", "run.retrying", "run.cancel_requested", "run.cancelled", "pipeline.run_ended"];

/// The task.
pub(super) struct Dispatcher {
    shared: Arc<Shared>,
    subscription: Subscription,
    /// Attempts that got a message because of a look at all runs. What is then read of them in the log is no news.
    found: HashSet<(RunId, u32)>,
}

/// What a queued run waits for.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    /// Nothing.
    Now,
    /// Runs ahead of it.
    Later,
    /// Runs ahead of it, which are to stop.
    After(Vec<RunId>),
}

impl Dispatcher {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let head = shared.engine.store().head();
        let only = Filter { types: KINDS.map(str::to_owned).to_vec(), ..Filter::default() };
        let subscription = Subscription::new(shared.engine.store().clone(), head, only);
        let subscription = subscription.named(shared.engine.readers(), "dispatcher").resting(shared.engine.clock().clone());
        Self { shared, subscription, found: HashSet::new() }
    }

    pub(super) async fn run(mut self) {
        self.dispatch_all().await;
        let shutdown = self.shared.shutdown.clone();
        loop {
            let next = tokio::select! {
                () = shutdown.cancelled() => return,
                next = self.subscription.next() => next,
            };
            match next {
                Ok(page) => self.all(&page.events).await,
                Err(ReadError::Truncated { oldest }) => self.resync(oldest).await,
                Err(ReadError::Unavailable { reason, .. }) => {
                    tracing::warn!(reason, "the dispatcher cannot read the log; it tries again");
                    self.shared.engine.clock().sleep(Duration::from_secs(1).0).await;
                }
            }
        }
    }

    async fn all(&self, envelopes: &[Envelope]) {
        for envelope in envelopes {
            if let Some(Ok(event)) = envelope.decode() {
                self.one(envelope, event).await;
            }
        }
    }

    async fn one(&self, envelope: &Envelope, event: Event) {
        let Some(subject) = run_of(envelope) else {
            if let Event::RunEnded(_) = event {
                self.next_of(envelope).await;
            }
            return;
        };
        match event {
            Event::RunQueued(_) => self.consider(subject, Some(envelope)).await,
            Event::RunRetrying(retrying) => {
                let ticket = Ticket { run: subject, attempt: retrying.attempt + 1 };
                self.send(ticket, Some(retrying.next_at), ticket.key()).await;
            }
            Event::CancelRequested(_) => self.shared.live.cancel(subject),
            Event::RunCancelled(cancelled) if cancelled.forced => self.shared.live.abandon(subject),
            _ => {}
        }
    }

    /// Events were dropped before they were seen: everything that waits is looked at again.
    async fn resync(&mut self, oldest: Position) {
        tracing::warn!(%oldest, "the dispatcher fell behind retention; it looks at every waiting run");
        self.subscription.skip_to_oldest();
        self.dispatch_all().await;
    }

    async fn next_of(&self, envelope: &Envelope) {
        let Some(name) = envelope.stream.as_str().strip_prefix("pipeline/").and_then(|name| PipelineName::new(name).ok()) else {
            return;
        };
        let next = self.shared.engine.view(move |models| first_waiting(models, &name)).await;
        if let Some(run) = next {
            self.consider(run, None).await;
        }
    }

    /// `cause`: that it was asked for, where that was just seen.
    async fn consider(&self, run: RunId, cause: Option<&Envelope>) {
        match self.shared.engine.view(move |models| turn(models, run)).await {
            Some((attempt, Turn::Now)) => {
                let ticket = Ticket { run, attempt };
                self.send(ticket, None, ticket.key()).await;
            }
            Some((_, Turn::After(older))) => self.stop(older, cause).await,
            Some((_, Turn::Later)) | None => {}
        }
    }

    async fn stop(&self, runs: Vec<RunId>, cause: Option<&Envelope>) {
        for run in runs {
            let command = RunCommand::Cancel { reason: "a newer run takes over".into(), grace: TAKEOVER_GRACE };
            if let Err(refusal) = self.shared.submit_because(Command::Run(run, command), cause).await {
                tracing::debug!(%refusal, "an older run ended by itself");
            }
        }
    }

    /// Sends a message for an attempt, once for a key.
    async fn send(&self, ticket: Ticket, at: Option<Timestamp>, key: String) {
        if self.found.contains(&(ticket.run, ticket.attempt)) {
            return;
        }
        let clock = self.shared.engine.clock();
        let delay = at.map_or(Duration::default(), |at| Duration(between(clock.now(), at)));
        let message = NewMessage { body: ticket.body(), delay, dedup_key: Some(key), ..NewMessage::default() };
        loop {
            match self.shared.engine.queues().send(&runs_queue(), vec![message.clone()]).await {
                Ok(_) => return,
                Err(QueueError::Unfit { reason, .. }) => return tracing::error!(reason, "a run could not be dispatched"),
                Err(error) => tracing::warn!(%error, "a run waits for the queue of runs"),
            }
            tokio::select! {
                () = self.shared.shutdown.cancelled() => return,
                () = clock.sleep(Duration::from_secs(1).0) => {}
            }
        }
    }
}

fn run_of(envelope: &Envelope) -> Option<RunId> {
    envelope.stream.as_str().strip_prefix("run/")?.parse().ok()
}

fn first_waiting(models: &ReadModels, name: &PipelineName) -> Option<RunId> {
    let live = &models.board.pipelines.get(name)?.live;
    live.iter().copied().find(|run| models.runs.runs.get(run).is_some_and(|row| row.state == RunState::Queued))
}

fn turn(models: &ReadModels, run: RunId) -> Option<(u32, Turn)> {
    let row = models.runs.runs.get(&run).filter(|row| row.state == RunState::Queued)?;
    let pipeline = models.board.pipelines.get(&row.pipeline)?;
    let ahead: Vec<RunId> = pipeline.live.iter().copied().take_while(|other| *other != run).collect();
    let turn = match pipeline.definition().overlap {
        _ if ahead.is_empty() => Turn::Now,
        Overlap::Allow => Turn::Now,
        Overlap::Skip | Overlap::Queue => Turn::Later,
        Overlap::Cancel => Turn::After(ahead),
    };
    Some((row.attempt + 1, turn))
}
