//! The log: reading it, and adding facts of one's own.

pub(super) mod append;
pub(super) mod incoming;

use axum::{
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use flexcore_engine::{
    id::Position,
    moment::first_since,
    port::store::{Filter, Page, READ_EVENTS_MAX, ReadError, Store},
};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    BASE,
    access::Caller,
    cursor::PAGE_DEFAULT,
    problem::Problem,
    query::Query,
    state::Api,
    wire::events::{EventPage, write},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).merge(append::routes())
}

/// Types of one filter.
const TYPES_MAX: usize = 64;

#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// Only events after this position, oldest first.
    after: Option<u64>,
    /// The last events before this position instead. Not together with `after`.
    before: Option<u64>,
    /// Only streams that begin so, like `run/`.
    pub(super) stream: Option<String>,
    /// Only these types, with commas between them.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    pub(super) types: Option<String>,
    /// Only events from this moment on, as the log's clock had it. Not together with `after`.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Items of the page: 1 to 4,096; 100 unless said otherwise.
    #[param(minimum = 1, maximum = 4096)]
    limit: Option<usize>,
}

/// The filter of a query.
pub(super) fn filter(stream: Option<&String>, types: Option<&String>) -> Result<Filter, Problem> {
    let types: Vec<String> = types.iter().flat_map(|types| types.split(',')).map(|word| word.trim().to_owned()).collect();
    if types.len() > TYPES_MAX {
        return Err(Problem::malformed(format!("{} types: at most {TYPES_MAX}", types.len())));
    }
    let types = types.into_iter().filter(|word| !word.is_empty()).collect();
    Ok(Filter { stream_prefix: stream.cloned(), types })
}

/// Events of the log.
#[utoipa::path(
    get, context_path = BASE,
    path = "/events",
    tag = "events",
    params(EventsQuery),
    responses((status = 200, body = EventPage), (status = 410, description = "Retention has dropped what was asked for"))
)]
async fn list(State(api): State<Api>, _: Caller, Query(query): Query<EventsQuery>) -> Result<Response, Problem> {
    let size = query.limit.unwrap_or(PAGE_DEFAULT);
    if size == 0 || size > READ_EVENTS_MAX {
        return Err(Problem::malformed(format!("limit is {size}: 1 to {READ_EVENTS_MAX}")));
    }
    let filter = filter(query.stream.as_ref(), query.types.as_ref())?;
    let store = &**api.engine().store();
    let (page, next) = match (query.after, query.before, query.since) {
        (_, None, None) => {
            let page = store.read(Position(query.after.unwrap_or_else(|| before_oldest(store))), &filter, size).await?;
            let next = Some(page.seen.0);
            (page, next)
        }
        (None, None, Some(since)) => {
            let page = store.read(before(store, since).await?, &filter, size).await?;
            let next = Some(page.seen.0);
            (page, next)
        }
        (None, Some(before), None) => {
            let page = store.read_back(Position(before), &filter, size).await?;
            let next = Some(page.seen.0).filter(|seen| *seen > store.stats().oldest.0);
            (page, next)
        }
        _ => return Err(Problem::malformed("after, before and since exclude each other: send one of them")),
    };
    Ok(written(&page, next, store.head().0))
}

fn written(page: &Page, next: Option<u64>, head: u64) -> Response {
    let mut body = Vec::with_capacity(512 * page.events.len() + 64);
    body.extend_from_slice(b"{\"items\":[");
    for (index, envelope) in page.events.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        write(&mut body, envelope);
    }
    let next = next.map_or_else(|| "null".to_owned(), |next| next.to_string());
    body.extend_from_slice(format!("],\"next\":{next},\"head\":{head}}}").as_bytes());
    ([(header::CONTENT_TYPE, "application/json")], Body::from(body)).into_response()
}

pub(super) fn before_oldest(store: &dyn Store) -> u64 {
    store.stats().oldest.0.saturating_sub(1)
}

/// The last position before a moment.
pub(super) async fn before(store: &dyn Store, since: Timestamp) -> Result<Position, ReadError> {
    Ok(Position(first_since(store, since).await?.0.saturating_sub(1)))
}
