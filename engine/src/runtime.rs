//! What keeps runs going. Each part is a task that waits for events or for its time, and acts by submitting commands: the
//! dispatcher turns queued runs into messages, the pump turns messages into attempts, the scheduler turns time into runs,
//! the steward keeps continuous pipelines running, the reaper enforces deadlines, the janitor keeps the log small, the scribe
//! keeps the read models, and the sampler takes the vital figures.

pub mod schedule;

mod assignment;
mod attempt;
mod dispatcher;
mod health;
mod janitor;
mod live;
mod parts;
mod pump;
mod punctuality;
mod reaper;
mod replay;
mod report;
mod sampler;
mod scheduler;
mod scribe;
mod steward;
mod watcher;

use std::{path::PathBuf, sync::Arc};

use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use jiff::Timestamp;

use crate::{
    alert::Rule,
    command::{Command, Request},
    event::Envelope,
    handle::{Accepted, Engine, Refusal},
    id::{Actor, CorrelationId, EventId, QueueName},
    port::{
        queue::{QueueError, QueueLimits, Queues},
        step::{Secrets, StepTypes},
        store::StoreStats,
    },
    unit::{ByteSize, Duration},
    vitals::{DiskVitals, Finding, ProcessVitals, Vitals},
};

pub use live::LiveRuns;
pub use scribe::MODELS_KEPT_EVERY;

use parts::Parts;
use punctuality::Punctuality;

/// How long a worker's lease lasts without a sign of life.
pub const LEASE: Duration = Duration::from_secs(30);
/// How often a worker extends its lease.
pub const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often the vital figures are taken.
pub const SAMPLE_EVERY: Duration = Duration::from_millis(500);
/// The same where nothing has happened for [`RESTS_AFTER`], by the clock's whole minutes: an engine that is left alone wakes
/// hardly anybody. Whatever happens ends the rest at once, and a rule that would fire in between is looked at in its time.
pub const REST_SAMPLE_EVERY: Duration = Duration::from_secs(60);
/// What has been as it is for so long is at rest.
pub const RESTS_AFTER: Duration = Duration::from_secs(10);
/// How often figures are taken of an engine that sleeps: what could change them by itself is not there, or looked at in its time.
pub const SLEEP_SAMPLE_EVERY: Duration = Duration::from_secs(3_600);
/// What has been as it is for so long sleeps, unless it can change without an event, like the room on a disk or a message that waits
/// for its time, or something is not as it should be.
pub const SLEEPS_AFTER: Duration = Duration::from_secs(180);

/// What the runtime is told.
#[derive(Debug, Clone)]
pub struct RuntimeSettings {
    /// The node's name.
    pub node: String,
    /// Attempts at once.
    pub workers: u32,
    /// The most events kept.
    pub retain_events_max: u64,
    /// The most bytes of events kept.
    pub retain_bytes_max: ByteSize,
    /// The age after which events go; `None`: whatever their age.
    pub retain_age_max: Option<Duration>,
    /// Types of which single events go, and after which age.
    pub retain_types: Vec<(String, Duration)>,
    /// What the store is, like `memory`.
    pub store_kind: String,
    /// What operators are told of, at first.
    pub alerts: Vec<Rule>,
    /// Where steps start relative paths of pipelines that have no folder.
    pub folder: PathBuf,
    /// Whether traces are recorded: then requests of steps to others name theirs.
    pub traced: bool,
}

/// What only the shell can look at. Each is asked at every sample, so none may wait for anything.
#[derive(Clone)]
pub struct Probes {
    /// The process's figures.
    pub process: Arc<dyn Fn() -> ProcessVitals + Send + Sync>,
    /// The disk that the data is on, or why it cannot be looked at; `None` when nothing is kept on one.
    pub disk: Option<Arc<dyn Fn() -> Result<DiskVitals, String> + Send + Sync>>,
    /// Checks of adapters, plugins and listeners, by parts of the shell that know how they are.
    pub more: Vec<Arc<dyn Fn(Timestamp) -> Vec<Finding> + Send + Sync>>,
}

impl Probes {
    /// With the process's figures alone.
    pub fn new(process: impl Fn() -> ProcessVitals + Send + Sync + 'static) -> Self {
        Self { process: Arc::new(process), disk: None, more: Vec::new() }
    }
}

/// What all parts share.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) types: Arc<dyn StepTypes>,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) settings: RuntimeSettings,
    pub(crate) live: LiveRuns,
    pub(crate) parts: Parts,
    pub(crate) punctuality: Punctuality,
    pub(crate) shutdown: CancellationToken,
}

impl Shared {
    /// Submits a command of the engine's own.
    pub(crate) async fn submit(&self, command: Command) -> Result<Accepted, Refusal> {
        self.submit_because(command, None).await
    }

