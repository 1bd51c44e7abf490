//! `GET /metrics`, and the counting of requests that it tells among the rest.

use std::time::Instant;

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{BASE, access::Caller, state::Api};
use crate::metrics::CONTENT_TYPE;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// The same at the root, where Prometheus looks for it.
pub(super) fn at_root() -> Router<Api> {
    Router::new().route("/metrics", get(metrics))
}

/// Every figure, in Prometheus' text format.
#[utoipa::path(get, context_path = BASE, path = "/metrics", tag = "node", responses((status = 200, body = String, content_type = "text/plain")))]
async fn metrics(State(api): State<Api>, _: Caller) -> Response {
    let vitals = api.app().fresh_vitals().await;
    let text = api.metrics().text(api.engine(), &vitals).await;
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()
}

/// A request that is counted when its answer begins.
pub(super) struct Counting {
    began: Instant,
    route: Option<MatchedPath>,
    method: Method,
}

impl Counting {
    /// It came in.
    pub(super) fn begin(request: &Request) -> Self {
        let route = request.extensions().get::<MatchedPath>().cloned();
        Self { began: Instant::now(), route, method: request.method().clone() }
    }

    /// It is answered.
    pub(super) fn end(self, api: &Api, status: StatusCode) {
        let route = self.route.as_ref().map(MatchedPath::as_str);
        api.metrics().http.record(route, self.method.as_str(), status.as_u16(), self.began.elapsed());
    }
}
