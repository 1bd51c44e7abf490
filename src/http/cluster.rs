//! The cluster, which is this node, and runs by the name of workflows.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    BASE,
    access::{Caller, Operator},
    answer::Json,
    body,
    legacy::{ClusterNode, ClusterStatus, Execute, Executed, WorkflowStatus, executed, one_node, where_it_is},
    problem::Problem,
    query::InPath,
    state::Api,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(status)).routes(routes!(nodes)).routes(routes!(execute)).routes(routes!(workflow))
}

/// The cluster: one node, and how it is.
#[utoipa::path(get, context_path = BASE, path = "/cluster/status", tag = "node", responses((status = 200, body = ClusterStatus)))]
async fn status(State(api): State<Api>, _: Caller) -> Json<ClusterStatus> {
    Json(one_node(&api))
}

/// Nodes.
#[derive(Debug, Serialize, ToSchema)]
struct Nodes {
    /// This one.
    items: Vec<ClusterNode>,
}

/// The nodes of the cluster: this one.
#[utoipa::path(get, context_path = BASE, path = "/cluster/nodes", tag = "node", responses((status = 200, body = Nodes)))]
async fn nodes(State(api): State<Api>, _: Caller) -> Json<Nodes> {
    Json(Nodes { items: one_node(&api).into_nodes() })
}

/// Runs a pipeline by its path.
#[utoipa::path(post, context_path = BASE, path = "/workflows/execute", tag = "runs", request_body = Execute, responses((status = 202, body = Executed), (status = 404, description = "There is no such pipeline"), (status = 409, description = "Its state or its overlap policy does not allow it")))]
async fn execute(
    State(api): State<Api>,
    Operator(caller): Operator,
    body::Json(execute): body::Json<Execute>,
) -> Result<Response, Problem> {
    let executed = executed(&api, &caller, execute).await?;
    let location = HeaderValue::from_str(&format!("{BASE}/runs/{}", executed.run())).map_err(|_| Problem::internal())?;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(executed)).into_response())
}

/// Where a run is, by the name of workflows.
#[utoipa::path(get, context_path = BASE, path = "/workflows/{id}/status", tag = "runs", params(("id" = String, Path)), responses((status = 200, body = WorkflowStatus)))]
async fn workflow(State(api): State<Api>, _: Caller, InPath(id): InPath<String>) -> Result<Json<WorkflowStatus>, Problem> {
    where_it_is(&api, &id).await.map(Json)
}
