//! An event on the wire. Its data is passed on as the text that it is: nobody parses it on the way.

use std::fmt::Write as _;

use bytes::Bytes;
use flexcore_engine::{
    event::{Envelope, EventType, NewEvent},
    id::{Actor, CorrelationId, EventId, Position, StreamName, Version},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

/// An event in the log.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Event)]
pub struct EventBody {
    /// Its number in the whole log.
    pub position: u64,
    /// The thing it happened to.
    #[schema(example = "pipeline/quakes")]
    pub stream: String,
    /// Its number in that stream.
    pub version: u64,
    /// Names it.
    pub id: Uuid,
    /// What happened.
    #[serde(rename = "type")]
    #[schema(example = "pipeline.activated")]
    pub kind: String,
    /// When the log took it.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who asked: `operator:NAME`, `token:NAME`, `schedule:PIPELINE`, `step:STEP` or `engine`.
    #[schema(example = "operator:ana")]
    pub actor: String,
    /// What it belongs to.
    pub correlation: Uuid,
    /// The event that led to it.
    pub cause: Option<Uuid>,
    /// What there is to know.
    #[schema(value_type = Value)]
    pub data: Box<RawValue>,
}

/// Events of the log.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EventPage {
    /// In the order of their positions.
    pub items: Vec<EventBody>,
    /// Reading forward: send it as `after` to go on. Reading back: send it as `before`; `null` when nothing is older.
    pub next: Option<u64>,
    /// The newest position there is.
    pub head: u64,
}

/// An actor in one word that reads back.
pub fn actor_text(actor: &Actor) -> String {
    match actor {
        Actor::Operator(name) => format!("operator:{name}"),
        Actor::Token(name) => format!("token:{name}"),
        Actor::Schedule(pipeline) => format!("schedule:{pipeline}"),
        Actor::Step(step) => format!("step:{step}"),
        Actor::Engine => "engine".into(),
    }
}

/// Reads what [`actor_text`] wrote.
pub fn actor_of(text: &str) -> Option<Actor> {
    match text.split_once(':') {
        Some(("operator", name)) => Some(Actor::Operator(name.into())),
        Some(("token", name)) => Some(Actor::Token(name.into())),
        Some(("schedule", name)) => name.parse().ok().map(Actor::Schedule),
        Some(("step", name)) => name.parse().ok().map(Actor::Step),
        _ => (text == "engine").then_some(Actor::Engine),
    }
}

/// Writes an event as one line of JSON, the same as [`EventBody`] would be.
pub fn write(out: &mut Vec<u8>, envelope: &Envelope) {
    let Envelope { position, stream, version, event } = envelope;
    let mut line = String::with_capacity(256);
    // Writing to text does not fail.
    let _ = write!(line, r#"{{"position":{position},"stream":"#);
    out.extend_from_slice(line.as_bytes());
    text(out, stream.as_str());
    line.clear();
    let _ = write!(line, r#","version":{version},"id":"{}","type":"#, event.id);
    out.extend_from_slice(line.as_bytes());
    text(out, event.kind.as_str());
    line.clear();
    let _ = write!(line, r#","at":"{}","actor":"#, event.at);
    out.extend_from_slice(line.as_bytes());
    text(out, &actor_text(&event.actor));
    line.clear();
    let _ = match event.cause {
        Some(cause) => write!(line, r#","correlation":"{}","cause":"{cause}","data":"#, event.correlation),
        None => write!(line, r#","correlation":"{}","cause":null,"data":"#, event.correlation),
    };
    out.extend_from_slice(line.as_bytes());
    let from = out.len();
    out.extend_from_slice(&event.data);
    // JSON has line feeds only between its tokens, where a space does as well.
    out[from..].iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    out.push(b'}');
}

fn text(out: &mut Vec<u8>, text: &str) {
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(out, text);
}

/// What is wrong with an event that another engine sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the actor `{0}` of an event is not understood")]
pub struct BadActor(pub String);

impl TryFrom<EventBody> for Envelope {
    type Error = BadActor;
    fn try_from(body: EventBody) -> Result<Self, BadActor> {
        let actor = actor_of(&body.actor).ok_or(BadActor(body.actor))?;
        let event = NewEvent {
            id: EventId(body.id),
            kind: EventType(body.kind.into()),
            data: Bytes::from(Box::<str>::from(body.data).into_string()),
            at: body.at,
            actor,
            correlation: CorrelationId(body.correlation),
            cause: body.cause.map(EventId),
        };
        let (position, version) = (Position(body.position), Version(body.version));
        Ok(Self { position, stream: StreamName(body.stream.into()), version, event })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_reads_back_as_it_was_written() {
        for (actor, cause) in [
            (Actor::Operator("a \"b\"".into()), None),
            (Actor::Token("ci".into()), Some(EventId::fresh())),
            (Actor::Step("read".parse().unwrap()), None),
            (Actor::Schedule("quakes".parse().unwrap()), None),
            (Actor::Engine, None),
        ] {
            let event = NewEvent {
                id: EventId::fresh(),
                kind: EventType("order.placed".into()),
                data: Bytes::from_static(br#"{"a":[1.50,"\n"]}"#),
                at: Timestamp::from_microsecond(1_700_000_000_123_456).unwrap(),
                actor,
                correlation: CorrelationId::fresh(),
                cause,
            };
            let envelope =
                Envelope { position: Position(7), stream: StreamName("orders/\"1\"".into()), version: Version(2), event };
            let mut line = Vec::new();
            write(&mut line, &envelope);
            let body: EventBody = serde_json::from_slice(&line).unwrap();
            assert_eq!(serde_json::to_vec(&body).unwrap(), line);
            assert_eq!(Envelope::try_from(body), Ok(envelope));
        }
    }

    #[test]
    fn an_event_is_one_line_whatever_its_data() {
        let event = NewEvent {
            id: EventId::fresh(),
            kind: EventType("x".into()),
            data: Bytes::from_static(b"{\r\n  \"a\": 1\n}"),
            at: Timestamp::UNIX_EPOCH,
            actor: Actor::Engine,
            correlation: CorrelationId::fresh(),
            cause: None,
        };
        let mut line = Vec::new();
        write(&mut line, &Envelope { position: Position(1), stream: StreamName("x".into()), version: Version(1), event });
        assert!(!line.contains(&b'\n') && !line.contains(&b'\r'));
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&line).unwrap()["data"]["a"], 1);
    }
}
