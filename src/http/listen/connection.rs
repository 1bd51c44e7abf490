//! One connection: how long its parts may take, and how it ends.

use std::{pin::pin, time::Duration};

use axum::{Router, body::Body, extract::Request};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::head_timer::HeadTimer;
use crate::http::peer::Peer;

/// The head of a request must have arrived within this time; so long a connection may be idle, too.
pub(super) const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
/// Over HTTP/2 a client that has streams open and says nothing is asked so often whether it is there, and has
/// [`HEAD_TIME_MAX`] to answer. A machine that is gone without a word holds its connection no longer.
const ALIVE_EVERY: Duration = Duration::from_secs(60);
/// The largest head of a request, in bytes; so much is read at once, too.
pub(in crate::http) const HEAD_BYTES_MAX: usize = 32 << 10;
/// The most fields in a head. Hyper reads up to a hundred: with a limit of its own it would clear room for all of them each time.
pub(in crate::http) const HEAD_FIELDS_MAX: usize = 64;
/// A client that takes nothing for so long is cut off. A reader of a stream goes on from its last event.
pub(super) const STALLED_MAX: Duration = Duration::from_secs(120);
/// Requests at once on one connection of HTTP/2.
pub(super) const STREAMS_MAX: u32 = 128;

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaks {
    /// One request after the other.
    Http1,
    /// As agreed by TLS.
    Http2,
    /// Whichever the first bytes are of.
    Either,
}

fn builder(speaks: Speaks) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    let mut http1 = builder.http1();
    http1.timer(HeadTimer::default()).header_read_timeout(HEAD_TIME_MAX);
    http1.max_buf_size(HEAD_BYTES_MAX);
    // Head and body in one piece: most answers are short, and the system takes one piece sooner than a list of two. To copy a long
    // one takes little beside making it.
    http1.writev(false);
    let mut http2 = builder.http2();
    http2.timer(TokioTimer::new()).keep_alive_interval(Some(ALIVE_EVERY)).keep_alive_timeout(HEAD_TIME_MAX);
    http2.max_concurrent_streams(STREAMS_MAX).max_header_list_size(HEAD_BYTES_MAX as u32);
    match speaks {
        Speaks::Http1 => builder.http1_only(),
        Speaks::Http2 => builder.http2_only(),
        Speaks::Either => builder,
    }
}

/// Serves a connection to its end. When the API closes, the request that is being answered is the last.
pub(super) async fn serve<S>(stream: S, speaks: Speaks, router: Router, peer: Peer, closing: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(STALLED_MAX));
    let io = TokioIo::new(Box::pin(stream));
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer.clone());
        router.clone().oneshot(request)
    });
    let builder = builder(speaks);
    // Of its own: to ask whether it closes takes a lock, and all connections would take the same one.
    let closing = closing.child_token();
    let mut connection = pin!(builder.serve_connection(io, service));
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
}
