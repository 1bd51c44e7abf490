//! Every route with its handler, and the document that describes them: one list makes both, so they cannot disagree.

use axum::{
    Router,
    http::{Method, StatusCode},
    routing::get,
};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::{
    Api, BASE, alerts, cluster, console, document, events, health, info, layers, legacy, metrics, page, pipelines,
    problem::Problem, queues, runs, sessions, stream, why,
};

/// The router, with everything that a request goes through.
pub fn router(api: &Api) -> Router {
    let (router, _) = all().split_for_parts();
    let router = router.merge(health::at_root()).merge(metrics::at_root());
    let router = router.route("/", get(page::page)).route(&format!("{BASE}/openapi.json"), get(document::served));
    let router = router.fallback(nothing).method_not_allowed_fallback(not_allowed);
    layers::around(router, api)
}

/// What the handlers say of themselves.
pub(super) fn described() -> OpenApi {
    all().split_for_parts().1
}

fn all() -> OpenApiRouter<Api> {
    // Each names its whole path: a router within a router would write the path of each request anew.
    OpenApiRouter::new()
        .merge(legacy::routes())
        .merge(info::routes())
        .merge(health::routes())
        .merge(metrics::routes())
        .merge(pipelines::routes())
        .merge(runs::routes())
        .merge(events::routes())
        .merge(stream::routes())
        .merge(queues::routes())
        .merge(alerts::routes())
        .merge(why::routes())
        .merge(cluster::routes())
        .merge(sessions::routes())
        .merge(console::routes())
}

async fn nothing() -> Problem {
    Problem::of_status(StatusCode::NOT_FOUND)
}

async fn not_allowed(_: Method) -> Problem {
    Problem::of_status(StatusCode::METHOD_NOT_ALLOWED)
}
