//! The pipeline file, typed. What is optional here is optional in the file; defaults stand in one place, next to the key.
//! The JSON Schema that editors use is derived from these types.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

mod notify;
mod step;

pub use notify::{NOTIFY_MAX, Notify, Occasion, PipelineWebhook, not_a_url};
pub use step::{BatchPolicy, BufferPolicy, ConcurrencyPolicy, ErrorAction, ErrorPolicy, OnError, Step, WhenFull};

use crate::{
    id::{PipelineName, StepName},
    unit::{ByteSize, Duration},
};

/// The most steps of one pipeline.
pub const STEPS_MAX: usize = 64;

/// A pipeline: triggers, steps, policies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Unique name: 1 to 64 of a-z 0-9 . _ -
    pub name: PipelineName,
    /// One line for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The team or person to ask.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub owner: String,
    /// Words to filter by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Actions that stop or change it want its name typed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
    /// `batch` ends when its sources end; `continuous` does not end by itself.
    #[serde(default)]
    pub mode: Mode,
    /// Typed parameters of a run; jq sees them as `$params`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Param>,
    /// What starts a run besides an operator.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<Trigger>,
    /// What happens when a run is due while another one lives.
    #[serde(default)]
    pub overlap: Overlap,
    /// The longest an attempt may take. Batch: 1h unless said otherwise; continuous: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// How a failed attempt of the whole run is tried again. Default: batch one attempt, continuous for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// The steps, sources first.
    pub steps: Vec<Step>,
    /// How often the progress of sources is kept.
    #[serde(default)]
    pub checkpoint: CheckpointPolicy,
    /// How long records that could not be processed are kept.
    #[serde(default)]
    pub dead_letters: DeadLetterPolicy,
    /// Who is told elsewhere of its failures and recoveries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<Notify>,
    /// How long a stopping run may take to let what is in flight reach its sinks.
    #[serde(default = "drain_default")]
    pub drain: Duration,
    /// Tests: `flexcore test` runs them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<TestCase>,
}

impl Definition {
    /// Attempts in all that a run may take; at least one. A continuous pipeline tries for ever unless it says otherwise: it
    /// is not to stand still in the morning because of one lost connection at night.
    pub fn attempts_max(&self) -> u32 {
        match (self.mode, self.retry) {
            (Mode::Batch, None) => 1,
            (Mode::Continuous, None) => u32::MAX,
            (_, Some(retry)) => retry.attempts.max(1),
        }
    }

    /// How the waits between attempts grow.
    pub fn run_retry(&self) -> Retry {
        self.retry.unwrap_or_default()
    }

    /// The longest one attempt may take. `None`: a continuous pipeline without a limit of its own.
    pub fn attempt_timeout(&self) -> Option<Duration> {
        match self.mode {
            Mode::Batch => Some(self.timeout.unwrap_or(Duration::from_secs(3_600))),
            Mode::Continuous => self.timeout,
        }
    }
}

fn drain_default() -> Duration {
    Duration::from_secs(30)
}

/// Whether a run ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Ends when its sources end.
    #[default]
    Batch,
    /// Runs until it is stopped.
    Continuous,
}

/// What happens when a run is due while another one lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// The new run does not start; a skipped tick is an event.
    #[default]
    Skip,
    /// The new run waits for the old one.
    Queue,
    /// The old run is cancelled, the new one starts after it.
    Cancel,
    /// Both run.
    Allow,
}

/// A typed parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Param {
    /// The JSON type.
    #[serde(rename = "type")]
    pub kind: ParamType,
    /// Used when a run does not give it. Without a default the parameter must be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// `date-time` or `date` for strings: checked when a run is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<ParamFormat>,
    /// One line for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

/// The JSON type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParamType {
    /// Text.
    String,
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// true or false.
    Boolean,
}

/// What a string parameter must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ParamFormat {
    /// RFC 3339, like 2026-01-31T12:00:00Z.
    DateTime,
    /// Like 2026-01-31.
    Date,
}

/// What starts a run besides an operator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Trigger {
    /// At the times of a cron expression.
    Cron(CronTrigger),
    /// At a fixed distance.
    Interval(IntervalTrigger),
}

/// At the times of a cron expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CronTrigger {
    /// Five fields (minute hour day month weekday), or six with seconds first.
    pub cron: String,
    /// IANA name of the time zone.
    #[serde(default = "utc")]
    pub timezone: String,
    /// What happens in the hour that a clock change skips or repeats.
    #[serde(default)]
    pub dst: DstRule,
    /// Which missed ticks are made good after a stop. Default: none; each missed tick is an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catch_up: Option<CatchUp>,
}

fn utc() -> String {
    "UTC".into()
}

/// At a fixed distance, the first time at the moment of activation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IntervalTrigger {
    /// The distance between two ticks: at least 1s.
    pub interval: Duration,
    /// Which missed ticks are made good after a stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catch_up: Option<CatchUp>,
}

/// What happens in the hour that a clock change skips (gap) or repeats (fold). An expression that ticks in every hour is a
/// rhythm, not a time of day: it goes on evenly, whatever these say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DstRule {
    /// For a time that does not exist that day.
    pub gap: DstGap,
    /// For a time that exists twice that day.
    pub fold: DstFold,
}

/// For a time that does not exist that day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DstGap {
    /// It runs at the first moment after the gap.
    #[default]
    Shift,
    /// It does not run that day.
    Skip,
}

/// For a time that exists twice that day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DstFold {
    /// It runs at the first of the two.
    #[default]
    First,
    /// It runs at both.
    Both,
}

/// Which missed ticks are made good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CatchUp {
    /// Only ticks that are younger than this.
    pub window: Duration,
    /// At most so many runs, the newest first.
    #[serde(default = "one")]
    pub max: u32,
}

fn one() -> u32 {
    1
}

/// How a failure is tried again: exponential backoff with jitter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Tries in all, the first included. 0: for ever, with back-pressure (steps only).
    pub attempts: u32,
    /// The wait after the first failure.
    pub backoff: Duration,
    /// Each wait is so many times the one before.
    pub factor: f64,
    /// The longest wait.
    pub max: Duration,
    /// The part of a wait that is random: 0.2 means ±20 %.
    pub jitter: f64,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 3, backoff: Duration::from_secs(1), factor: 2.0, max: Duration::from_secs(60), jitter: 0.2 }
    }
}

/// How often the progress of sources is kept: whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointPolicy {
    /// After this time.
    pub every: Duration,
    /// After so many records.
    pub records: u64,
}

impl Default for CheckpointPolicy {
    fn default() -> Self {
        Self { every: Duration::from_secs(5), records: 100_000 }
    }
}

/// How long records that could not be processed are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeadLetterPolicy {
    /// Older ones are dropped.
    pub retain: Duration,
    /// When the queue holds more than this, the run fails instead of losing records.
    pub bytes_max: ByteSize,
}

impl Default for DeadLetterPolicy {
    fn default() -> Self {
        Self { retain: Duration::from_secs(30 * 86_400), bytes_max: ByteSize(64 << 20) }
    }
}

/// A test of one step, or of the whole path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestCase {
    /// What it shows.
    pub name: String,
    /// The one step under test; without it the whole path is tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepName>,
    /// Records: a list for one step, a map from source to list for the whole path.
    pub input: Value,
    /// The records that the step must give, in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Vec<Value>>,
    /// Whole path: answers in place of steps that reach outside.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mock: BTreeMap<StepName, Value>,
    /// Whole path: how many records reach each step (`dead_letters` counts those), or the records themselves.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub expect: BTreeMap<String, Value>,
    /// Parameters of the run.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
}
