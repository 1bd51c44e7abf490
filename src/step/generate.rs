//! `generate`: records by the clock and a jq template, to try a pipeline with or to wake one up.

use flexcore_engine::{
    pipeline::Mistake,
    port::{
        BoxFuture,
        clock::after,
        step::{BuiltStep, Origin, Pull, Record, Source, SourceBatch, StepContext, StepError, StepKind},
    },
    unit::Duration,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    jq::{self, Given, Program, Val},
    spec::Spec,
    thread::Thread,
};

/// Records made at once when there is no interval.
const CHUNK: u64 = 500;
const STREAM: &str = "generate";

/// Settings of `generate`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct With {
    /// The distance between two records. 0ms: as fast as they are taken.
    #[serde(default = "second")]
    interval: Duration,
    /// So many records, then the end. Without it there is no end.
    #[serde(default)]
    count: Option<u64>,
    /// jq for one record; `$n` counts from 1, `$now` is the time in seconds.
    #[serde(default = "plain")]
    template: String,
}

fn second() -> Duration {
    Duration::from_secs(1)
}

fn plain() -> String {
    "{n: $n, at: ($now | todate)}".into()
}

/// `generate`.
pub(super) struct Generate;

impl Spec for Generate {
    type With = With;
    const NAME: &'static str = "generate";
    const KIND: StepKind = StepKind::Source;
    const SUMMARY: &'static str = "Make records by the clock and a jq template";

    fn mistakes(with: &With) -> Vec<Mistake> {
        let mut found = Vec::from_iter(jq::mistake("/template", &with.template));
        if with.interval.0.is_zero() && with.count.is_none() {
            let mistake = Mistake::at("", "an interval of 0 without a count never pauses and never ends");
            found.push(mistake.hint("give `count` or a longer `interval`"));
        }
        found
    }

    fn build(with: With, context: StepContext) -> BoxFuture<'static, Result<BuiltStep, StepError>> {
        Box::pin(async move {
            let program = Program::build(&with.template)?;
            let last = context.checkpoints.get(STREAM).and_then(|cursor| cursor["n"].as_u64()).unwrap_or(0);
            let of = context.clone();
            let thread = Thread::start("generate", move |(now, from, to)| make(&program, &of, now, from, to))?;
            Ok(BuiltStep::Source(Box::new(Generator { thread, with, context, last, due: None })))
        })
    }
}

struct Generator {
    thread: Thread<(Timestamp, u64, u64), Result<Vec<Record>, StepError>>,
    with: With,
    context: StepContext,
    /// The number of the last record that was given out.
    last: u64,
    due: Option<Timestamp>,
}

impl Generator {
    async fn wait(&mut self) {
        let clock = &self.context.clock;
        let due = *self.due.get_or_insert_with(|| clock.now());
        clock.sleep_until(due).await;
    }

    fn upto(&self) -> u64 {
        let chunk = if self.with.interval.0.is_zero() { CHUNK } else { 1 };
        self.with.count.unwrap_or(u64::MAX).min(self.last.saturating_add(chunk))
    }
}

impl Source for Generator {
    fn next(&mut self) -> BoxFuture<'_, Result<Pull, StepError>> {
        Box::pin(async {
            let to = self.upto();
            if to <= self.last {
                return Ok(Pull::End);
            }
            self.wait().await;
            let now = self.context.clock.now();
            let records = self.thread.ask((now, self.last + 1, to)).await??;
            // A clock that jumped ahead, or a slow pipeline, does not make a burst of what was missed.
            self.due = self.due.map(|due| after(due, self.with.interval.0).max(now));
            self.last = to;
            Ok(Pull::Batch(SourceBatch { records, rejected: Vec::new(), stream: STREAM.into(), cursor: json!({"n": to}) }))
        })
    }

    fn ack<'a>(&'a mut self, _: &'a str, _: &'a Value) -> BoxFuture<'a, Result<(), StepError>> {
        Box::pin(async { Ok(()) })
    }
}

fn make(program: &Program, context: &StepContext, now: Timestamp, from: u64, to: u64) -> Result<Vec<Record>, StepError> {
    (from..=to).map(|n| make_one(program, &Given::at(context, now, n), n)).collect()
}

fn make_one(program: &Program, given: &Given, n: u64) -> Result<Record, StepError> {
    let json = program
        .one(Val::Null, &given.begin())
        .and_then(|output| jq::to_json(&output.unwrap_or_default(), &given.limits))
        .map_err(|failure| match failure.split(&format!("template `{}`", program.text())) {
            Ok(error) => StepError::permanent(error.message),
            Err(error) => error,
        })?;
    Ok(Record { json, origin: Origin { place: Some("generate".into()), number: n } })
}
