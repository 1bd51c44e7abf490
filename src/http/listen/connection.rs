//! One connection: how long its parts may take, and how it ends.

use std::{pin::pin, time::Duration};

use axum::{Router, body::Body, extract::Request};
use hyper::{body::Incoming, server::conn, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::http::peer::Peer;

/// The head of a request must have arrived within this time; so long a connection may be idle, too.
pub(super) const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
/// The largest head of a request, in bytes.
pub(super) const HEAD_BYTES_MAX: usize = 32 << 10;
/// The most fields in a head.
pub(super) const HEAD_FIELDS_MAX: usize = 64;
/// A client that takes nothing for so long is cut off. A reader of a stream goes on from its last event.
pub(super) const STALLED_MAX: Duration = Duration::from_secs(120);
/// Requests at once on one connection of HTTP/2.
pub(super) const STREAMS_MAX: u32 = 128;

/// Serves a connection to its end. When the API closes, the request that is being answered is the last.
pub(super) async fn serve<S>(stream: S, http2: bool, router: Router, peer: Peer, closing: CancellationToken)
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
    let ended = if http2 {
        let mut builder = conn::http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new()).keep_alive_interval(Some(HEAD_TIME_MAX)).keep_alive_timeout(HEAD_TIME_MAX);
        builder.max_concurrent_streams(STREAMS_MAX).max_header_list_size(HEAD_BYTES_MAX as u32);
        let mut connection = pin!(builder.serve_connection(io, service));
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = closing.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    } else {
        let mut builder = conn::http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
        builder.max_headers(HEAD_FIELDS_MAX).max_buf_size(HEAD_BYTES_MAX);
        let mut connection = pin!(builder.serve_connection(io, service));
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = closing.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
}