    /// Submits a command of the engine's own that an event led to: it belongs to what that belongs to.
    pub(crate) async fn submit_because(&self, command: Command, cause: Option<&Envelope>) -> Result<Accepted, Refusal> {
        let correlation = cause.map_or_else(CorrelationId::fresh, |envelope| envelope.event.correlation);
        self.submit_as(Actor::Engine, command, correlation, cause.map(|envelope| envelope.event.id)).await
    }

    pub(crate) async fn submit_as(
        &self,
        actor: Actor,
        command: Command,
        correlation: CorrelationId,
        cause: Option<EventId>,
    ) -> Result<Accepted, Refusal> {
        let at = self.engine.clock().now();
        self.engine.submit(Request { command, actor, at, correlation, cause }).await
    }
}

/// The queue that carries runs to workers.
///
/// # Panics
/// Never: the name follows the rule for names.
pub fn runs_queue() -> QueueName {
    QueueName::new("flexcore.runs").expect("the name follows the rule for names")
}

async fn declare_runs_queue(queues: &dyn Queues) -> Result<(), QueueError> {
    let limits = QueueLimits { attempts_max: u32::MAX, ..QueueLimits::default() };
    queues.declare(&runs_queue(), limits).await
}

/// A running engine.
pub struct Runtime {
    shared: Arc<Shared>,
    vitals: watch::Receiver<Arc<Vitals>>,
    rules: watch::Sender<Vec<Rule>>,
    tasks: JoinSet<()>,
}

impl Runtime {
    /// Starts every part. Runs that were queued before are dispatched.
    pub async fn start(
        engine: Engine,
        types: Arc<dyn StepTypes>,
        secrets: Arc<dyn Secrets>,
        settings: RuntimeSettings,
        probes: Probes,
    ) -> Result<Self, Refusal> {
        let declared = declare_runs_queue(&**engine.queues()).await;
        declared.map_err(|error| Refusal::Unavailable(error.to_string()))?;
        let (live, parts, punctuality) = (LiveRuns::default(), Parts::default(), Punctuality::default());
        let shutdown = CancellationToken::new();
        let shared = Arc::new(Shared { engine, types, secrets, settings, live, parts, punctuality, shutdown });
        let (rules, watched) = watch::channel(shared.settings.alerts.clone());
        let (looks, looked) = watch::channel(Timestamp::MAX);
        let (sampler, vitals) = sampler::Sampler::new(shared.clone(), probes, looked);
        let parts = &shared.parts;
        let mut tasks = JoinSet::new();
        tasks.spawn(parts.known("dispatcher", dispatcher::Dispatcher::new(shared.clone()).run()));
        tasks.spawn(parts.known("pump", pump::Pump::new(shared.clone()).run()));
        tasks.spawn(parts.known("scheduler", scheduler::Scheduler::new(shared.clone()).run()));
        tasks.spawn(parts.known("steward", steward::Steward::new(shared.clone()).run()));
        tasks.spawn(parts.known("reaper", reaper::Reaper::new(shared.clone()).run()));
        tasks.spawn(parts.known("janitor", janitor::Janitor::new(shared.clone(), vitals.clone()).run()));
        // What is in memory is gone with the process, and the read models with it.
        if shared.engine.store().syncs().is_some() {
            tasks.spawn(parts.known("scribe", scribe::Scribe::new(shared.clone(), vitals.clone()).run()));
        }
        let watcher = watcher::Watcher::new(shared.clone(), vitals.clone(), watched, looks);
        tasks.spawn(parts.known("alerts", watcher.run()));
        tasks.spawn(parts.known("sampler", sampler.run()));
        tasks.spawn(survey(shared.clone()));
        Ok(Self { shared, vitals, rules, tasks })
    }

    /// The newest vital figures, and a way to wait for newer ones.
    pub fn vitals(&self) -> watch::Receiver<Arc<Vitals>> {
        self.vitals.clone()
    }

    /// Exchanges the rules of alerts from the next figures on. What was raised by a rule that is no longer there is resolved.
    pub fn rules(&self) -> watch::Sender<Vec<Rule>> {
        self.rules.clone()
    }

    /// Logs and taps of runs.
    pub fn live(&self) -> &LiveRuns {
        &self.shared.live
    }

    /// Figures of the store.
    pub fn store_stats(&self) -> StoreStats {
        self.shared.engine.store().stats()
    }

    /// Stops in order: no new attempt begins, live ones drain for as long as the grace allows. Answers how many were still
    /// going then.
    pub async fn stop(mut self, grace: Duration) -> usize {
        self.shared.shutdown.cancel();
        let clock = self.shared.engine.clock().clone();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        tokio::select! {
            () = ended => {}
            () = clock.sleep(grace.0) => {}
        }
        self.shared.live.count()
    }
}

/// Prepares jumps into the past of a log that was there before; ends when that is done.
async fn survey(shared: Arc<Shared>) {
    tokio::select! {
        () = shared.shutdown.cancelled() => {}
        surveyed = shared.engine.survey() => if let Err(refusal) = surveyed {
            tracing::warn!(%refusal, "jumps into the past may be slow");
        }
    }
}

#[cfg(test)]
mod tests;
