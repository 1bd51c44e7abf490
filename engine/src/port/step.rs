//! The contract of step types. The shell has one file a type and one table that lists them; the engine knows them only as
//! sources, transforms, sinks and tasks.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::{BoxFuture, clock::Clock, queue::Queues};
use crate::{
    flow::log::StepLog,
    id::{CorrelationId, PipelineName, Revision, RunId, StepName},
    pipeline::{Mistake, Step},
};

/// The largest record, in bytes.
pub const RECORD_BYTES_MAX: usize = 16 << 20;
/// The most records of one batch.
pub const BATCH_RECORDS_MAX: usize = 1_000;
/// The most bytes of one batch, unless a single record is larger.
pub const BATCH_BYTES_MAX: usize = 1 << 20;

/// One JSON value, as text: steps that only pass it on never parse it, and its size is known. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Valid JSON, without a line feed.
    pub json: Bytes,
    /// Where it came from, such as `data.csv:17`; shown with errors. Shared by the records of a batch where it can be.
    pub origin: Origin,
}

/// Where a record came from. Kept small: it travels with every record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The file, queue, URL or process.
    pub place: Option<Arc<str>>,
    /// Line, message number or index in it, from 1; 0: none.
    pub number: u64,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.place, self.number) {
            (Some(place), 0) => f.write_str(place),
            (Some(place), number) => write!(f, "{place}:{number}"),
            (None, 0) => Ok(()),
            (None, number) => write!(f, "#{number}"),
        }
    }
}

impl Record {
    /// A record of JSON text that is known to be valid.
    pub fn new(json: impl Into<Bytes>) -> Self {
        Self { json: json.into(), origin: Origin::default() }
    }

    /// A record of a value.
    pub fn of(value: &Value) -> Self {
        Self::new(value.to_string())
    }

    /// The value; `null` should the text not be JSON after all.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.json).unwrap_or_default()
    }
}

/// A failure of a whole call: read, write, task, build.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StepError {
    /// One sentence: what failed, where, and what to do.
    pub message: String,
    /// What led to it, outermost first.
    pub causes: Vec<String>,
    /// Whether another try may help.
    pub retryable: bool,
}

impl StepError {
    /// A failure that another try may mend, such as a lost connection.
    pub fn transient(message: impl Into<String>) -> Self {
        Self { message: message.into(), causes: Vec::new(), retryable: true }
    }

    /// A failure that no other try mends, such as a wrong setting.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self { message: message.into(), causes: Vec::new(), retryable: false }
    }

    /// Adds an error and its sources as causes.
    pub fn because(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next.filter(|_| self.causes.len() < 8) {
            self.causes.push(error.to_string());
            next = error.source();
        }
        self
    }
}

/// A failure of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordError {
    /// One sentence.
    pub message: String,
    /// Whether trying the same record again may help.
    pub retryable: bool,
}

/// Records from a source, and where it stands after them.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceBatch {
    /// In order; may be empty when only the cursor moved.
    pub records: Vec<Record>,
    /// Input that is not a record (a torn line, a bad row): handled by the step's `on_error`.
    pub rejected: Vec<(Record, RecordError)>,
    /// Which of the source's streams they belong to, such as a file. Cursors are kept per stream.
    pub stream: Arc<str>,
    /// Where the source stands in that stream after these records: it begins there when these are acked and the run is
    /// started again. `null`: the source cannot resume, and in a batch its records come again from the beginning, so that
    /// sinks take back what they wrote of them. A source whose acked records do not come again gives another cursor.
    pub cursor: Value,
}

/// What a source has.
#[derive(Debug, Clone, PartialEq)]
pub enum Pull {
    /// Records.
    Batch(SourceBatch),
    /// Its end.
    End,
}

/// Makes records.
pub trait Source: Send {
    /// The next records; waits until there are some. Cancel-safe: dropped at any await, the next call loses nothing.
    fn next(&mut self) -> BoxFuture<'_, Result<Pull, StepError>>;

