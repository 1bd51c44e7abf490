//! The one way to change anything: load, decide, append. Nobody else appends to the log, so whatever stands in it was
//! decided here, by an aggregate, against the newest state of its stream.

mod aggregates;
mod alerts;
mod anchors;
mod append;
mod checkpoints;
mod custom;
mod lifecycle;
mod meter;
mod models;
mod past;
mod queues;
mod replay;
mod retention;
mod sessions;
mod sign;
mod why;

pub use anchors::{ANCHOR_BYTES_MIN, ANCHOR_EVENTS, ANCHORS_MAX};
pub use custom::{Fact, FactData, FactError};
pub use replay::{REPLAY_MAX, replay_queue};
pub use retention::{Retained, may_go};

use std::sync::{Arc, Mutex, atomic::AtomicU64};

use crate::{
    aggregate::{Alert, Pipeline, Queue, Rejection, Run},
    command::{Command, PipelineCommand, Request, RunCommand},
    event::{Event, pipeline::RunTrigger},
    id::{PipelineName, Position, RunId, StreamName},
    port::{
        clock::Clock,
        queue::Queues,
        store::{Expected, Store},
    },
    projection::{ReadModels, runs::RunState},
    subscription::readers::Readers,
};
use aggregates::Aggregates;
use anchors::Anchors;
use append::{Beside, Decision};
use sign::Sign;

/// The most pipelines whose state is held ready.
pub const PIPELINES_HELD_MAX: usize = 1_000;
/// The most runs whose state is held ready.
pub const RUNS_HELD_MAX: usize = 8_000;
/// The most queues whose state is held ready.
pub const QUEUES_HELD_MAX: usize = 1_000;
/// The most alerts whose state is held ready.
pub const ALERTS_HELD_MAX: usize = 1_000;

/// A command was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The last event that it led to; the log's head when it led to none.
    pub last: Position,
    /// What was done beyond the obvious, such as `12 messages purged`; may be empty.
    pub note: String,
}

/// A command was not carried out; but for [`Refusal::Unrecorded`], nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The state of the world does not allow it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The log or a queue cannot be reached now.
    #[error("not done: {0}")]
    Unavailable(String),
    /// A queue did it, and then the log could not be written: the one case in which something changed.
    #[error("done, but not on record: {0}")]
    Unrecorded(String),
}

/// The engine, as everybody holds it. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    queues: Arc<dyn Queues>,
    clock: Arc<dyn Clock>,
    pipelines: Aggregates<Pipeline>,
    runs: Aggregates<Run>,
    declared: Aggregates<Queue>,
    alerts: Aggregates<Alert>,
    models: Mutex<ReadModels>,
    /// As of which position read models were last kept.
    models_kept: AtomicU64,
    readers: Readers,
    meter: meter::Meter,
    stirred: Sign,
    glanced: Sign,
    anchors: Mutex<Anchors>,
}

impl Engine {
    /// An engine on a log and queues.
    pub fn new(store: Arc<dyn Store>, queues: Arc<dyn Queues>, clock: Arc<dyn Clock>) -> Self {
        let pipelines = Aggregates::new(PIPELINES_HELD_MAX);
        let runs = Aggregates::new(RUNS_HELD_MAX);
        let declared = Aggregates::new(QUEUES_HELD_MAX);
        let alerts = Aggregates::new(ALERTS_HELD_MAX);
        let (models, anchors) = (Mutex::default(), Mutex::default());
        let (readers, meter) = (Readers::default(), meter::Meter::default());
        Self {
            inner: Arc::new(Inner {
                store,
                queues,
                clock,
                pipelines,
                runs,
                declared,
                alerts,
                models,
                models_kept: AtomicU64::new(0),
                readers,
                meter,
                stirred: Sign::default(),
                glanced: Sign::default(),
                anchors,
            }),
        }
    }

    /// The log: for reading.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    /// The queues.
    pub fn queues(&self) -> &Arc<dyn Queues> {
        &self.inner.queues
    }

    /// The time.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// Who reads the log, as far as they gave a name.
    pub fn readers(&self) -> &Readers {
        &self.inner.readers
    }

    /// Something is being done that may leave no event, like a message for a queue: figures that rest are taken again.
    pub fn stir(&self) {
        self.inner.stirred.give();
    }

