//! `dedupe`: only the first record of each key passes. What was seen is kept in memory and bounded, so a restart or a
//! forgotten key lets a record pass again: at least once, never lost.

use std::collections::{HashSet, VecDeque};

use flexcore_engine::{
    pipeline::Mistake,
    port::{
        BoxFuture,
        clock::between,
        step::{BuiltStep, Outcome, Record, StepContext, StepError, StepKind, Transform},
    },
    unit::Duration,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{
    jq::{self, Given, Program, Running},
    spec::Spec,
    thread::Thread,
};

/// The most keys that can be asked for: about 600 MB.
const KEYS_MAX: usize = 10_000_000;

/// Settings of `dedupe`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct With {
    /// jq: what makes a record the same as another one. Default: the whole record.
    #[serde(default = "whole")]
    key: String,
    /// How long a key is remembered. Default: as long as there is room.
    #[serde(default)]
    window: Option<Duration>,
    /// How many keys are remembered; the oldest are forgotten beyond it.
    #[serde(default = "keys")]
    max: usize,
}

fn whole() -> String {
    ".".into()
}

fn keys() -> usize {
    100_000
}

/// `dedupe`.
pub(super) struct Dedupe;

impl Spec for Dedupe {
    type With = With;
    const NAME: &'static str = "dedupe";
    const KIND: StepKind = StepKind::Transform;
    const SUMMARY: &'static str = "Let only the first record of each key pass";

    fn mistakes(with: &With) -> Vec<Mistake> {
        let mut found = Vec::from_iter(jq::mistake("/key", &with.key));
        if with.max == 0 || with.max > KEYS_MAX {
            found.push(Mistake::at("/max", format!("`max` is {}, not between 1 and {KEYS_MAX}", with.max)));
        }
        found
    }

    fn build(with: With, context: StepContext) -> BoxFuture<'static, Result<BuiltStep, StepError>> {
        Box::pin(async move {
            let (given, key) = (Given::of(&context), Program::build(&with.key)?);
            let mut seen = Seen { keys: HashSet::new(), order: VecDeque::new(), window: with.window, keys_max: with.max };
            let thread = Thread::start("dedupe", move |(now, records): (Timestamp, Vec<Record>)| {
                let running = given.begin();
                seen.forget(now);
                records.into_iter().map(|record| seen.pass(record, &key, &running, now)).collect()
            })?;
            Ok(BuiltStep::Transform(Box::new(Firsts { thread, context })))
        })
    }
}

struct Firsts {
    thread: Thread<(Timestamp, Vec<Record>), Result<Vec<Outcome>, StepError>>,
    context: StepContext,
}

impl Transform for Firsts {
    fn apply<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, Result<Vec<Outcome>, StepError>> {
        Box::pin(async { self.thread.ask((self.context.clock.now(), records.to_vec())).await? })
    }
}

/// Keys are kept as digests: their size must not depend on what the records hold.
type Key = [u8; 16];

struct Seen {
    keys: HashSet<Key>,
    order: VecDeque<(Key, Timestamp)>,
    window: Option<Duration>,
    keys_max: usize,
}

impl Seen {
    fn forget(&mut self, now: Timestamp) {
        let Some(window) = self.window else { return };
        while self.order.front().is_some_and(|(_, at)| between(*at, now) >= window.0) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((key, _)) = self.order.pop_front() {
            self.keys.remove(&key);
        }
    }

    fn pass(&mut self, record: Record, key: &Program, running: &Running, now: Timestamp) -> Result<Outcome, StepError> {
        match digest(&record, key, running) {
            Ok(digest) if !self.keys.insert(digest) => Ok(Outcome::Drop),
            Ok(digest) => {
                self.order.push_back((digest, now));
                if self.order.len() > self.keys_max {
                    self.forget_oldest();
                }
                Ok(Outcome::Keep(record))
            }
            Err(failure) => failure.split(&format!("key `{}`", key.text())).map(Outcome::Reject),
        }
    }
}

fn digest(record: &Record, key: &Program, running: &Running) -> Result<Key, jq::Failure> {
    let value = key.one(jq::parse(&record.json)?, running)?;
    let value = value.ok_or_else(|| jq::Failure::Record("it gives nothing".into()))?;
    let text = jq::to_json(&value, &running.limits)?;
    let digest: [u8; 32] = Sha256::digest(&text).into();
    Ok(digest[..16].try_into().expect("a digest has 32 bytes"))
}