    /// Everything up to a cursor is safe in the sinks and the checkpoint is durable: messages may be acked upstream.
    fn ack<'a>(&'a mut self, stream: &'a str, cursor: &'a Value) -> BoxFuture<'a, Result<(), StepError>>;

    /// The run ends (well, failed or cancelled): give back what is held. Called once, last.
    fn close(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It goes on, perhaps changed.
    Keep(Record),
    /// It became several.
    Many(Vec<Record>),
    /// It goes to one named step only.
    To(StepName, Record),
    /// It ends here, as it should.
    Drop,
    /// It could not be processed.
    Reject(RecordError),
}

/// Changes records. It holds none back: every record is answered by the call that brings it, because its
/// acknowledgement goes on with that answer.
pub trait Transform: Send {
    /// One outcome for each record, in order. Work that keeps a processor busy goes to a blocking thread.
    fn apply<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, Result<Vec<Outcome>, StepError>>;

    /// Nothing more comes in: a child process is let end by itself here, and its failure is the step's.
    fn finish(&mut self) -> BoxFuture<'_, Result<(), StepError>> {
        Box::pin(async { Ok(()) })
    }

    /// Called once, last, however the run ends: end child processes here.
    fn close(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// How a sink took records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// All of this call and before is durable. `false`: not before the next `flush` or `finish`.
    pub durable: bool,
    /// Records, by index, that were refused; the others were taken.
    pub rejected: Vec<(usize, RecordError)>,
    /// Where the output ended after each record, refused ones included, in the sink's own measure; for sinks that
    /// [`Sink::resumes`].
    pub ends: Vec<u64>,
}

impl Written {
    /// Everything was taken.
    pub fn all(durable: bool) -> Self {
        Self { durable, ..Self::default() }
    }
}

/// How the output of a sink can be gone on with by another attempt: what is behind the last checkpoint is taken back first,
/// because its records come again. What it says is kept with the sources' checkpoints, in the same append, and given back as
/// [`StepContext::checkpoints`].
pub trait Resume: Send + Sync {
    /// Names the output, such as a file.
    fn stream(&self) -> Arc<str>;

    /// Where this attempt's output begins, in the sink's measure.
    fn begin(&self) -> u64;

    /// What it takes to go on after `end`, which is durable; `null`: nothing. Called from another task than the sink's, also
    /// after the sink's end.
    fn mark(&self, end: u64) -> BoxFuture<'_, Result<Value, StepError>>;
}

/// Keeps records.
pub trait Sink: Send {
    /// Takes records in order. On an error none counts as taken and the same records may come again (at least once).
    fn write<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, Result<Written, StepError>>;

    /// Makes durable what was taken, where that is possible before the end; says whether it did. A file that is replaced
    /// as a whole cannot: it becomes durable by `finish`, and checkpoints wait for it.
    fn flush(&mut self) -> BoxFuture<'_, Result<bool, StepError>>;

    /// Nothing more comes in: everything becomes durable and visible.
    fn finish(&mut self) -> BoxFuture<'_, Result<(), StepError>>;

    /// How another attempt goes on; `None`: it cannot, and records that no checkpoint covers may be in the output twice.
    /// Asked once, before the first write.
    fn resumes(&self) -> Option<Arc<dyn Resume>> {
        None
    }

    /// The run failed or was cancelled: leave nothing half done, but what another attempt may go on with. Called instead of
    /// `finish`.
    fn abort(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// Does one thing.
pub trait Task: Send {
    /// Does it; the answer is shown with the step. Watches `context.cancel`.
    fn run(&mut self) -> BoxFuture<'_, Result<Value, StepError>>;
}

/// A step ready to work.
pub enum BuiltStep {
    /// Makes records.
    Source(Box<dyn Source>),
    /// Changes records.
    Transform(Box<dyn Transform>),
    /// Keeps records.
    Sink(Box<dyn Sink>),
    /// Does one thing.
    Task(Box<dyn Task>),
}

/// What a step type is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Makes records.
    Source,
    /// Changes records.
    Transform,
    /// Keeps records.
    Sink,
    /// Does one thing.
    Task,
}

impl StepKind {
    /// Whether records come out.
    pub fn gives_records(self) -> bool {
        matches!(self, Self::Source | Self::Transform)
    }

