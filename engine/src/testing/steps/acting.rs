//! The scripted steps at work.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Semaphore;

use super::{Deed, Diary, Durable, Place, Script};
use crate::{
    id::StepName,
    port::{
        BoxFuture,
        step::{
            Origin, Outcome, Pull, Record, RecordError, Resume, Sink, Source, SourceBatch, StepContext, StepError, Task,
            Transform, Written,
        },
    },
};

/// The one stream of a scripted source.
const STREAM: &str = "test";

/// A step with its script.
pub(super) struct Actor {
    name: StepName,
    script: Script,
    diary: Diary,
    gate: Option<Arc<Semaphore>>,
    failures: u32,
    refusals: u32,
    output: Output,
}

/// How many records a sink's output had when it began, and has.
#[derive(Clone, Copy)]
struct Output {
    begin: u64,
    end: u64,
}

impl Resume for Output {
    fn stream(&self) -> Arc<str> {
        STREAM.into()
    }

    fn begin(&self) -> u64 {
        self.begin
    }

    fn mark(&self, end: u64) -> BoxFuture<'_, Result<Value, StepError>> {
        Box::pin(async move { Ok(end.into()) })
    }
}

impl Actor {
    pub(super) fn new(name: StepName, script: Script, diary: Diary, gate: Option<Arc<Semaphore>>, context: &StepContext) -> Self {
        let begin = context.checkpoints.get(STREAM).and_then(Value::as_u64).unwrap_or_default();
        Self { name, script, diary, gate, failures: 0, refusals: 0, output: Output { begin, end: begin } }
    }

    fn note(&self, deed: impl FnOnce(String) -> Deed) {
        self.diary.note(deed(self.name.to_string()));
    }

    /// Comes to a place, and does there what the script says.
    pub(super) fn at(&self, place: Place) -> BoxFuture<'static, Result<(), StepError>> {
        self.note(|name| Deed::At(name, place));
        let (hangs, panics) = (self.script.hangs_in == Some(place), self.script.panics_in == Some(place));
        let gate = self.gate.clone().filter(|_| place == Place::Work);
        Box::pin(async move {
            assert!(!panics, "as the script says");
            if hangs {
                std::future::pending::<()>().await;
            }
            if let Some(gate) = gate {
                let permit = gate.acquire().await.map_err(|error| StepError::permanent(error.to_string()))?;
                permit.forget();
            }
            Ok(())
        })
    }

    async fn work(&mut self) -> Result<(), StepError> {
        self.at(Place::Work).await?;
        if self.failures >= self.script.fails {
            return Ok(());
        }
        self.failures += 1;
        let message = format!("`{}` failed as the script says", self.name);
        Err(if self.script.permanent { StepError::permanent(message) } else { StepError::transient(message) })
    }

    fn refusal(&mut self, record: &Record) -> Option<RecordError> {
        let poison = self.script.poison.as_ref()?;
        if record.value() != *poison {
            return None;
        }
        self.refusals += 1;
        match self.script.poison_mends_after {
            Some(times) if self.refusals > times => None,
            mends => Some(RecordError { message: format!("{poison} is poison"), retryable: mends.is_some() }),
        }
    }

    fn outcome(&mut self, record: &Record) -> Outcome {
        if let Some(error) = self.refusal(record) {
            return Outcome::Reject(error);
        }
        if !self.script.targets.is_empty() {
            let to = record.value()["to"].as_str().and_then(|to| StepName::new(to).ok());
            return to.map_or(Outcome::Drop, |to| Outcome::To(to, record.clone()));
        }
        match self.script.copies {
            None | Some(1) => Outcome::Keep(record.clone()),
            Some(0) => Outcome::Drop,
            Some(copies) => Outcome::Many(vec![record.clone(); copies]),
        }
    }

    fn note_durable(&self, when: Durable) -> bool {
        let durable = self.script.durable == when;
        if durable {
            self.note(Deed::Durable);
        }
        durable
    }
}

