//! Adding facts to the log: one, or a batch that is taken as a whole.

use axum::{body::Bytes, extract::State, http::StatusCode};
use flexcore_engine::{
    handle::{Fact, FactError},
    id::{Position, Version},
    port::store::Expected,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::incoming::{self, EVENTS_MAX, Incoming};
use crate::http::{
    BASE,
    access::{Caller, Operator},
    answer::Json,
    body::{self, Sent, media_type, unknown_media},
    cohort,
    problem::Problem,
    query::Query,
    state::Api,
    wire::problem::Flaw,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(append)).routes(routes!(append_batch))
}

/// An event that was appended.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(in crate::http) struct AppendedEvent {
    /// Its id.
    pub(in crate::http) id: Uuid,
    /// Its number in the whole log.
    pub(in crate::http) position: u64,
}

/// Events that were appended.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct AppendedEvents {
    /// In the order in which they were given.
    items: Vec<AppendedEvent>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AppendQuery {
    /// Append only if the stream is at this version; 0: only if it does not exist.
    expected_version: Option<u64>,
}

impl AppendQuery {
    fn expected(&self) -> Expected {
        match self.expected_version {
            None => Expected::Any,
            Some(0) => Expected::NoStream,
            Some(version) => Expected::Exact(Version(version)),
        }
    }
}

/// Appends a fact of the user's own. CloudEvents are taken in their structured (`application/cloudevents+json`) and in their
/// binary mode. Of one, the log keeps type, subject (else source) as the stream, id and data; `time` and extensions are not kept:
/// the log has a clock of its own.
#[utoipa::path(
    post, context_path = BASE,
    path = "/events",
    tag = "events",
    params(AppendQuery),
    request_body(content((Incoming = "application/json"), (Incoming = "application/cloudevents+json"))),
    responses((status = 201, body = AppendedEvent), (status = 412, description = "The stream is at another version"))
)]
async fn append(
    State(api): State<Api>,
    Operator(caller): Operator,
    Query(query): Query<AppendQuery>,
    Sent { headers, body }: Sent,
) -> Result<(StatusCode, Json<AppendedEvent>), Problem> {
    let media = media_type(&headers);
    let media = media.as_deref();
    let is_json = media.is_some_and(|media| media == "application/json" || media.ends_with("+json"));
    let fact = if incoming::is_binary(&headers) {
        incoming::binary(&headers, is_json, &body)?
    } else if media == Some("application/json") || media == Some("application/cloudevents+json") {
        body::object::<Incoming<'_>>(&body)?.fact(&body)?
    } else {
        return Err(unknown_media(media, "application/json or application/cloudevents+json"));
    };
    let id = fact.id.0;
    let positions = appended(&api, &caller, vec![fact], query.expected()).await?;
    let position = positions.first().ok_or_else(Problem::internal)?.0;
    Ok((StatusCode::CREATED, Json(AppendedEvent { id, position })))
}

pub(in crate::http) async fn appended(
    api: &Api,
    caller: &Caller,
    facts: Vec<Fact>,
    expected: Expected,
) -> Result<Vec<Position>, Problem> {
    let appended = cohort::next(api.engine().append_facts(caller.actor.clone(), caller.correlation, facts, expected)).await;
    appended.map_err(|error| match error {
        FactError::Unfit { index, reason } => Problem::unfit(format!("event {index} cannot be appended: {reason}"))
            .with_flaws(vec![Flaw::at(format!("/{index}"), reason)]),
        FactError::Append(error) => error.into(),
    })
}

/// Appends up to 10,000 facts, all of them or none: a JSON array, one JSON a line (`application/x-ndjson`), or CloudEvents
/// in their batched mode.
#[utoipa::path(
    post, context_path = BASE,
    path = "/events/batch",
    tag = "events",
    request_body(content(
        (Vec<Incoming> = "application/json"),
        (String = "application/x-ndjson"),
        (Vec<Incoming> = "application/cloudevents-batch+json"),
    )),
    responses((status = 201, body = AppendedEvents))
)]
async fn append_batch(
    State(api): State<Api>,
    Operator(caller): Operator,
    Sent { headers, body }: Sent,
) -> Result<(StatusCode, Json<AppendedEvents>), Problem> {
    let media = media_type(&headers);
    let facts = match media.as_deref() {
        Some("application/json" | "application/cloudevents-batch+json") => array(&body)?,
        Some("application/x-ndjson" | "application/jsonl" | "application/ndjson") => lines(&body)?,
        other => {
            return Err(unknown_media(other, "application/json, application/x-ndjson or application/cloudevents-batch+json"));
        }
    };
    let ids: Vec<Uuid> = facts.iter().map(|fact| fact.id.0).collect();
    let positions = appended(&api, &caller, facts, Expected::Any).await?;
    let item = |(id, Position(position))| AppendedEvent { id, position };
    Ok((StatusCode::CREATED, Json(AppendedEvents { items: ids.into_iter().zip(positions).map(item).collect() })))
}

fn array(body: &Bytes) -> Result<Vec<Fact>, Problem> {
    let events: Vec<&RawValue> = body::parse(body)?;
    too_many(events.len())?;
    events.into_iter().enumerate().map(|(index, json)| fact(body, index, json.get().as_bytes())).collect()
}

/// Empty lines are passed over.
fn lines(body: &Bytes) -> Result<Vec<Fact>, Problem> {
    let is_blank = |line: &&[u8]| !line.iter().all(u8::is_ascii_whitespace);
    let lines: Vec<&[u8]> = body.split(|byte| *byte == b'\n').filter(is_blank).take(EVENTS_MAX + 1).collect();
    too_many(lines.len())?;
    lines.into_iter().enumerate().map(|(index, line)| fact(body, index, line)).collect()
}

fn too_many(count: usize) -> Result<(), Problem> {
    match count {
        1..=EVENTS_MAX => Ok(()),
        0 => Err(Problem::unfit("there is no event in the body")),
        _ => Err(Problem::unfit(format!("more than {EVENTS_MAX} events"))),
    }
}

fn fact(body: &Bytes, index: usize, json: &[u8]) -> Result<Fact, Problem> {
    let wrong = |reason: String| {
        Problem::unfit(format!("event {index}: {reason}")).with_flaws(vec![Flaw::at(format!("/{index}"), reason)])
    };
    if json.first() == Some(&b'[') {
        return Err(wrong("a list, and an object is expected here".to_owned()));
    }
    let event = serde_json::from_slice::<Incoming<'_>>(json).map_err(|error| wrong(error.to_string()))?;
    event.fact(body).map_err(|problem| wrong(problem.detail().to_owned()))
}
