//! Asking: commands, checks, plans, dry runs.

use std::path::PathBuf;

use axum::{extract::State, http::StatusCode};
use flexcore_engine::pipeline::{Definition, Plan, mistake::PlacedMistake, revision};
use flexcore_ui::link::Checked;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    definition::{self, variables},
    http::{
        BASE,
        access::{Admin, Caller, Operator},
        answer::Json,
        body,
        problem::Problem,
        query::Query,
        state::Api,
        token::Role,
        wire::{
            command::OutsideCommand,
            console::{CheckAnswer, CheckedBody, Done, DryRunBody},
        },
    },
    local_link,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(command)).routes(routes!(check)).routes(routes!(plan)).routes(routes!(dry_run))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CommandQuery {
    /// `instance` of `GET /info`: only that start of the engine takes it. Another one has forgotten which `Idempotency-Key`s
    /// it was sent, so this keeps a command that is sent again from being carried out again.
    #[param(value_type = Option<String>, format = Uuid)]
    engine: Option<Uuid>,
}

/// Submits a command.
#[utoipa::path(post, context_path = BASE, path = "/console/commands", tag = "console", params(CommandQuery), request_body = Object, responses((status = 200, body = Done), (status = 409, description = "The state of the world does not allow it"), (status = 412, description = "It has another revision by now"), (status = 421, description = "Another start of the engine was meant")))]
async fn command(
    State(api): State<Api>,
    Operator(caller): Operator,
    Query(query): Query<CommandQuery>,
    body::Json(command): body::Json<OutsideCommand>,
) -> Result<Json<Done>, Problem> {
    if query.engine.is_some_and(|meant| meant != api.instance()) {
        let detail = "the engine was started anew since it was asked who it is";
        return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "another-engine", detail));
    }
    let definition = command.definition().cloned();
    let command = command.into_command();
    caller.at_least(Role::least_for(&command))?;
    if let Some(definition) = definition {
        fit(&api, &definition)?;
    }
    let accepted = api.submit(&caller, command).await?;
    Ok(Json(Done { last: accepted.last.0, note: accepted.note }))
}

/// A definition that comes ready made is checked like one that comes as text.
fn fit(api: &Api, definition: &Definition) -> Result<Plan, Problem> {
    Plan::of(definition, api.app().types.as_ref()).map_err(|mistakes| {
        let placed: Vec<_> = mistakes.into_iter().map(|mistake| PlacedMistake { line: 1, column: 1, mistake }).collect();
        let first = placed.first().map_or_else(String::new, |placed| placed.mistake.to_string());
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "pipeline-mistakes", first).with_mistakes(&placed)
    })
}

/// A pipeline file's text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "name: x\nsteps: []\n"}))]
struct Check {
    /// YAML or JSON.
    text: String,
    /// Its path on the engine's machine, which gives the folder for relative paths.
    path: Option<String>,
}

/// Checks a pipeline file's text. Its variables are those of the engine's environment, so this takes an admin.
#[utoipa::path(post, context_path = BASE, path = "/console/check", tag = "console", request_body = Check, responses((status = 200, body = CheckAnswer)))]
async fn check(
    State(api): State<Api>,
    caller: Caller,
    body::Json(Check { text, path }): body::Json<Check>,
) -> Result<Json<CheckAnswer>, Problem> {
    caller.at_least(Role::Admin)?;
    let path = path.map(PathBuf::from);
    let loaded = definition::load(&text, path.as_deref(), api.app().types.as_ref(), &variables::of_process);
    Ok(Json(match loaded {
        Ok(loaded) => {
            let folder = loaded.source.folder.to_string();
            let checked = CheckedBody { revision: loaded.revision, definition: loaded.definition, folder };
            CheckAnswer { checked: Some(checked), mistakes: None }
        }
        Err(mistakes) => CheckAnswer { checked: None, mistakes: Some(mistakes) },
    }))
}

/// The graph of a definition, as the engine runs it.
#[utoipa::path(post, context_path = BASE, path = "/console/plan", tag = "console", request_body = Object, responses((status = 200, body = Object)))]
async fn plan(State(api): State<Api>, _: Caller, body::Json(definition): body::Json<Definition>) -> Result<Json<Plan>, Problem> {
    fit(&api, &definition).map(Json)
}

/// A definition to try.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DryRunAsk {
    /// What to try.
    #[schema(value_type = Object)]
    definition: Definition,
    /// The folder that relative paths start from; where the engine runs unless said otherwise.
    folder: Option<String>,
    /// Its parameters.
    #[serde(default)]
    #[schema(value_type = Object)]
    params: Map<String, Value>,
}

/// Tries a definition on samples from its own sources. Its steps do what they do, so this takes an admin.
#[utoipa::path(post, context_path = BASE, path = "/console/dry_run", tag = "console", request_body = DryRunAsk, responses((status = 200, body = DryRunBody)))]
async fn dry_run(
    State(api): State<Api>,
    Admin(_): Admin,
    body::Json(DryRunAsk { definition, folder, params }): body::Json<DryRunAsk>,
) -> Result<Json<DryRunBody>, Problem> {
    fit(&api, &definition)?;
    let folder = folder.map_or_else(|| api.app().folder.clone(), PathBuf::from);
    let checked = Checked { revision: revision::of(&definition), definition: definition.into(), folder };
    let run = local_link::dry_run(api.app(), checked, params).await.map_err(Problem::unfit)?;
    Ok(Json(DryRunBody::from(run)))
}
