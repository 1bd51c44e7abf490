//! Facts of the user's own (`event.append`). The engine stores and shows them and never interprets them, so they must not
//! look like its own.

use super::{Engine, append::Stamp};
use crate::{
    event::{
        Event,
        envelope::{DATA_BYTES_MAX, TYPE_BYTES_MAX},
    },
    id::{Actor, STREAM_BYTES_MAX, StepName, StreamName},
    port::{
        BoxFuture,
        step::{CustomEvent, EventAppender, StepError},
        store::{AppendError, Expected, StreamAppend},
    },
};

impl EventAppender for Engine {
    /// All or nothing. At most 1 MiB of JSON an event; streams and types of the engine are refused.
    fn append_custom<'a>(&'a self, step: &'a StepName, events: Vec<CustomEvent>) -> BoxFuture<'a, Result<(), StepError>> {
        Box::pin(self.append_fit(step, events))
    }
}

impl Engine {
    async fn append_fit(&self, step: &StepName, events: Vec<CustomEvent>) -> Result<(), StepError> {
        for event in &events {
            fits(event).map_err(|reason| StepError::permanent(format!("the event cannot be appended: {reason}")))?;
        }
        let batch = by_stream(events, &Stamp::new(Actor::Step(step.clone()), self.inner.clock.now()));
        if batch.is_empty() {
            return Ok(());
        }
        match self.append(batch).await {
            Ok(_) => Ok(()),
            Err(error @ AppendError::Unfit { .. }) => Err(StepError::permanent("the events cannot be appended").because(&error)),
            Err(error) => Err(StepError::transient("the events cannot be appended now").because(&error)),
        }
    }
}

/// One part a stream, in the order of first mention; the order within a stream stays.
fn by_stream(events: Vec<CustomEvent>, stamp: &Stamp) -> Vec<StreamAppend> {
    let mut parts: Vec<StreamAppend> = Vec::new();
    for CustomEvent { stream, kind, data } in events {
        let event = stamp.event(&kind, data);
        if let Some(part) = parts.iter_mut().find(|part| part.stream.as_str() == stream) {
            part.events.push(event);
        } else {
            let stream = StreamName(stream.into());
            parts.push(StreamAppend { stream, expected: Expected::Any, events: vec![event] });
        }
    }
    parts
}

fn fits(event: &CustomEvent) -> Result<(), String> {
    let CustomEvent { stream, kind, data } = event;
    is_name("stream", stream, STREAM_BYTES_MAX)?;
    is_name("type", kind, TYPE_BYTES_MAX)?;
    if StreamName(stream.as_str().into()).is_internal() {
        return Err(format!(
            "stream `{stream}` belongs to the engine; choose another first part than pipeline, run, queue, engine"
        ));
    }
    if is_internal_type(kind) {
        return Err(format!("type `{kind}` belongs to the engine; choose another first word"));
    }
    if data.len() > DATA_BYTES_MAX {
        return Err(format!("its data has {} bytes: at most {DATA_BYTES_MAX}", data.len()));
    }
    let checked: Result<&serde_json::value::RawValue, _> = serde_json::from_slice(data);
    checked.map(|_| ()).map_err(|error| format!("its data is not JSON: {error}"))
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
    let family = |text: &str| text.split('.').next().unwrap_or_default().to_owned();
    Event::TYPES.iter().any(|own| family(own) == family(kind))
}
