//! What operators do to queues: each is on record.

use axum::{extract::State, http::StatusCode};
use flexcore_engine::{
    command::{Command, QueueCommand},
    event::queue::PurgeScope,
    id::{MessageId, PipelineName, QueueName, RunId},
    port::queue::{BATCH_MAX, QueueLimits},
    unit::{ByteSize, Duration},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::known;
use crate::http::{
    BASE,
    access::{Caller, Operator},
    answer::Json,
    body::{self, JsonText, MaybeJson},
    problem::Problem,
    query::InPath,
    state::Api,
    wire::queues::QueueBody,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(declare))
        .routes(routes!(purge))
        .routes(routes!(redrive))
        .routes(routes!(replay))
        .routes(routes!(discard))
        .routes(routes!(edit))
}

/// What was done.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct Done {
    /// In words, like `12 messages purged`.
    note: String,
    /// The event that tells it.
    position: u64,
}

async fn done(api: &Api, caller: &Caller, queue: QueueName, command: QueueCommand) -> Result<Json<Done>, Problem> {
    let accepted = api.submit(caller, Command::Queue(queue, command)).await?;
    Ok(Json(Done { note: accepted.note, position: accepted.last.0 }))
}

/// What a queue is to allow. What is left out has its default.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"messages_max": 1000, "attempts_max": 3, "backoff": "5s"}))]
struct Declaration {
    /// Messages in all states but dead.
    #[schema(minimum = 1)]
    messages_max: Option<u64>,
    /// Bytes of bodies in all states but dead, like 64MiB.
    #[schema(value_type = Option<String>, pattern = "^[1-9][0-9]{0,3}(KiB|MiB)$")]
    bytes_max: Option<ByteSize>,
    /// Bytes of one body.
    #[schema(value_type = Option<String>, pattern = "^[1-9][0-9]{0,3}KiB$")]
    body_max: Option<ByteSize>,
    /// Deliveries before a message becomes a dead letter.
    #[schema(minimum = 1, maximum = 1000)]
    attempts_max: Option<u32>,
    /// The wait before the second delivery; doubles with each.
    #[schema(value_type = Option<String>, pattern = "^[0-9]{1,4}(ms|s|m)$")]
    backoff: Option<Duration>,
    /// Messages that are not delivered within this time are dropped.
    #[schema(value_type = Option<String>, pattern = "^[1-9][0-9]{0,3}(s|m|h)$")]
    ttl: Option<Duration>,
    /// How long a deduplication key is remembered.
    #[schema(value_type = Option<String>, pattern = "^[0-9]{1,4}(s|m)$")]
    dedup_window: Option<Duration>,
    /// Dead letters older than this are dropped.
    #[schema(value_type = Option<String>, pattern = "^[1-9][0-9]{0,2}(h|d)$")]
    dead_retain: Option<Duration>,
    /// Bytes of dead letters.
    #[schema(value_type = Option<String>, pattern = "^[1-9][0-9]{0,3}(KiB|MiB)$")]
    dead_bytes_max: Option<ByteSize>,
}

impl From<Declaration> for QueueLimits {
    fn from(given: Declaration) -> Self {
        let base = Self::default();
        Self {
            messages_max: given.messages_max.unwrap_or(base.messages_max),
            bytes_max: given.bytes_max.unwrap_or(base.bytes_max),
            body_max: given.body_max.unwrap_or(base.body_max),
            attempts_max: given.attempts_max.unwrap_or(base.attempts_max),
            backoff: given.backoff.unwrap_or(base.backoff),
            ttl: given.ttl,
            dedup_window: given.dedup_window.unwrap_or(base.dedup_window),
            dead_retain: given.dead_retain.unwrap_or(base.dead_retain),
            dead_bytes_max: given.dead_bytes_max.unwrap_or(base.dead_bytes_max),
        }
    }
}

/// Makes a queue, or gives it other limits.
#[utoipa::path(put, context_path = BASE, path = "/queues/{queue}", tag = "queues", params(("queue" = String, Path)), request_body(content = Option<Declaration>), responses((status = 200, body = QueueBody), (status = 409, description = "The queues refuse")))]
async fn declare(
    State(api): State<Api>,
    Operator(caller): Operator,
    InPath(queue): InPath<QueueName>,
    MaybeJson(declaration): MaybeJson<Declaration>,
) -> Result<Json<QueueBody>, Problem> {
    let limits = declaration.into();
    api.submit(&caller, Command::Queue(queue.clone(), QueueCommand::Declare { limits })).await?;
    let stats = known(&api, &queue).await?;
    Ok(Json(QueueBody::of(&queue, &stats)))
}

/// What to empty.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Scope {
    /// Waiting and delayed messages; leased ones stay.
    #[default]
    Messages,
    /// Dead letters.
    DeadLetters,
}

/// What to empty.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"scope": "messages"}))]
struct Purge {
    /// Messages, unless said otherwise.
    #[schema(inline)]
    scope: Scope,
}

