//! Checkpoints of pipelines: their versions, how two of them differ, and putting them elsewhere.

use axum::extract::State;
use flexcore_engine::{
    aggregate::Rejection,
    command::{Command, PipelineCommand},
    id::PipelineName,
    pipeline::definition::Mode,
    projection::{ReadModels, checkpoints::CheckpointsRow},
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::http::{
    BASE,
    access::{Caller, Operator},
    answer::Json,
    body,
    problem::Problem,
    query::{InPath, Query},
    state::Api,
    wire::checkpoints::{ChangeBody, CheckpointsBody, DifferencesBody},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_checkpoints, set_checkpoints))
        .routes(routes!(difference))
        .routes(routes!(roll_back_checkpoints))
}

/// Looks at the checkpoints of a pipeline that is there; it may have none.
async fn of<T>(api: &Api, name: &PipelineName, look: impl FnOnce(&CheckpointsRow) -> T) -> Result<T, Problem> {
    let known = name.clone();
    let found = api.engine().view(move |models| {
        models.board.pipelines.contains_key(&known).then(|| match models.checkpoints.pipelines.get(&known) {
            Some(row) => look(row),
            None => look(&CheckpointsRow::default()),
        })
    });
    found.await.ok_or_else(|| (&Rejection::NoPipeline(name.clone())).into())
}

/// Where a continuous pipeline stands, and the versions before; of a batch, what its newest run kept that kept any.
#[utoipa::path(get, context_path = BASE, path = "/pipelines/{name}/checkpoints", tag = "pipelines", params(("name" = String, Path)), responses((status = 200, body = CheckpointsBody)))]
async fn list_checkpoints(
    State(api): State<Api>,
    _: Caller,
    InPath(name): InPath<PipelineName>,
) -> Result<Json<CheckpointsBody>, Problem> {
    if let Some(body) = api.engine().view(|models| of_batch(models, &name)).await {
        return Ok(Json(body));
    }
    of(&api, &name, |row| CheckpointsBody::from(row)).await.map(Json)
}

fn of_batch(models: &ReadModels, name: &PipelineName) -> Option<CheckpointsBody> {
    models.board.pipelines.get(name).filter(|row| row.definition().mode == Mode::Batch)?;
    let runs = models.runs.runs.values().filter(|run| run.pipeline == *name && !run.checkpoints.is_empty());
    runs.max_by_key(|run| run.number).map(CheckpointsBody::from)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Versions {
    /// The one; 0 is the beginning. Unless said otherwise, the version before `to`.
    from: Option<u64>,
    /// The other. Unless said otherwise, the newest.
    to: Option<u64>,
}

/// How two versions of the checkpoints differ.
#[utoipa::path(get, context_path = BASE, path = "/pipelines/{name}/checkpoints/difference", tag = "pipelines", params(("name" = String, Path), Versions), responses((status = 200, body = DifferencesBody), (status = 404, description = "There is no such pipeline or version")))]
async fn difference(
    State(api): State<Api>,
    _: Caller,
    InPath(name): InPath<PipelineName>,
    Query(Versions { from, to }): Query<Versions>,
) -> Result<Json<DifferencesBody>, Problem> {
    let found = of(&api, &name, |row| {
        let to = to.unwrap_or_else(|| row.newest());
        let before = || row.versions.iter().rev().map(|version| version.number).find(|number| *number < to);
        let from = from.or_else(before).unwrap_or(0);
        match row.difference(from, to) {
            Some(differences) => Ok(DifferencesBody { from, to, items: differences.into_iter().map(Into::into).collect() }),
            None => Err(if row.at(from).is_none() { from } else { to }),
        }
    });
    found.await?.map(Json).map_err(|version| (&Rejection::NoVersion { name, version }).into())
}

/// Checkpoints to put elsewhere.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"changes": [{"step": "make", "stream": "generate", "cursor": {"n": 7}}]}))]
struct SetCheckpoints {
    /// 1 to 10,000 of them: all or none.
    #[schema(min_items = 1, max_items = 10000)]
    changes: Vec<ChangeBody>,
}

/// Puts checkpoints elsewhere: the next run begins there. Records come twice, or never, unless sinks are set with their
/// sources; going back to a version does that. Refused while a run lives.
#[utoipa::path(post, context_path = BASE, path = "/pipelines/{name}/checkpoints", tag = "pipelines", params(("name" = String, Path)), request_body = SetCheckpoints, responses((status = 200, body = CheckpointsBody), (status = 409, description = "A run lives, or it is a batch")))]
async fn set_checkpoints(
    State(api): State<Api>,
    Operator(caller): Operator,
    InPath(name): InPath<PipelineName>,
    body::Json(SetCheckpoints { changes }): body::Json<SetCheckpoints>,
) -> Result<Json<CheckpointsBody>, Problem> {
    let mut taken = Vec::new();
    for change in changes {
        let step = change.step.clone();
        taken.push(change.into_change().ok_or_else(|| Problem::unfit(format!("`{step}` cannot be the name of a step")))?);
    }
    let command = PipelineCommand::SetCheckpoints { changes: taken };
    api.submit(&caller, Command::Pipeline(name.clone(), command)).await?;
    of(&api, &name, |row| CheckpointsBody::from(row)).await.map(Json)
}

/// A version to go back to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"version": 3}))]
struct BackTo {
    /// Its number; 0 is the beginning.
    version: u64,
    /// Only if the newest version is still this one; whichever it is unless said otherwise.
    newest: Option<u64>,
}

/// Sets all checkpoints to where they stood together in a version, sources and sinks alike. Refused while a run lives.
#[utoipa::path(post, context_path = BASE, path = "/pipelines/{name}/checkpoints/rollback", tag = "pipelines", params(("name" = String, Path)), request_body = BackTo, responses((status = 200, body = CheckpointsBody), (status = 404, description = "There is no such pipeline or version"), (status = 409, description = "A run lives, it is a batch, or the checkpoints have moved since")))]
async fn roll_back_checkpoints(
    State(api): State<Api>,
    Operator(caller): Operator,
    InPath(name): InPath<PipelineName>,
    body::Json(BackTo { version, newest: expected }): body::Json<BackTo>,
) -> Result<Json<CheckpointsBody>, Problem> {
    let (newest, changes) = of(&api, &name, |row| (row.newest(), row.way_back(version))).await?;
    let changes = changes.ok_or_else(|| Problem::from(&Rejection::NoVersion { name: name.clone(), version }))?;
    let command = PipelineCommand::RollBackCheckpoints { to: version, changes, newest: expected.unwrap_or(newest) };
    api.submit(&caller, Command::Pipeline(name.clone(), command)).await?;
    of(&api, &name, |row| CheckpointsBody::from(row)).await.map(Json)
}