    /// Whether records go in.
    pub fn takes_records(self) -> bool {
        matches!(self, Self::Transform | Self::Sink)
    }
}

/// Facts appended by steps for the user's own purposes (`event.append`).
pub trait EventAppender: Send + Sync + 'static {
    /// Appends events of the user's own to a stream of the user's own. Refused for the engine's streams and types.
    fn append_custom<'a>(&'a self, step: &'a StepName, events: Vec<CustomEvent>) -> BoxFuture<'a, Result<(), StepError>>;
}

/// An event of the user's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomEvent {
    /// Where.
    pub stream: String,
    /// What.
    pub kind: String,
    /// JSON.
    pub data: Bytes,
}

/// Looks up `${secret:path}` in the worker, and nowhere else.
pub trait Secrets: Send + Sync + 'static {
    /// The secret, or a sentence that says where was looked.
    fn resolve(&self, path: &str) -> Result<Secret, String>;
}

/// Text that cannot be printed.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps it.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself. Every call of this is a place to review.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// What a step is built with.
#[derive(Clone)]
pub struct StepContext {
    /// Whose run.
    pub pipeline: PipelineName,
    /// The run.
    pub run: RunId,
    /// From 1.
    pub attempt: u32,
    /// The trace that requests to others name; `None`: none is recorded.
    pub trace: Option<CorrelationId>,
    /// The revision.
    pub revision: Revision,
    /// The step.
    pub step: StepName,
    /// Checked parameters: `$params` in jq.
    pub params: Arc<Map<String, Value>>,
    /// Single records are processed again: what the run gives belongs to what is there, and takes the place of nothing.
    pub is_replay: bool,
    /// The pipeline is continuous: its next run goes on where this one ends.
    pub is_continuous: bool,
    /// When the attempt began: `now` in jq.
    pub started_at: Timestamp,
    /// Where to go on, per stream: a source's cursors, a sink's marks. Empty: from the beginning.
    pub checkpoints: BTreeMap<String, Value>,
    /// Relative paths start here.
    pub folder: PathBuf,
    /// Resolves when the run stops. What a step started (child processes) must end then.
    pub cancel: CancellationToken,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The step's log, shown in the console. Bounded.
    pub log: StepLog,
    /// Queues.
    pub queues: Arc<dyn Queues>,
    /// The log, for `event.append`.
    pub events: Arc<dyn EventAppender>,
    /// Secrets.
    pub secrets: Arc<dyn Secrets>,
}

/// A step type as listed.
#[derive(Debug, Clone)]
pub struct StepType {
    /// Like `file.read`.
    pub name: &'static str,
    /// What it is.
    pub kind: StepKind,
    /// One line for people.
    pub summary: &'static str,
    /// Whether several of it may work side by side on one step's records: they share nothing and keep nothing from one
    /// record to the next.
    pub parallel: bool,
    /// JSON Schema of its settings.
    pub schema: Value,
}

/// What makes records belong together, by an expression of the author: equal for records that do. Never fails: a record
/// that the expression does not fit belongs to those without a key.
pub type KeyOf = Arc<dyn Fn(&Record) -> Bytes + Send + Sync>;

/// The table of step types.
pub trait StepTypes: Send + Sync + 'static {
    /// All of them, by name.
    fn list(&self) -> &[StepType];

    /// The one with a name.
    fn find(&self, name: &str) -> Option<&StepType> {
        self.list().iter().find(|step_type| step_type.name == name)
    }

    /// Everything wrong with a step's settings; pointers start at the settings (`/filter`).
    fn check(&self, step: &Step) -> Vec<Mistake>;

    /// The steps that this step names as targets of records (`route`).
    fn targets(&self, step: &Step) -> Vec<StepName>;

    /// An expression as a key of records, or what is wrong with it.
    fn key(&self, expression: &str) -> Result<KeyOf, String>;

    /// Makes it ready to work. Settings are checked, so an error is of the world: a file, a connection, a secret.
    fn build<'a>(&'a self, step: &'a Step, context: StepContext) -> BoxFuture<'a, Result<BuiltStep, StepError>>;
}
