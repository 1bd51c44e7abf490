//! `GET /metrics`, and the counting of requests that it tells among the rest.

use std::time::Instant;

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::header,
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{access::Caller, state::Api};
use crate::metrics::CONTENT_TYPE;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// The same at the root, where Prometheus looks for it.
pub(super) fn at_root() -> Router<Api> {
    Router::new().route("/metrics", get(metrics))
}

/// Every figure, in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "node", responses((status = 200, body = String, content_type = "text/plain")))]
async fn metrics(State(api): State<Api>, _: Caller) -> Response {
    let vitals = api.app().vitals().borrow().clone();
    let text = api.metrics().text(api.engine(), &vitals).await;
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()
}

/// Counts a request when its answer begins.
pub(super) async fn counted(State(api): State<Api>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let response = next.run(request).await;
    let route = route.as_ref().map(MatchedPath::as_str);
    api.metrics().http.record(route, method.as_str(), response.status().as_u16(), began.elapsed());
    response
}