impl Transform for Actor {
    fn apply<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, Result<Vec<Outcome>, StepError>> {
        Box::pin(async {
            self.work().await?;
            Ok(records.iter().map(|record| self.outcome(record)).collect())
        })
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<(), StepError>> {
        self.at(Place::Finish)
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async { self.at(Place::Close).await.unwrap_or_default() })
    }
}

impl Sink for Actor {
    fn write<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, Result<Written, StepError>> {
        Box::pin(async {
            self.work().await?;
            let mut taken = Vec::new();
            let (mut rejected, mut ends) = (Vec::new(), Vec::new());
            for (index, record) in records.iter().enumerate() {
                match self.refusal(record) {
                    Some(error) => rejected.push((index, error)),
                    None => taken.push(record.value()),
                }
                ends.push(self.output.end + taken.len() as u64);
            }
            self.output.end += taken.len() as u64;
            self.note(|name| Deed::Took(name, taken));
            Ok(Written { durable: self.note_durable(Durable::Write), rejected, ends })
        })
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<bool, StepError>> {
        Box::pin(async {
            self.at(Place::Flush).await?;
            Ok(self.note_durable(Durable::Flush))
        })
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<(), StepError>> {
        Box::pin(async {
            self.at(Place::Finish).await?;
            self.note(Deed::Durable);
            Ok(())
        })
    }

    fn resumes(&self) -> Option<Arc<dyn Resume>> {
        self.script.resumes.then(|| Arc::new(self.output) as Arc<dyn Resume>)
    }

    fn abort(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async { self.at(Place::Abort).await.unwrap_or_default() })
    }
}

impl Task for Actor {
    fn run(&mut self) -> BoxFuture<'_, Result<Value, StepError>> {
        Box::pin(async {
            self.work().await?;
            Ok(Value::from("done"))
        })
    }
}

/// A source that begins where its checkpoint says.
pub(super) struct ScriptedSource {
    actor: Actor,
    next: usize,
}

pub(super) fn source(actor: Actor, context: &StepContext) -> ScriptedSource {
    let next = context.checkpoints.get(STREAM).and_then(Value::as_u64).unwrap_or_default() as usize;
    ScriptedSource { actor, next }
}

impl ScriptedSource {
    fn batch(&mut self) -> SourceBatch {
        let values = self.actor.script.batches[self.next].clone();
        let first = self.next == 0;
        self.next += 1;
        let record = |(index, value): (usize, &Value)| Record {
            origin: Origin { place: Some("script".into()), number: index as u64 + 1 },
            ..Record::of(value)
        };
        let unreadable = self.actor.script.unreadable.iter().filter(|_| first);
        let error = RecordError { message: "it cannot be read".into(), retryable: false };
        let batch = SourceBatch {
            records: values.iter().enumerate().map(record).collect(),
            rejected: unreadable.enumerate().map(record).map(|record| (record, error.clone())).collect(),
            stream: STREAM.into(),
            cursor: if self.actor.script.no_cursor { Value::Null } else { Value::from(self.next) },
        };
        self.actor.note(|name| Deed::Gave(name, values));
        batch
    }
}

impl Source for ScriptedSource {
    fn next(&mut self) -> BoxFuture<'_, Result<Pull, StepError>> {
        Box::pin(async {
            self.actor.work().await?;
            if self.next < self.actor.script.batches.len() {
                return Ok(Pull::Batch(self.batch()));
            }
            if self.actor.script.waits_at_end {
                std::future::pending::<()>().await;
            }
            Ok(Pull::End)
        })
    }

    fn ack<'a>(&'a mut self, _: &'a str, cursor: &'a Value) -> BoxFuture<'a, Result<(), StepError>> {
        Box::pin(async {
            self.actor.note(|name| Deed::Acked(name, cursor.clone()));
            Ok(())
        })
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async { self.actor.at(Place::Close).await.unwrap_or_default() })
    }
}
