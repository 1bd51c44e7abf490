//! One step as written, with its policies: what every step type has in common, so that an author learns them once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Retry, one};
use crate::{id::StepName, unit::Duration};

/// One node of the pipeline's graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Unique in the pipeline.
    pub name: StepName,
    /// The step type, like `file.read`.
    pub uses: String,
    /// The settings of the step type.
    #[serde(default, rename = "with", skip_serializing_if = "Map::is_empty")]
    pub settings: Map<String, Value>,
    /// The steps whose records come in here (or, for a task, that must have ended). Default: the step before, or the
    /// `route` that names this step. `[]`: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<Vec<StepName>>,
    /// What happens to a record, or a task, that fails for good.
    #[serde(default)]
    pub on_error: OnError,
    /// How a failed read or write is tried again.
    #[serde(default)]
    pub retry: Retry,
    /// The longest one try may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// So many batches at once, for step types that keep nothing from record to record. A transform gives its records in
    /// order all the same; the batches of a sink may overtake each other.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub parallelism: u32,
    /// Sinks with `parallelism`: records of the same key are worked on by at most so many at once. With 1 they also keep
    /// their order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<ConcurrencyPolicy>,
    /// At most so many records in a time, like `100/s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// How records are gathered before a sink is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchPolicy>,
    /// How much may wait before this step.
    #[serde(default)]
    pub buffer: BufferPolicy,
    /// `false` leaves the step out: records pass it by.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_true(flag: &bool) -> bool {
    *flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_one(count: &u32) -> bool {
    *count == 1
}

/// How many work at once on records that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConcurrencyPolicy {
    /// jq: records for which it gives the same belong together.
    pub key: String,
    /// So many at once.
    #[serde(default = "one")]
    pub max: u32,
}

/// How records are gathered before a sink is called: whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BatchPolicy {
    /// So many records.
    pub max: u32,
    /// Or this long after the first.
    pub linger: Duration,
}

impl Default for BatchPolicy {
    fn default() -> Self {
        Self { max: 500, linger: Duration::from_millis(50) }
    }
}

/// How much may wait before a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BufferPolicy {
    /// Records, rounded up to whole batches.
    pub records_max: u32,
    /// What happens when so many wait.
    #[serde(skip_serializing_if = "WhenFull::is_block")]
    pub when_full: WhenFull,
}

impl Default for BufferPolicy {
    fn default() -> Self {
        Self { records_max: 4_000, when_full: WhenFull::Block }
    }
}

/// What happens when a buffer is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// The steps before are held up; nothing is lost.
    #[default]
    Block,
    /// What comes is dropped, counted and named in the step's log, and acknowledged as if it had been processed: for
    /// figures that are worth nothing when they are late.
    DropNewest,
}

impl WhenFull {
    /// The default is not written: definitions of older logs have the same revision as ever.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    fn is_block(&self) -> bool {
        *self == Self::Block
    }
}

/// What happens to what fails for good: one word, or the long form with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OnError {
    /// One word.
    Do(ErrorAction),
    /// With a limit.
    Limited(ErrorPolicy),
}

impl Default for OnError {
    fn default() -> Self {
        Self::Do(ErrorAction::Fail)
    }
}

impl OnError {
    /// The long form.
    pub fn policy(self) -> ErrorPolicy {
        match self {
            Self::Do(action) => ErrorPolicy { action, ratio_max: 1.0, window: window_default() },
            Self::Limited(policy) => policy,
        }
    }
}

/// What happens to what fails, up to which share.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorPolicy {
    /// What to do with one.
    #[serde(rename = "do")]
    pub action: ErrorAction,
    /// The run fails when more than this share of the last `window` records failed.
    #[serde(default = "all")]
    pub ratio_max: f64,
    /// So many records are looked at.
    #[serde(default = "window_default")]
    pub window: u32,
}

fn all() -> f64 {
    1.0
}

fn window_default() -> u32 {
    1000
}

/// What happens to a record that fails for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorAction {
    /// The attempt fails.
    #[default]
    Fail,
    /// It is dropped and counted.
    Skip,
    /// It goes to the pipeline's dead letters with its error.
    DeadLetter,
}
