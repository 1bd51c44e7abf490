//! Being on record: a console elsewhere is a session for as long as it reads a stream that says nothing.

use std::{convert::Infallible, time::Instant};

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use flexcore_engine::id::SessionId;
use futures_util::stream;
use tokio::{sync::OwnedSemaphorePermit, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    http::{
        BASE,
        access::Caller,
        console::read::QuietQuery,
        problem::Problem,
        query::Query,
        state::Api,
        stream::{alive, streamed},
    },
    session::here::{Here, Way, What},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(session))
}

/// Puts a console on record (`session.opened`, and `session.closed` when nobody reads this any more). The stream says nothing
/// but that it is alive, and nothing at all where that is wished.
#[utoipa::path(get, context_path = BASE, path = "/console/session", tag = "console", params(QuietQuery), responses((status = 200, content_type = "text/event-stream", body = String), (status = 429, description = "Too many consoles are attached, or were in this second"), (status = 503, description = "The engine stops")))]
async fn session(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    Query(query): Query<QuietQuery>,
) -> Result<Response, Problem> {
    let late = api.attachments().take(&caller.key(), Instant::now());
    let place = late.map_err(|why| Problem::new(StatusCode::TOO_MANY_REQUESTS, "consoles", why))?;
    if api.closing().is_cancelled() {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "the engine stops"));
    }
    let from = caller.address.map(|address| address.to_string()).unwrap_or_default();
    let way = Way { name: "attach", from: &from };
    let here = Here::open(api.app().clone(), SessionId::fresh(), caller.actor, caller.role, way, What::default()).await;
    let attached = Attached::new(here, api.closing().clone(), place, query.quiet);
    let first = stream::once(std::future::ready(Ok(Bytes::from_static(b": here\n\n"))));
    let rest = stream::unfold(attached, |mut attached| async move {
        let alive = attached.alive().await?;
        Some((Ok::<_, Infallible>(alive), attached))
    });
    Ok(streamed(&headers, futures_util::StreamExt::chain(first, rest)))
}

/// A console that is attached. Its session is closed by a task of its own, because what is read may be dropped at any moment.
struct Attached {
    closed: JoinHandle<()>,
    closing: CancellationToken,
    quiet: bool,
    _gone: DropGuard,
}

impl Attached {
    fn new(here: Here, closing: CancellationToken, place: OwnedSemaphorePermit, quiet: bool) -> Self {
        let gone = CancellationToken::new();
        let (is_gone, stops) = (gone.clone(), closing.clone());
        let closed = tokio::spawn(async move {
            let why = tokio::select! {
                () = is_gone.cancelled() => "the client is gone",
                () = stops.cancelled() => "the engine stops",
            };
            here.close(why, None).await;
            drop(place);
        });
        Self { closed, closing, quiet, _gone: gone.drop_guard() }
    }

    /// A sign of life in a while. `None`: the engine stops, and the end is on record.
    async fn alive(&mut self) -> Option<Bytes> {
        tokio::select! {
            () = self.closing.cancelled() => {}
            () = alive::due(self.quiet) => return Some(Bytes::from_static(b": alive\n\n")),
        }
        // It does not fail but by a panic, which is in the log then.
        let _ = (&mut self.closed).await;
        None
    }
}
