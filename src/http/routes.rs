//! Every route with its handler, and the document that describes them: one list makes both, so they cannot disagree.

use axum::{
    Router,
    http::{Method, StatusCode},
};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::{Api, BASE, events, info, layers, pipelines, problem::Problem, queues, runs, stream};

/// The router, with everything that a request goes through.
pub fn router(api: &Api) -> Router {
    let (router, _) = all().split_for_parts();
    let router = router.fallback(nothing).method_not_allowed_fallback(not_allowed);
    layers::around(router, api)
}

/// The document of the API.
pub fn document() -> OpenApi {
    all().split_for_parts().1
}

fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::new().nest(BASE, versioned())
}

fn versioned() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(info::routes())
        .merge(pipelines::routes())
        .merge(runs::routes())
        .merge(events::routes())
        .merge(stream::routes())
        .merge(queues::routes())
}

async fn nothing() -> Problem {
    Problem::of_status(StatusCode::NOT_FOUND)
}

async fn not_allowed(_: Method) -> Problem {
    Problem::of_status(StatusCode::METHOD_NOT_ALLOWED)
}
