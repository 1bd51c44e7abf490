//! Who is here: consoles and commands of others.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{BASE, access::Caller, answer::Json, state::Api, wire::sessions::SessionBody};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Sessions.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Sessions {
    /// Those that are open, the oldest first; at most 10,000.
    items: Vec<SessionBody>,
}

/// Sessions that are open: consoles by SSH, attached ones and that of the engine's own terminal, and commands by SSH.
#[utoipa::path(get, context_path = BASE, path = "/sessions", tag = "node", responses((status = 200, body = Sessions)))]
async fn list(State(api): State<Api>, _: Caller) -> Json<Sessions> {
    let of = |models: &flexcore_engine::projection::ReadModels| {
        models.sessions.rows.iter().map(|(id, row)| SessionBody::of(*id, row)).collect()
    };
    Json(Sessions { items: api.engine().view(of).await })
}
