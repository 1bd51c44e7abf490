//! "Why is it so?" of pipelines, runs and queues: the events that led to it, what comes next, what can be done.

use axum::{extract::State, http::StatusCode};
use flexcore_engine::{
    aggregate::Rejection,
    handle::{Engine, Refusal},
    id::{PipelineName, Position, QueueName, RunId},
    projection::why::{Subject, Why},
};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    BASE,
    access::Caller,
    answer::Json,
    problem::Problem,
    query::{InPath, Query},
    state::Api,
    wire::why::WhyBody,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(why_pipeline)).routes(routes!(why_run)).routes(routes!(why_queue))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhyQuery {
    /// As it was right after the event at this position; as it is now unless said otherwise.
    at: Option<u64>,
    /// As it was at this moment, instead of a position.
    #[param(value_type = Option<String>, format = DateTime)]
    moment: Option<Timestamp>,
}

/// Why a pipeline is as it is. Of one that was deleted, why it is gone.
#[utoipa::path(get, context_path = BASE, path = "/pipelines/{name}/why", tag = "pipelines", params(("name" = String, Path), WhyQuery), responses((status = 200, body = WhyBody), (status = 410, description = "Retention has dropped what it would take")))]
async fn why_pipeline(
    State(api): State<Api>,
    _: Caller,
    InPath(name): InPath<PipelineName>,
    Query(query): Query<WhyQuery>,
) -> Result<Json<WhyBody>, Problem> {
    answer(&api, &Subject::Pipeline(name.clone()), &query, &Rejection::NoPipeline(name)).await
}

/// Why a run is as it is: what it waits for, or how it came to its end.
#[utoipa::path(get, context_path = BASE, path = "/runs/{id}/why", tag = "runs", params(("id" = String, Path, format = Uuid), WhyQuery), responses((status = 200, body = WhyBody), (status = 410, description = "Retention has dropped what it would take")))]
async fn why_run(
    State(api): State<Api>,
    _: Caller,
    InPath(run): InPath<RunId>,
    Query(query): Query<WhyQuery>,
) -> Result<Json<WhyBody>, Problem> {
    answer(&api, &Subject::Run(run), &query, &Rejection::NoRun(run)).await
}

/// Why a queue is as it is: which step refused its dead letters, or which pipelines use it and what they do.
#[utoipa::path(get, context_path = BASE, path = "/queues/{queue}/why", tag = "queues", params(("queue" = String, Path), WhyQuery), responses((status = 200, body = WhyBody), (status = 410, description = "Retention has dropped what it would take")))]
async fn why_queue(
    State(api): State<Api>,
    _: Caller,
    InPath(queue): InPath<QueueName>,
    Query(query): Query<WhyQuery>,
) -> Result<Json<WhyBody>, Problem> {
    answer(&api, &Subject::Queue(queue.clone()), &query, &Rejection::NoQueue(queue)).await
}

async fn answer(api: &Api, subject: &Subject, query: &WhyQuery, none: &Rejection) -> Result<Json<WhyBody>, Problem> {
    let engine = api.engine();
    let found = match (query.at, query.moment) {
        (Some(_), Some(_)) => return Err(Problem::malformed("at and moment exclude each other")),
        (None, None) => {
            let vitals = api.app().fresh_vitals().await;
            engine.why(subject, Some(&vitals)).await?
        }
        (Some(position), None) => then(engine, subject, Position(position), None).await?,
        (None, Some(moment)) => {
            let position = engine.position_at(moment).await.map_err(dropped)?;
            then(engine, subject, position, Some(moment)).await?
        }
    };
    found.map(|why| Json(WhyBody::from(why))).ok_or_else(|| none.into())
}

async fn then(engine: &Engine, subject: &Subject, at: Position, moment: Option<Timestamp>) -> Result<Option<Why>, Problem> {
    if at < engine.oldest_seen().await? {
        return Err(dropped(engine.models_at(at).await.err().unwrap_or_else(|| Refusal::Unavailable("it is gone".into()))));
    }
    Ok(engine.why_at(subject, at, moment).await?)
}

/// Says from where on the past is known.
fn dropped(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Unavailable(told) => Problem::new(StatusCode::GONE, "truncated", told),
        other => other.into(),
    }
}
