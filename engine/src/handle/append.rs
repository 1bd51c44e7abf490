//! Decide and append, again when somebody else was first.

use std::{slice, sync::Arc};

use bytes::Bytes;
use jiff::Timestamp;

use super::{Accepted, Engine, Refusal, aggregates::Aggregates};
use crate::{
    aggregate::{Aggregate, Rejection},
    command::Request,
    event::{Event, EventType, NewEvent, system::CommandRejected},
    id::{Actor, CorrelationId, EventId, StreamName, Version},
    port::store::{AppendError, Expected, StreamAppend},
};

/// How often a command is decided again because another writer was first.
pub(super) const CONFLICTS_MAX: usize = 8;

/// What a decision appends.
pub(super) struct Decision {
    /// To the stream of the aggregate that decided.
    pub(super) own: Vec<Event>,
    /// To other streams, in the same append.
    pub(super) beside: Vec<Beside>,
}

/// Who, when, and what it belongs to: what every event carries besides what happened.
pub(super) struct Stamp {
    pub(super) actor: Actor,
    pub(super) at: Timestamp,
    pub(super) correlation: CorrelationId,
    pub(super) cause: Option<EventId>,
}

impl Stamp {
    pub(super) fn of(request: &Request) -> Self {
        let Request { actor, at, correlation, cause, .. } = request;
        Self { actor: actor.clone(), at: *at, correlation: *correlation, cause: *cause }
    }

    /// A stamp that begins a correlation of its own.
    pub(super) fn new(actor: Actor, at: Timestamp) -> Self {
        Self { actor, at, correlation: CorrelationId::fresh(), cause: None }
    }

    pub(super) fn event(&self, kind: &str, data: Bytes) -> NewEvent {
        self.event_of(EventId::fresh(), kind, data)
    }

    /// One that has an id already.
    pub(super) fn event_of(&self, id: EventId, kind: &str, data: Bytes) -> NewEvent {
        NewEvent {
            id,
            kind: EventType(kind.into()),
            data,
            at: self.at,
            actor: self.actor.clone(),
            correlation: self.correlation,
            cause: self.cause,
        }
    }

    pub(super) fn events(&self, events: &[Event]) -> Vec<NewEvent> {
        events.iter().map(|event| self.event(event.kind(), event.data())).collect()
    }
}

/// Events of another stream in the same append.
pub(super) struct Beside {
    pub(super) stream: StreamName,
    pub(super) expected: Expected,
    pub(super) events: Vec<Event>,
    /// What it means when that stream is not where it is expected.
    pub(super) taken: Option<Rejection>,
}

impl Decision {
    /// Events whose type begins with a family stay; the others, if any, go beside.
    pub(super) fn split(events: Vec<Event>, family: &str, beside: impl FnOnce(Vec<Event>) -> Option<Beside>) -> Self {
        let (own, other): (Vec<_>, Vec<_>) = events.into_iter().partition(|event| event.kind().starts_with(family));
        let beside = if other.is_empty() { None } else { beside(other) };
        Self { own, beside: beside.into_iter().collect() }
    }
}

impl Engine {
    /// Loads, decides, appends. Answers the state after it and the events of the aggregate's own stream.
    pub(super) async fn change<A: Aggregate>(
        &self,
        aggregates: &Aggregates<A>,
        stream: &StreamName,
        request: &Request,
        decide: impl Fn(&A) -> Result<Decision, Rejection>,
    ) -> Result<(Accepted, Arc<A>, Vec<Event>), Refusal> {
        self.change_from(aggregates, stream, request, |state, _| decide(state)).await
    }

    /// The same for decisions that depend on more than the state: whoever has looked at something else as of a version of the
    /// stream decides only at that version.
    pub(super) async fn change_from<A: Aggregate>(
        &self,
        aggregates: &Aggregates<A>,
        stream: &StreamName,
        request: &Request,
        decide: impl Fn(&A, Version) -> Result<Decision, Rejection>,
    ) -> Result<(Accepted, Arc<A>, Vec<Event>), Refusal> {
        // One at a time per stream: within a process nobody loses a race, and none is overtaken for ever.
        let _turn = aggregates.turn(stream).await;
        let mut trust = true;
        for _ in 0..CONFLICTS_MAX {
            let held = aggregates.load(&*self.inner.store, stream, trust).await?;
            let decision = match decide(&held.state, held.version) {
                // What is held may be behind the log: a refusal is checked against the log itself.
                Err(_) if trust => {
                    trust = false;
                    continue;
                }
                decided => decided?,
            };
            trust = false;
            match self.append_decision(stream, held.version, &decision, request).await {
                Ok(accepted) => {
                    let state = aggregates.advance(stream, &held, &decision.own, accepted.last);
                    return Ok((accepted, state, decision.own));
                }
                Err(AppendError::Conflict { stream: taken, .. }) => {
                    let reason = decision.beside.into_iter().find(|beside| beside.stream == taken);
                    if let Some(rejection) = reason.and_then(|beside| beside.taken) {
                        return Err(rejection.into());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::Unavailable(format!("`{stream}` changes faster than this could be decided; try again")))
    }

    async fn append_decision(
        &self,
        stream: &StreamName,
        version: Version,
        decision: &Decision,
        request: &Request,
    ) -> Result<Accepted, AppendError> {
        let expected = if version == Version(0) { Expected::NoStream } else { Expected::Exact(version) };
        let stamp = Stamp::of(request);
        let own = StreamAppend { stream: stream.clone(), expected, events: stamp.events(&decision.own) };
        let beside = decision.beside.iter().map(|beside| StreamAppend {
            stream: beside.stream.clone(),
            expected: beside.expected,
            events: stamp.events(&beside.events),
        });
        let batch: Vec<_> = std::iter::once(own).chain(beside).filter(|part| !part.events.is_empty()).collect();
        if batch.is_empty() {
            return Ok(Accepted { last: self.inner.store.head(), note: String::new() });
        }
        let appended = self.append(batch).await?;
        Ok(Accepted { last: appended.last, note: String::new() })
    }

    /// A refusal of a person's command is a fact worth keeping; that it could not be kept must not hide the refusal.
    pub(super) async fn audit(&self, request: &Request, rejection: &Rejection) {
        if !request.actor.is_outside() {
            return;
        }
        let rejected = CommandRejected { command: request.command.to_string(), reason: rejection.to_string() };
        if let Err(refusal) = self.append_to(StreamName::engine(), &rejected.into(), &Stamp::of(request)).await {
            tracing::warn!(%refusal, command = %request.command, correlation = %request.correlation, "a refusal could not be audited");
        }
    }

    /// Appends a fact that no state can speak against, whatever the stream's version.
    pub(super) async fn append_to(&self, stream: StreamName, event: &Event, stamp: &Stamp) -> Result<Accepted, Refusal> {
        let part = StreamAppend { stream, expected: Expected::Any, events: stamp.events(slice::from_ref(event)) };
        let appended = self.append(vec![part]).await?;
        Ok(Accepted { last: appended.last, note: String::new() })
    }
}

impl From<AppendError> for Refusal {
    fn from(error: AppendError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
