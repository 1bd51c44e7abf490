//! Events as they happen, as server-sent events. The stream pulls from the log whenever the connection takes more: a slow
//! reader holds nothing but its own position, and one that comes back goes on from `Last-Event-ID`. What many want is read and
//! printed once.

pub(super) mod alive;
pub(super) mod readers;
mod roll;

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use flexcore_engine::{
    id::Position,
    port::store::{Filter, ReadError},
    subscription::FOR_NOTHING,
};
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use tokio::task::coop::consume_budget;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use readers::Kind;
use roll::Piece;

use super::{BASE, access::Caller, compressed::Pieces, events::filter, problem::Problem, query::Query, state::Api};

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
    /// Give no sign of life where nothing happens: for a reader that hears of the end of its connection otherwise, like over
    /// the Unix socket.
    #[serde(default)]
    quiet: bool,
}

/// Events as they happen (`text/event-stream`): the id of each is its position, its data is the event. An event of the type
/// `gap` says that retention has dropped what the reader would have gone on from, and how many events that were.
#[utoipa::path(
    get, context_path = BASE,
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
    let after = resumed.or(query.after).map_or_else(|| api.engine().store().head(), Position);
    let filter = filter(query.stream.as_ref(), query.types.as_ref())?;
    let tail = Tail::new(api, after, filter, query.quiet);
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
    after: Position,
    kind: Arc<Kind>,
    had_turn: bool,
    quiet: bool,
    api: Api,
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.api.readers().leave();
    }
}

impl Tail {
    fn new(api: Api, after: Position, filter: Filter, quiet: bool) -> Self {
        let kind = api.readers().enter(filter);
        Self { after, kind, had_turn: false, quiet, api }
    }

    fn chunks(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        let first = stream::once(std::future::ready(Ok(Bytes::from_static(b": events\n\n"))));
        let rest = stream::unfold(self, |mut tail| async move { tail.chunk().await.map(|chunk| (Ok(chunk), tail)) });
        futures_util::StreamExt::chain(first, rest)
    }

    /// The next piece of the stream; `None` when the API closes.
    async fn chunk(&mut self) -> Option<Bytes> {
        if self.had_turn
            && let Some(rest) = self.api.readers().rest()
        {
            self.api.engine().clock().sleep(rest).await;
        }
        let (closing, quiet) = (self.api.closing().clone(), self.quiet);
        tokio::select! {
            biased;
            () = closing.cancelled() => None,
            read = self.next() => match read {
                Ok(text) => Some(text),
                Err(ReadError::Truncated { .. }) => Some(self.gap()),
                Err(error) => {
                    tracing::warn!(%error, "a stream of events ends");
                    None
                }
            },
            // It carries the position, so that a reader whose filter lets little pass does not have the log searched again
            // from far back.
            () = alive::due(quiet) => Some(format!("id: {}\n: alive\n\n", self.after).into()),
        }
    }

    /// The next events; waits until there are some. Dropping the future loses nothing.
    async fn next(&mut self) -> Result<Bytes, ReadError> {
        loop {
            let (text, seen) = self.piece().await?;
            self.after = seen;
            if !text.is_empty() {
                self.had_turn = true;
                return Ok(text);
            }
            if self.api.engine().store().head() <= seen {
                self.api.engine().clock().sleep(FOR_NOTHING).await;
            }
        }
    }

    async fn piece(&self) -> Result<Piece, ReadError> {
        let (store, filter) = (&**self.api.engine().store(), &self.kind.filter);
        loop {
            if store.head() <= self.after {
                store.wait_past(self.after).await;
            }
            // A log that is written fast never makes us wait: let others run now and then all the same.
            consume_budget().await;
            let mut roll = self.kind.roll.lock().await;
            if let Some(piece) = roll.piece(self.after) {
                return Ok(piece);
            }
            if !roll.is_next(self.after) {
                drop(roll);
                return roll::own(store, filter, self.after).await;
            }
            roll.print(store, filter, self.after, Arc::strong_count(&self.kind)).await?;
        }
    }

    /// Gives up on what retention has dropped.
    fn gap(&mut self) -> Bytes {
        let kept_after = self.api.engine().store().stats().oldest.0.saturating_sub(1);
        let skipped = kept_after.saturating_sub(self.after.0);
        self.after = Position(self.after.0 + skipped);
        let after = self.after;
        format!("id: {after}\nevent: gap\ndata: {{\"skipped\":{skipped},\"after\":{after}}}\n\n").into()
    }
}
