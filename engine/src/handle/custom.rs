//! Facts of the user's own (`event.append`). The engine stores and shows them and never interprets them, so they must not
//! look like its own.

use std::collections::HashMap;

use bytes::Bytes;
use foldhash::fast::RandomState;
use serde_json::value::RawValue;

use super::{Engine, append::Stamp};
use crate::{
    event::{
        Event,
        envelope::{DATA_BYTES_MAX, TYPE_BYTES_MAX},
    },
    id::{Actor, CorrelationId, EventId, Position, STREAM_BYTES_MAX, StepName, StreamName},
    port::{
        BoxFuture,
        step::{CustomEvent, EventAppender, StepError},
        store::{AppendError, Expected, StreamAppend},
    },
};

/// A fact that somebody outside of the engine states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Names it.
    pub id: EventId,
    /// What it happened to.
    pub stream: String,
    /// What happened.
    pub kind: String,
    /// At most 1 MiB.
    pub data: FactData,
}

/// What there is to know of a fact: JSON, which was looked at once, where it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactData(Bytes);

impl FactData {
    /// Looks at a text. `Err`: it is not JSON.
    pub fn read(text: Bytes) -> Result<Self, serde_json::Error> {
        serde_json::from_slice::<&RawValue>(&text)?;
        Ok(Self(text))
    }

    /// A text that its caller has just parsed as JSON.
    pub fn parsed(text: Bytes) -> Self {
        Self(text)
    }

    /// Where there is nothing to know.
    pub fn null() -> Self {
        Self(Bytes::from_static(b"null"))
    }

    /// The JSON.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Fact {
    /// Whether it can be appended. `Err`: what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        fits(&self.stream, &self.kind, self.data.as_bytes())
    }
}

/// Why no fact was appended.
#[derive(Debug, thiserror::Error)]
pub enum FactError {
    /// One of them does not fit.
    #[error("the event cannot be appended: {reason}")]
    Unfit {
        /// Which, from 0.
        index: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The log did not take them.
    #[error(transparent)]
    Append(#[from] AppendError),
}

impl EventAppender for Engine {
    /// All or nothing. At most 1 MiB of JSON an event; streams and types of the engine are refused.
    fn append_custom<'a>(&'a self, step: &'a StepName, events: Vec<CustomEvent>) -> BoxFuture<'a, Result<(), StepError>> {
        Box::pin(self.append_of_step(step, events))
    }
}

impl Engine {
    /// Appends facts of somebody outside: all or nothing, in their order per stream. `expected` is what the writer believes
    /// of every stream among them. Answers with the position of each.
    pub async fn append_facts(
        &self,
        actor: Actor,
        correlation: CorrelationId,
        facts: Vec<Fact>,
        expected: Expected,
    ) -> Result<Vec<Position>, FactError> {
        for (index, fact) in facts.iter().enumerate() {
            fact.check().map_err(|reason| FactError::Unfit { index, reason })?;
        }
        if facts.is_empty() {
            return Ok(Vec::new());
        }
        let stamp = Stamp { actor, at: self.inner.clock.now(), correlation, cause: None };
        let (batch, places) = by_stream(facts, &stamp, expected);
        let before: Vec<u64> = batch
            .iter()
            .scan(0, |sum, part| {
                let before = *sum;
                *sum += part.events.len() as u64;
                Some(before)
            })
            .collect();
        let appended = self.append(batch).await?;
        Ok(places.into_iter().map(|(part, index)| Position(appended.first.0 + before[part] + index)).collect())
    }

    async fn append_of_step(&self, step: &StepName, events: Vec<CustomEvent>) -> Result<(), StepError> {
        let facts = events.into_iter().map(|CustomEvent { stream, kind, data }| {
            let data = FactData::read(data).map_err(|error| format!("its data is not JSON: {error}"))?;
            Ok(Fact { id: EventId::fresh(), stream, kind, data })
        });
        let facts = facts.collect::<Result<_, String>>();
        let facts = facts.map_err(|reason| StepError::permanent(format!("the event cannot be appended: {reason}")))?;
        match self.append_facts(Actor::Step(step.clone()), CorrelationId::fresh(), facts, Expected::Any).await {
            Ok(_) => Ok(()),
            Err(error @ FactError::Unfit { .. }) => Err(StepError::permanent(error.to_string())),
            Err(FactError::Append(error @ AppendError::Unfit { .. })) => {
                Err(StepError::permanent("the events cannot be appended").because(&error))
            }
            Err(FactError::Append(error)) => Err(StepError::transient("the events cannot be appended now").because(&error)),
        }
    }
}

/// One part a stream, in the order of first mention; the order within a stream stays. Beside it, part and index of each.
fn by_stream(facts: Vec<Fact>, stamp: &Stamp, expected: Expected) -> (Vec<StreamAppend>, Vec<(usize, u64)>) {
    let mut parts: Vec<StreamAppend> = Vec::new();
    let mut known: HashMap<String, usize, RandomState> = HashMap::default();
    let mut places = Vec::with_capacity(facts.len());
    for Fact { id, stream, kind, data } in facts {
        let event = stamp.event_of(id, &kind, data.0);
        let part = *known.entry(stream).or_insert_with_key(|stream| {
            let stream = StreamName(stream.as_str().into());
            parts.push(StreamAppend { stream, expected, events: Vec::new() });
            parts.len() - 1
        });
        places.push((part, parts[part].events.len() as u64));
        parts[part].events.push(event);
    }
    (parts, places)
}

fn fits(stream: &str, kind: &str, data: &[u8]) -> Result<(), String> {
    is_name("stream", stream, STREAM_BYTES_MAX)?;
    is_name("type", kind, TYPE_BYTES_MAX)?;
    if StreamName::is_internal_name(stream) {
        return Err(format!(
            "stream `{stream}` belongs to the engine; choose another first part than pipeline, run, queue, engine, alert"
        ));
    }
    if is_internal_type(kind) {
        return Err(format!("type `{kind}` belongs to the engine; choose another first word"));
    }
    if data.len() > DATA_BYTES_MAX {
        return Err(format!("its data has {} bytes: at most {DATA_BYTES_MAX}", data.len()));
    }
    Ok(())
}

fn is_name(what: &str, text: &str, bytes_max: usize) -> Result<(), String> {
    if text.is_empty() || text.len() > bytes_max {
        return Err(format!("its {what} has {} bytes: 1 to {bytes_max}", text.len()));
    }
    match text.chars().find(|c| c.is_control() || c.is_whitespace()) {
        Some(odd) => Err(format!("its {what} has a character that does not belong there: {odd:?}")),
        None => Ok(()),
    }
}

/// The first words of the engine's own types are taken as a whole, so that a later version can add types.
fn is_internal_type(kind: &str) -> bool {
    let given = kind.split('.').next().unwrap_or_default();
    Event::TYPES.iter().any(|own| own.strip_prefix(given).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}