/// Empties a queue.
#[utoipa::path(post, context_path = BASE, path = "/queues/{queue}/purge", tag = "queues", params(("queue" = String, Path)), request_body(content = Option<Purge>), responses((status = 200, body = Done), (status = 409, description = "There is nothing to purge")))]
async fn purge(
    State(api): State<Api>,
    Operator(caller): Operator,
    InPath(queue): InPath<QueueName>,
    MaybeJson(Purge { scope }): MaybeJson<Purge>,
) -> Result<Json<Done>, Problem> {
    let scope = match scope {
        Scope::Messages => PurgeScope::Messages,
        Scope::DeadLetters => PurgeScope::DeadLetters,
    };
    done(&api, &caller, queue, QueueCommand::Purge { scope }).await
}

/// Which dead letters.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"messages": []}))]
struct Letters {
    /// Their ids, at most 1,000; none: all.
    #[schema(max_items = 1000)]
    messages: Vec<Uuid>,
}

fn ids(messages: Vec<Uuid>) -> Result<Vec<MessageId>, Problem> {
    if messages.len() > BATCH_MAX {
        return Err(Problem::unfit(format!("{} messages: at most {BATCH_MAX}", messages.len())));
    }
    Ok(messages.into_iter().map(MessageId).collect())
}

/// Makes dead letters messages again.
#[utoipa::path(post, context_path = BASE, path = "/queues/{queue}/redrive", tag = "queues", params(("queue" = String, Path)), request_body(content = Option<Letters>), responses((status = 200, body = Done), (status = 409, description = "There is no such dead letter")))]
async fn redrive(
    State(api): State<Api>,
    Operator(caller): Operator,
    InPath(queue): InPath<QueueName>,
    MaybeJson(Letters { messages }): MaybeJson<Letters>,
) -> Result<Json<Done>, Problem> {
    done(&api, &caller, queue, QueueCommand::Redrive { messages: ids(messages)? }).await
}

/// Which dead letters of a pipeline to process again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"pipeline": "quakes", "messages": []}))]
struct Replay {
    /// Whose they are.
    #[schema(value_type = String)]
    pipeline: PipelineName,
    /// Their ids, at most 1,000; none: all.
    #[serde(default)]
    #[schema(max_items = 1000)]
    messages: Vec<Uuid>,
}

/// A run that was started.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Replayed {
    /// The run.
    run: Uuid,
    /// In words.
    note: String,
}

/// Processes dead letters of a pipeline again: a run of its current revision that begins at the steps that refused them.
#[utoipa::path(post, context_path = BASE, path = "/queues/{queue}/replay", tag = "queues", params(("queue" = String, Path)), request_body = Replay, responses((status = 202, body = Replayed), (status = 409, description = "There is no such dead letter, or the pipeline's state does not allow it")))]
async fn replay(
    State(api): State<Api>,
    Operator(caller): Operator,
    InPath(queue): InPath<QueueName>,
    body::Json(Replay { pipeline, messages }): body::Json<Replay>,
) -> Result<(StatusCode, Json<Replayed>), Problem> {
    let run = RunId::fresh();
    let command = QueueCommand::ReplayDeadLetters { pipeline, run, messages: ids(messages)? };
    let accepted = api.submit(&caller, Command::Queue(queue, command)).await?;
    Ok((StatusCode::ACCEPTED, Json(Replayed { run: run.0, note: accepted.note })))
}

/// Dead letters to give up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"messages": ["0192d5a0-0000-7000-8000-000000000000"]}))]
struct Given {
    /// Their ids: 1 to 1,000.
    #[schema(min_items = 1, max_items = 1000)]
    messages: Vec<Uuid>,
}

/// Gives dead letters up. They must be named.
#[utoipa::path(post, context_path = BASE, path = "/queues/{queue}/discard", tag = "queues", params(("queue" = String, Path)), request_body = Given, responses((status = 200, body = Done), (status = 409, description = "There is no such dead letter")))]
async fn discard(
    State(api): State<Api>,
    Operator(caller): Operator,
    InPath(queue): InPath<QueueName>,
    body::Json(Given { messages }): body::Json<Given>,
) -> Result<Json<Done>, Problem> {
    if messages.is_empty() {
        return Err(Problem::unfit("no message is named: purge gives all dead letters up"));
    }
    done(&api, &caller, queue, QueueCommand::DiscardDeadLetters { messages: ids(messages)? }).await
}

/// Changes the body of a dead letter, before it is processed again.
#[utoipa::path(put, context_path = BASE, path = "/queues/{queue}/dead/{id}", tag = "queues", params(("queue" = String, Path), ("id" = String, Path, format = Uuid)), request_body = Value, responses((status = 200, body = Done), (status = 409, description = "There is no such dead letter")))]
async fn edit(
    State(api): State<Api>,
    Operator(caller): Operator,
    InPath((queue, message)): InPath<(QueueName, MessageId)>,
    JsonText(body): JsonText,
) -> Result<Json<Done>, Problem> {
    let json: &RawValue = body::parse(&body)?;
    let body = body::part(&body, json)?;
    done(&api, &caller, queue, QueueCommand::EditDeadLetter { message, body }).await
}
