//! What is done to pipelines: their states, and runs of them.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use flexcore_engine::{
    aggregate::Rejection,
    command::{Command, PipelineCommand},
    event::pipeline::RunTrigger,
    id::{PipelineName, RunId},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::http::{
    BASE,
    access::{Admin, Caller, Operator},
    answer::Json,
    body::{self, MaybeJson},
    cursor::RunCursor,
    problem::Problem,
    query::{InPath, Query},
    runs::{self, RunsQuery},
    state::Api,
    wire::{page::Page, pipelines::PipelineBody, runs::RunBody},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(activate))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(archive))
        .routes(routes!(restore))
        .routes(routes!(roll_back))
        .routes(routes!(list_runs))
        .routes(routes!(run))
}

type Acted = Result<Json<PipelineBody>, Problem>;

async fn acted(api: &Api, caller: &Caller, name: PipelineName, command: PipelineCommand) -> Acted {
    api.submit(caller, Command::Pipeline(name.clone(), command)).await?;
    let known = name.clone();
    let found = api.engine().view(move |models| models.board.pipelines.get(&known).map(PipelineBody::from)).await;
    found.map(Json).ok_or_else(|| (&Rejection::NoPipeline(name)).into())
}

/// Lets the triggers of a draft start runs; a continuous pipeline starts its run.
#[utoipa::path(post, context_path = BASE, path = "/pipelines/{name}/activate", tag = "pipelines", params(("name" = String, Path)), responses((status = 200, body = PipelineBody), (status = 409, description = "Its state does not allow it")))]
async fn activate(State(api): State<Api>, Operator(caller): Operator, InPath(name): InPath<PipelineName>) -> Acted {
    acted(&api, &caller, name, PipelineCommand::Activate).await
}

/// Why.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"reason": "the source is being repaired"}))]
pub(in crate::http) struct Reason {
    /// For people; may be empty.
    #[schema(max_length = 1000)]
    pub(in crate::http) reason: String,
}

/// Longest reason, in bytes.
const REASON_BYTES_MAX: usize = 4_000;

pub(in crate::http) fn fit_reason(reason: String) -> Result<String, Problem> {
    if reason.len() > REASON_BYTES_MAX {
        return Err(Problem::unfit(format!("the reason has {} bytes: at most {REASON_BYTES_MAX}", reason.len())));
    }
    Ok(reason)
}

/// Stops the triggers; runs that live go on.
#[utoipa::path(post, context_path = BASE, path = "/pipelines/{name}/pause", tag = "pipelines", params(("name" = String, Path)), request_body(content = Option<Reason>), responses((status = 200, body = PipelineBody), (status = 409, description = "Its state does not allow it")))]
async fn pause(
    State(api): State<Api>,
    Operator(caller): Operator,
    InPath(name): InPath<PipelineName>,
    MaybeJson(Reason { reason }): MaybeJson<Reason>,
) -> Acted {
    acted(&api, &caller, name, PipelineCommand::Pause { reason: fit_reason(reason)? }).await
}

/// Lets the triggers of a paused pipeline start runs again.
#[utoipa::path(post, context_path = BASE, path = "/pipelines/{name}/resume", tag = "pipelines", params(("name" = String, Path)), responses((status = 200, body = PipelineBody), (status = 409, description = "Its state does not allow it")))]
async fn resume(State(api): State<Api>, Operator(caller): Operator, InPath(name): InPath<PipelineName>) -> Acted {
    acted(&api, &caller, name, PipelineCommand::Resume).await
}

/// Puts a pipeline out of use. Refused while a run lives.
#[utoipa::path(post, context_path = BASE, path = "/pipelines/{name}/archive", tag = "pipelines", params(("name" = String, Path)), responses((status = 200, body = PipelineBody), (status = 409, description = "Its state does not allow it, or a run lives")))]
async fn archive(State(api): State<Api>, Operator(caller): Operator, InPath(name): InPath<PipelineName>) -> Acted {
    acted(&api, &caller, name, PipelineCommand::Archive).await
}

/// Makes an archived pipeline a draft again.
#[utoipa::path(post, context_path = BASE, path = "/pipelines/{name}/restore", tag = "pipelines", params(("name" = String, Path)), responses((status = 200, body = PipelineBody), (status = 409, description = "Its state does not allow it")))]
async fn restore(State(api): State<Api>, Operator(caller): Operator, InPath(name): InPath<PipelineName>) -> Acted {
    acted(&api, &caller, name, PipelineCommand::Restore).await
}

/// A revision to go back to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"number": 1}))]
struct Back {
    /// Its number.
    number: u32,
}

/// Makes an earlier revision the current one again: recorded as a new revision with its content.
#[utoipa::path(post, context_path = BASE, path = "/pipelines/{name}/rollback", tag = "pipelines", params(("name" = String, Path)), request_body = Back, responses((status = 200, body = PipelineBody), (status = 409, description = "Its state does not allow it, or it has that definition already")))]
async fn roll_back(
    State(api): State<Api>,
    Admin(caller): Admin,
    InPath(name): InPath<PipelineName>,
    body::Json(Back { number }): body::Json<Back>,
) -> Acted {
    acted(&api, &caller, name, PipelineCommand::Rollback { number }).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OfPipeline {
    /// Only those in this state.
    #[param(value_type = Option<String>)]
    state: Option<flexcore_engine::projection::runs::RunState>,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<RunCursor>,
    /// Items of the page: 1 to 1,000; 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// Runs of a pipeline, newest first.
#[utoipa::path(get, context_path = BASE, path = "/pipelines/{name}/runs", tag = "pipelines", params(("name" = String, Path), OfPipeline), responses((status = 200, body = Page<RunBody>)))]
async fn list_runs(
    State(api): State<Api>,
    _: Caller,
    InPath(name): InPath<PipelineName>,
    Query(OfPipeline { state, cursor, limit }): Query<OfPipeline>,
) -> Result<Json<Page<RunBody>>, Problem> {
    let known = name.clone();
    if !api.engine().view(move |models| models.board.pipelines.contains_key(&known)).await {
        return Err((&Rejection::NoPipeline(name)).into());
    }
    runs::page(&api, &RunsQuery { pipeline: Some(name), state, cursor, limit }).await.map(Json)
}

/// A run to start.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"params": {}}))]
struct NewRun {
    /// Its parameters; those that are left out have the definition's defaults.
    #[schema(value_type = Object)]
    params: Map<String, Value>,
}

/// Starts a run.
#[utoipa::path(post, context_path = BASE, path = "/pipelines/{name}/runs", tag = "pipelines", params(("name" = String, Path)), request_body(content = Option<NewRun>), responses((status = 202, body = RunBody), (status = 409, description = "Its state or its overlap policy does not allow it")))]
async fn run(
    State(api): State<Api>,
    Operator(caller): Operator,
    InPath(name): InPath<PipelineName>,
    MaybeJson(NewRun { params }): MaybeJson<NewRun>,
) -> Result<Response, Problem> {
    started(&api, &caller, name, RunTrigger::Manual, params).await
}

pub(in crate::http) async fn started(
    api: &Api,
    caller: &Caller,
    name: PipelineName,
    trigger: RunTrigger,
    params: Map<String, Value>,
) -> Result<Response, Problem> {
    let run = RunId::fresh();
    api.submit(caller, Command::Pipeline(name, PipelineCommand::RequestRun { run, trigger, params })).await?;
    let location = HeaderValue::from_str(&format!("{BASE}/runs/{run}")).map_err(|_| Problem::internal())?;
    let body = runs::detail(api, run).await?.run;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(body)).into_response())
}
