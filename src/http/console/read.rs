//! Reading: models, events, figures, taps, ticks.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use flexcore_engine::{
    id::{PipelineName, Position, RunId, StreamName},
    port::store::{Filter, Page, READ_EVENTS_MAX},
    projection::why::Reading,
};
use flexcore_ui::link::At;
use futures_util::stream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    http::{
        BASE,
        access::Caller,
        answer::Json,
        events::filter,
        problem::Problem,
        query::{InPath, Query},
        state::Api,
        stream::{alive, streamed},
        wire::{console::TapBody, events::write},
    },
    local_link,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(models))
        .routes(routes!(follow))
        .routes(routes!(read_back))
        .routes(routes!(events_of))
        .routes(routes!(vitals))
        .routes(routes!(vitals_stream))
        .routes(routes!(taps))
        .routes(routes!(ticks))
}

/// How long a question for what is not there yet stays open.
const WAIT_MAX: Duration = Duration::from_secs(25);

fn json(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], Body::from(bytes)).into_response()
}

fn written(value: &impl Serialize) -> Result<Response, Problem> {
    serde_json::to_vec(value).map(json).map_err(|_| Problem::internal())
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ModelsQuery {
    /// As of this position; as of now unless said otherwise.
    at: Option<u64>,
    /// As of this moment, instead of a position.
    #[param(value_type = Option<String>, format = DateTime)]
    moment: Option<Timestamp>,
    /// Of the runs that have ended only so many, the newest: an installation keeps 10,000, and a line may be slow.
    ended: Option<usize>,
}

/// All read models: where a console begins to fold.
#[utoipa::path(get, context_path = BASE, path = "/console/models", tag = "console", params(ModelsQuery), responses((status = 200, body = Object), (status = 410, description = "Retention has dropped what it would take")))]
async fn models(State(api): State<Api>, _: Caller, Query(query): Query<ModelsQuery>) -> Result<Response, Problem> {
    let at = match (query.at, query.moment) {
        (Some(_), Some(_)) => return Err(Problem::malformed("at and moment exclude each other")),
        (Some(position), None) => Some(At::Position(Position(position))),
        (None, Some(moment)) => Some(At::Moment(moment)),
        (None, None) => None,
    };
    let mut models = match at {
        None => api.engine().models().await,
        Some(at) => {
            let models = local_link::models_at(api.app(), at).await;
            models.map_err(|told| Problem::new(StatusCode::GONE, "truncated", told))?
        }
    };
    if let Some(max) = query.ended {
        models.runs.forget_ended(max);
    }
    written(&models)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FollowQuery {
    /// Events after this position.
    after: u64,
    /// At most so many: 1 to 4,096, which it is unless said otherwise.
    #[param(minimum = 1, maximum = 4096)]
    max: Option<usize>,
}

/// Events and how far the log was looked at.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventSlice)]
struct Slice {
    /// Oldest first.
    items: Vec<crate::http::wire::events::EventBody>,
    /// Everything between was looked at.
    seen: u64,
}

fn size(max: Option<usize>) -> Result<usize, Problem> {
    match max.unwrap_or(READ_EVENTS_MAX) {
        max @ 1..=READ_EVENTS_MAX => Ok(max),
        other => Err(Problem::malformed(format!("max is {other}: 1 to {READ_EVENTS_MAX}"))),
    }
}

fn slice(page: &Page) -> Response {
    let mut out = Vec::with_capacity(512 * page.events.len() + 64);
    out.extend_from_slice(b"{\"items\":[");
    for (index, envelope) in page.events.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(&mut out, envelope);
    }
    out.extend_from_slice(format!("],\"seen\":{}}}", page.seen).as_bytes());
    json(out)
}

/// Events after a position, as soon as there are some; none when nothing happens for 25 s.
#[utoipa::path(get, context_path = BASE, path = "/console/follow", tag = "console", params(FollowQuery), responses((status = 200, body = Slice), (status = 410, description = "Retention has dropped what was asked for")))]
async fn follow(State(api): State<Api>, _: Caller, Query(query): Query<FollowQuery>) -> Result<Response, Problem> {
    let (after, max) = (Position(query.after), size(query.max)?);
    let store = api.engine().store();
    tokio::select! {
        () = store.wait_past(after) => {}
        () = tokio::time::sleep(WAIT_MAX) => {}
        () = api.closing().cancelled() => {}
    }
    Ok(slice(&store.read(after, &Filter::default(), max).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct BackQuery {
    /// Events before this position.
    before: u64,
    /// At most so many: 1 to 4,096, which it is unless said otherwise.
    #[param(minimum = 1, maximum = 4096)]
    max: Option<usize>,
    /// Only streams that begin so.
    stream: Option<String>,
    /// Only these types, with commas between them.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    types: Option<String>,
}

/// The last events before a position that pass, oldest first.
#[utoipa::path(get, context_path = BASE, path = "/console/read_back", tag = "console", params(BackQuery), responses((status = 200, body = Slice), (status = 410, description = "Retention has dropped what was asked for")))]
async fn read_back(State(api): State<Api>, _: Caller, Query(query): Query<BackQuery>) -> Result<Response, Problem> {
    let filter = filter(query.stream.as_ref(), query.types.as_ref())?;
    Ok(slice(&api.engine().store().read_back(Position(query.before), &filter, size(query.max)?).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StreamQuery {
    /// Events before this position.
    before: u64,
    /// At most so many: 1 to 4,096, which it is unless said otherwise.
    #[param(minimum = 1, maximum = 4096)]
    max: Option<usize>,
    /// The stream, by its whole name.
    stream: String,
    /// Only these types, with commas between them.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    types: Option<String>,
}

/// The last events of one stream before a position, oldest first: read by the stream, however long the log is. Of a stream
/// with very many events, the newest 16,384 are looked through; what retention has dropped is left out.
#[utoipa::path(get, context_path = BASE, path = "/console/events_of", tag = "console", params(StreamQuery), responses((status = 200, body = Slice)))]
async fn events_of(State(api): State<Api>, _: Caller, Query(query): Query<StreamQuery>) -> Result<Response, Problem> {
    let Filter { types, .. } = filter(None, query.types.as_ref())?;
    let reading = Reading { stream: StreamName(query.stream.into()), types, max: size(query.max)? };
    let before = Position(query.before);
    let events = api.engine().events_of(&reading, before).await?;
    Ok(slice(&Page { events: events.into(), seen: Position(before.0.saturating_sub(1)) }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct VitalsQuery {
    /// Wait for figures that are newer than this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    newer_than: Option<Timestamp>,
}

/// The newest figures.
#[utoipa::path(get, context_path = BASE, path = "/console/vitals", tag = "console", params(VitalsQuery), responses((status = 200, body = Object), (status = 204, description = "There were no newer ones for 25 s")))]
async fn vitals(State(api): State<Api>, _: Caller, Query(query): Query<VitalsQuery>) -> Result<Response, Problem> {
    let mut vitals = api.app().vitals();
    let newer = vitals.wait_for(|vitals| query.newer_than.is_none_or(|seen| vitals.at > seen));
    let newer = tokio::select! {
        newer = newer => newer.map(|vitals| vitals.clone()).ok(),
        () = tokio::time::sleep(WAIT_MAX) => None,
        () = api.closing().cancelled() => None,
    };
    newer.map_or_else(|| Ok(StatusCode::NO_CONTENT.into_response()), |vitals| written(&*vitals))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct QuietQuery {
    /// Give no sign of life where nothing happens.
    #[serde(default)]
    pub(super) quiet: bool,
}

/// Figures as they are taken, as server-sent events. A slow reader gets the newest, not all.
#[utoipa::path(get, context_path = BASE, path = "/console/vitals/stream", tag = "console", params(QuietQuery), responses((status = 200, content_type = "text/event-stream", body = String)))]
async fn vitals_stream(State(api): State<Api>, _: Caller, headers: HeaderMap, Query(query): Query<QuietQuery>) -> Response {
    let mut vitals = api.app().vitals();
    vitals.mark_changed();
    let closing = api.closing().clone();
    let chunks = stream::unfold((vitals, closing), move |(mut vitals, closing)| async move {
        tokio::select! {
            changed = vitals.changed() => changed.ok()?,
            () = closing.cancelled() => return None,
            () = alive::due(query.quiet) => return Some((Ok::<_, Infallible>(Bytes::from_static(b": alive\n\n")), (vitals, closing))),
        }
        let newest = vitals.borrow_and_update().clone();
        let mut chunk = b"data: ".to_vec();
        // Figures are text and numbers; writing to memory does not fail.
        let _ = serde_json::to_writer(&mut chunk, &*newest);
        chunk.extend_from_slice(b"\n\n");
        Some((Ok(Bytes::from(chunk)), (vitals, closing)))
    });
    streamed(&headers, chunks)
}

/// The last few records that left each step of a live run.
#[utoipa::path(get, context_path = BASE, path = "/console/taps/{run}", tag = "console", params(("run" = String, Path, format = Uuid)), responses((status = 200, body = Vec<TapBody>)))]
async fn taps(State(api): State<Api>, _: Caller, InPath(run): InPath<RunId>) -> Json<Vec<TapBody>> {
    Json(api.app().live().taps(run).iter().map(|(step, records)| TapBody::of(step, records)).collect())
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TicksQuery {
    /// At most so many: 1 to 100; 10 unless said otherwise.
    #[param(minimum = 1, maximum = 100)]
    count: Option<usize>,
}

/// The next moments at which the schedule of a pipeline is due.
#[utoipa::path(get, context_path = BASE, path = "/console/ticks/{pipeline}", tag = "console", params(("pipeline" = String, Path), TicksQuery), responses((status = 200, body = Vec<String>)))]
async fn ticks(
    State(api): State<Api>,
    _: Caller,
    InPath(pipeline): InPath<PipelineName>,
    Query(query): Query<TicksQuery>,
) -> Result<Json<Vec<Value>>, Problem> {
    let count = query.count.unwrap_or(10);
    if count == 0 || count > 100 {
        return Err(Problem::malformed(format!("count is {count}: 1 to 100")));
    }
    let ticks = local_link::ticks(api.app(), pipeline, count).await;
    let ticks = ticks.map_err(|why| Problem::not_found("no-ticks", why))?;
    Ok(Json(ticks.into_iter().map(|tick| Value::from(tick.to_string())).collect()))
}
