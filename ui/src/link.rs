//! The one small interface between a console and an engine. The console follows the log and the vital figures, folds them
//! itself, and submits commands; so the engine may be in this process or at the end of a bad line.

use std::{path::PathBuf, sync::Arc};

use flexcore_engine::{
    command::Command,
    event::Envelope,
    flow::{dry_run::DryRun, log::LogLine},
    handle::Accepted,
    id::{CorrelationId, PipelineName, Position, QueueName, Revision, RunId, StepName},
    pipeline::{Definition, Plan, mistake::PlacedMistake},
    port::{
        BoxFuture,
        queue::{Peek, PeekedMessage},
        step::Record,
        store::{Filter, Page},
    },
    projection::{ReadModels, why::Reading},
    vitals::Vitals,
};
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::model::lines::Lines;

/// Why an answer did not come.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The engine cannot be reached now; try again.
    #[error("no connection to the engine: {0}")]
    Gone(String),
    /// It answered, and the answer is no.
    #[error("{0}")]
    Refused(String),
}

/// How the line to an engine elsewhere stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineState {
    /// Questions are answered.
    #[default]
    Up,
    /// A connection is being made.
    Calling,
    /// The read models are on their way: bytes that came, and those that there are, if that was said.
    Loading {
        /// Came.
        bytes: u64,
        /// Of so many.
        total: Option<u64>,
    },
    /// There is no connection.
    Down,
}

/// A definition as checked.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Names the content.
    pub revision: Revision,
    /// What it does.
    pub definition: Arc<Definition>,
    /// The folder that relative paths start from.
    pub folder: PathBuf,
}

/// A text to begin a new pipeline with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Like `csv to ndjson`.
    pub name: String,
    /// One line.
    pub summary: String,
    /// A pipeline file.
    pub text: String,
}

/// A point of the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Right after the event at this position.
    Position(Position),
    /// This moment.
    Moment(Timestamp),
}

/// The last few records that left one step.
#[derive(Debug, Clone, PartialEq)]
pub struct Tap {
    /// The step.
    pub step: StepName,
    /// Oldest first.
    pub records: Vec<Record>,
}

/// An engine, as a console sees it. Every call may take long; none blocks the screen.
pub trait Link: Send + Sync + 'static {
    /// Who the console's actions are done by.
    fn actor(&self) -> String;

    /// Whether actions are refused: the console then shows none.
    fn read_only(&self) -> bool;

    /// Where the engine is, in a few words, when it is not in this process.
    fn place(&self) -> Option<String> {
        None
    }

    /// What the operator should know from the start.
    fn notice(&self) -> Option<String> {
        None
    }

    /// How the line to an engine elsewhere stands, as it changes.
    fn line(&self) -> Option<watch::Receiver<LineState>> {
        None
    }

    /// Lines of events that consoles of this engine share, when they are in its process.
    fn lines(&self) -> Lines {
        Lines::default()
    }

    /// Asks for a change. What it says when it was not done is a whole sentence; a change is never done twice.
    fn submit(&self, command: Command) -> BoxFuture<'static, Result<Accepted, LinkError>>;

    /// The read models as of now: where a console begins to fold.
    fn models(&self) -> BoxFuture<'static, Result<ReadModels, LinkError>>;

    /// Whether a console that has folded everything up to a position may go on from there: the log is the same one.
    fn resumes(&self, seen: Position) -> BoxFuture<'static, Result<bool, LinkError>>;

    /// The read models as of a point of the past. An error says from where on there are some.
    fn models_at(&self, at: At) -> BoxFuture<'static, Result<ReadModels, LinkError>>;

    /// Waits for events after a position; all there are, at most 4,096. One console follows in one place.
    fn follow(&self, after: Position) -> BoxFuture<'static, Result<Page, LinkError>>;

    /// Waits for events after a position, to look at a few that are next; at most `max`.
    fn read_on(&self, after: Position, max: usize) -> BoxFuture<'static, Result<Page, LinkError>>;

    /// Older events, oldest first: the last `max` before a position that pass.
    fn read_back(&self, before: Position, filter: Filter, max: usize) -> BoxFuture<'static, Result<Page, LinkError>>;

    /// The newest events of a stream before a position that a question needs, in any order; what is no longer kept is left
    /// out.
    fn events_of(&self, reading: Reading, before: Position) -> BoxFuture<'static, Result<Vec<Envelope>, LinkError>>;

    /// Waits for figures newer than a moment.
    fn vitals(&self, newer_than: Option<Timestamp>) -> BoxFuture<'static, Result<Arc<Vitals>, LinkError>>;

    /// Looks into a queue.
    fn peek(
        &self,
        queue: QueueName,
        which: Peek,
        offset: usize,
        max: usize,
    ) -> BoxFuture<'static, Result<Vec<PeekedMessage>, LinkError>>;

    /// A run's log lines after a number, oldest first.
    fn run_log(&self, run: RunId, after: u64, max: usize) -> BoxFuture<'static, Result<Vec<LogLine>, LinkError>>;

    /// The last few records that left each step of a live run.
    fn taps(&self, run: RunId) -> BoxFuture<'static, Result<Vec<Tap>, LinkError>>;

    /// Checks a pipeline file's text. `path` names it in messages and gives the folder for relative paths; without one they
    /// start where the engine runs.
    fn check(
        &self,
        text: String,
        path: Option<PathBuf>,
    ) -> BoxFuture<'static, Result<Result<Checked, Vec<PlacedMistake>>, LinkError>>;

    /// The graph of a definition, as the engine runs it.
    fn plan(&self, definition: Arc<Definition>) -> BoxFuture<'static, Result<Plan, LinkError>>;

    /// Tries a definition on samples from its own sources.
    fn dry_run(&self, checked: Checked, params: Map<String, Value>) -> BoxFuture<'static, Result<DryRun, LinkError>>;

    /// The next moments at which the schedule of a pipeline is due.
    fn ticks(&self, pipeline: PipelineName, count: usize) -> BoxFuture<'static, Result<Vec<Timestamp>, LinkError>>;

    /// Texts to begin with.
    fn templates(&self) -> Vec<Template>;

    /// Compiles a jq predicate over an event as `flexcore events --json` writes it: `.type`, `.stream`, `.data`.
    /// `Err`: what is wrong with it.
    fn predicate(&self, jq: &str) -> Result<Predicate, String>;
}

/// Whether an event passes. Output other than `false`, `null` and errors passes, as jq's `select` has it.
pub type Predicate = Arc<dyn Fn(&Envelope) -> bool + Send + Sync>;

/// All events of one correlation are found by this.
pub fn same_correlation(correlation: CorrelationId) -> impl Fn(&Envelope) -> bool {
    move |envelope| envelope.event.correlation == correlation
}