    /// Tells when something stirs.
    pub(crate) fn stirs(&self) -> &Sign {
        &self.inner.stirred
    }

    /// Somebody wants to know how things are: figures that rest are taken once.
    pub fn glance(&self) {
        self.inner.glanced.give();
    }

    /// Tells when somebody wants to know.
    pub(crate) fn glances(&self) -> &Sign {
        &self.inner.glanced
    }

    /// Asks for a change. When this returns `Ok`, its events are in the log. Refusals of people's commands are audited on
    /// the stream `engine`; those of the engine's own are answers only.
    ///
    /// What this holds is made and moved for each command: what is seldom done on the way is boxed.
    pub async fn submit(&self, request: Request) -> Result<Accepted, Refusal> {
        let answer = match &request.command {
            Command::Pipeline(name, command) => self.on_pipeline(name, command, &request).await,
            Command::Run(run, command) => self.on_run(*run, command, &request).await,
            Command::Queue(name, command) => self.on_queue(name, command, &request).await,
            Command::Alert(id, command) => self.on_alert(id, command, &request).await,
        };
        self.inner.meter.answered(&answer);
        if let Err(Refusal::Rejected(rejection)) = &answer {
            Box::pin(self.audit(&request, rejection)).await;
        }
        answer
    }

    /// A run as its own events tell it, read from the log; [`Run::Absent`] when there is none.
    pub async fn run(&self, run: RunId) -> Result<Run, Refusal> {
        let held = self.inner.runs.load(&*self.inner.store, &StreamName::run(run), false).await?;
        Ok((*held.state).clone())
    }

    async fn on_pipeline(&self, name: &PipelineName, command: &PipelineCommand, request: &Request) -> Result<Accepted, Refusal> {
        if let PipelineCommand::RequestRun { trigger: RunTrigger::Retry { of }, .. } = command {
            self.may_be_tried_again(name, *of).await?;
        }
        if let PipelineCommand::RollBackCheckpoints { newest, .. } = command {
            return Box::pin(self.roll_back_checkpoints(name, command, *newest, request)).await;
        }
        let stream = StreamName::pipeline(name);
        let decide = |pipeline: &Pipeline| {
            let events = pipeline.decide(name, command, request.at)?;
            Ok(Decision::split(events, "pipeline.", |events| first_of_run(command, events)))
        };
        let (accepted, _, _) = self.change(&self.inner.pipelines, &stream, request, decide).await?;
        Ok(accepted)
    }

    async fn on_run(&self, run: RunId, command: &RunCommand, request: &Request) -> Result<Accepted, Refusal> {
        let decide = |state: &Run| {
            let events = state.decide(run, command, request.at)?;
            let owner = state.pipeline().map(StreamName::pipeline);
            Ok(Decision::split(events, "run.", |events| {
                owner.map(|stream| Beside { stream, expected: Expected::Any, events, taken: None })
            }))
        };
        let (accepted, state, events) = self.change(&self.inner.runs, &StreamName::run(run), request, decide).await?;
        match Run::answer(&state, run, command, &events) {
            Some(rejection) => Err(rejection.into()),
            None => Ok(accepted),
        }
    }

    /// Only a run that ended without doing everything is tried again.
    async fn may_be_tried_again(&self, name: &PipelineName, of: RunId) -> Result<(), Refusal> {
        let run = self.run(of).await?;
        match run.state() {
            _ if run.pipeline() != Some(name) => Err(Rejection::NoRun(of).into()),
            Some(RunState::Failed | RunState::Cancelled) => Ok(()),
            Some(state) => Err(Rejection::RunIs { run: of, state, verb: "retry" }.into()),
            None => Err(Rejection::NoRun(of).into()),
        }
    }
}

/// The stream of the run that is asked for must be new: that is what makes a request that comes twice start one run.
fn first_of_run(command: &PipelineCommand, events: Vec<Event>) -> Option<Beside> {
    match command {
        PipelineCommand::RequestRun { run, .. } => {
            let (stream, taken) = (StreamName::run(*run), Some(Rejection::RunExists(*run)));
            Some(Beside { stream, expected: Expected::NoStream, events, taken })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
