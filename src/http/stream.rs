//! Events as they happen, as server-sent events. The stream pulls from the log whenever the connection takes more: a slow
//! reader holds nothing but its own position, and one that comes back goes on from `Last-Event-ID`.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use flexcore_engine::{
    id::Position,
    port::store::{Page, ReadError},
    subscription::Subscription,
};
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    access::Caller, compressed::Pieces, events::filter, problem::Problem, query::Query, state::Api, wire::events::write,
};

/// A sign of life is sent when nothing happens for so long; it carries the position, so that a reader whose filter lets
/// little pass does not have the log searched again from far back.
pub(super) const KEEPALIVE_EVERY: Duration = Duration::from_secs(15);

/// Events written at once; what is larger waits for the reader.
const CHUNK_BYTES: usize = 64 << 10;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(follow))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StreamQuery {
    /// Begin after this position; 0 begins with the oldest event that is kept. Without it: with what is new.
    after: Option<u64>,
    /// Only streams that begin so, like `run/`.
    stream: Option<String>,
    /// Only these types, with commas between them.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    types: Option<String>,
}

/// Events as they happen (`text/event-stream`): the id of each is its position, its data is the event. An event of the type
/// `gap` says that retention has dropped what the reader would have gone on from, and how many events that were.
#[utoipa::path(
    get,
    path = "/events/stream",
    tag = "events",
    params(StreamQuery, ("last-event-id" = Option<u64>, Header, description = "Go on after this position")),
    responses((status = 200, content_type = "text/event-stream", body = String))
)]
async fn follow(
    State(api): State<Api>,
    _: Caller,
    headers: HeaderMap,
    Query(query): Query<StreamQuery>,
) -> Result<Response, Problem> {
    let resumed = headers.get("last-event-id").map(position).transpose()?;
    let store = api.engine().store().clone();
    let after = resumed.or(query.after).map_or_else(|| store.head(), Position);
    let filter = filter(query.stream.as_ref(), query.types.as_ref())?;
    let tail = Tail { subscription: Subscription::new(store, after, filter), rest: None, api };
    Ok(streamed(&headers, tail.chunks()))
}

/// Server-sent events, piece by piece as they come; compressed for callers that take it.
pub(super) fn streamed(headers: &HeaderMap, chunks: impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static) -> Response {
    let mut pieces = Pieces::new(headers);
    let encoding = pieces.encoding();
    let chunks = futures_util::StreamExt::map(chunks, move |chunk| chunk.map(|chunk| pieces.next(chunk)));
    let said = [(header::CONTENT_TYPE, "text/event-stream"), (header::HeaderName::from_static("x-accel-buffering"), "no")];
    let mut response = (said, Body::from_stream(chunks)).into_response();
    response.headers_mut().extend(encoding);
    response
}

fn position(value: &HeaderValue) -> Result<u64, Problem> {
    let text = value.to_str().unwrap_or_default();
    text.trim().parse().map_err(|_| Problem::malformed(format!("Last-Event-ID is `{text}`: it is the position of an event")))
}

struct Tail {
    subscription: Subscription,
    /// Read, and not written yet.
    rest: Option<(Page, usize)>,
    api: Api,
}

impl Tail {
    fn chunks(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        let first = stream::once(std::future::ready(Ok(Bytes::from_static(b": events\n\n"))));
        let rest = stream::unfold(self, |mut tail| async move { tail.chunk().await.map(|chunk| (Ok(chunk), tail)) });
        futures_util::StreamExt::chain(first, rest)
    }

    /// The next piece of the stream; `None` when the API closes.
    async fn chunk(&mut self) -> Option<Bytes> {
        if let Some((page, from)) = self.rest.take() {
            return Some(self.written(page, from));
        }
        let closing = self.api.closing().clone();
        tokio::select! {
            biased;
            () = closing.cancelled() => None,
            read = self.subscription.next() => match read {
                Ok(page) => Some(self.written(page, 0)),
                Err(ReadError::Truncated { .. }) => Some(self.gap()),
                Err(error) => {
                    tracing::warn!(%error, "a stream of events ends");
                    None
                }
            },
            () = tokio::time::sleep(KEEPALIVE_EVERY) => Some(format!("id: {}\n: alive\n\n", self.subscription.position()).into()),
        }
    }

    fn written(&mut self, page: Page, from: usize) -> Bytes {
        let mut out = Vec::with_capacity(CHUNK_BYTES);
        let mut next = from;
        for envelope in &page.events[from..] {
            if out.len() >= CHUNK_BYTES {
                break;
            }
            out.extend_from_slice(format!("id: {}\ndata: ", envelope.position).as_bytes());
            write(&mut out, envelope);
            out.extend_from_slice(b"\n\n");
            next += 1;
        }
        self.rest = (next < page.events.len()).then_some((page, next));
        out.into()
    }

    fn gap(&mut self) -> Bytes {
        let skipped = self.subscription.skip_to_oldest();
        let after = self.subscription.position();
        format!("id: {after}\nevent: gap\ndata: {{\"skipped\":{skipped},\"after\":{after}}}\n\n").into()
    }
}
