//! What is done to runs: cancel, and try again.

use axum::{extract::State, http::StatusCode, response::Response};
use flexcore_engine::{
    aggregate::Rejection,
    command::{Command, RunCommand},
    event::pipeline::RunTrigger,
    id::RunId,
    unit::Duration,
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::detail;
use crate::http::{
    BASE,
    access::Operator,
    answer::Json,
    body::MaybeJson,
    pipelines::act::{fit_reason, started},
    problem::Problem,
    query::InPath,
    state::Api,
    wire::runs::RunBody,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(cancel)).routes(routes!(retry))
}

/// How to stop.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"reason": "wrong file", "grace": "10s"}))]
struct Stop {
    /// Why, for people; may be empty.
    #[schema(max_length = 1000)]
    reason: String,
    /// How long it may take to stop by itself, like 10s; unless said, what its pipeline says (`drain`).
    #[schema(value_type = Option<String>, pattern = "^[0-9]{1,4}(ms|s|m)$")]
    grace: Option<Duration>,
}

/// Asks a run to stop. What is in flight may reach its sinks within the grace; then it is given up.
#[utoipa::path(post, context_path = BASE, path = "/runs/{id}/cancel", tag = "runs", params(("id" = String, Path, format = Uuid)), request_body(content = Option<Stop>), responses((status = 202, body = RunBody), (status = 409, description = "It has ended")))]
async fn cancel(
    State(api): State<Api>,
    Operator(caller): Operator,
    InPath(run): InPath<RunId>,
    MaybeJson(Stop { reason, grace }): MaybeJson<Stop>,
) -> Result<(StatusCode, Json<RunBody>), Problem> {
    let reason = fit_reason(reason)?;
    let drain = api.engine().view(|models| {
        let row = models.runs.runs.get(&run)?;
        models.board.pipelines.get(&row.pipeline).map(|row| row.definition().drain)
    });
    let grace = match grace {
        Some(grace) => grace,
        None => drain.await.unwrap_or(Duration::from_secs(30)),
    };
    api.submit(&caller, Command::Run(run, RunCommand::Cancel { reason, grace })).await?;
    Ok((StatusCode::ACCEPTED, Json(detail(&api, run).await?.run)))
}

/// Starts a new run with the parameters of one that failed or was cancelled, of the pipeline's current revision.
#[utoipa::path(post, context_path = BASE, path = "/runs/{id}/retry", tag = "runs", params(("id" = String, Path, format = Uuid)), responses((status = 202, body = RunBody), (status = 409, description = "It has not failed and was not cancelled")))]
async fn retry(State(api): State<Api>, Operator(caller): Operator, InPath(run): InPath<RunId>) -> Result<Response, Problem> {
    let known = api.engine().view(|models| models.runs.runs.get(&run).map(|row| (row.pipeline.clone(), row.params.clone())));
    let (pipeline, params) = known.await.ok_or_else(|| Problem::from(&Rejection::NoRun(run)))?;
    started(&api, &caller, pipeline, RunTrigger::Retry { of: run }, params).await
}
