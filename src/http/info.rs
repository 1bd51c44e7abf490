//! Who am I: `GET /info`.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{BASE, access::Caller, answer::Json, state::Api, wire::info::Info};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(info))
}

/// What this engine is, and who the caller is to it.
#[utoipa::path(get, context_path = BASE, path = "/info", tag = "node", responses((status = 200, body = Info)))]
async fn info(State(api): State<Api>, caller: Caller) -> Json<Info> {
    Json(Info::of(&api, &caller))
}
