//! The calls of the first FlexCore, at the root and in their own shapes, so that what was written for it goes on working.
//! What they were documented to do is done for real here: nothing answers a constant.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    http::{Method, StatusCode},
};
use flexcore_engine::{
    command::{Command, PipelineCommand},
    event::pipeline::RunTrigger,
    handle::{Fact, FactData},
    id::{EventId, PipelineName, QueueName, RunId},
    port::{
        queue::{NewMessage, Receipt},
        store::Expected,
    },
    vitals::CheckState,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    access::{Caller, Operator},
    answer::Json,
    body::{self, Raw},
    events::{append::appended, incoming::EVENTS_MAX},
    problem::Problem,
    query::InPath,
    queues::messages::{LEASE_DEFAULT, open},
    runs,
    state::Api,
    wire::{info::commit, queues::raw},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(info))
        .routes(routes!(post_event))
        .routes(routes!(post_events))
        .routes(routes!(send, take))
        .routes(routes!(execute))
        .routes(routes!(status))
        .routes(routes!(cluster))
}

/// Who am I, as the first FlexCore said it.
#[derive(Debug, Serialize, ToSchema)]
struct LegacyInfo {
    service: &'static str,
    version: &'static str,
    /// `unknown` when the build did not say.
    build_time: &'static str,
    /// `unknown` when the build did not say.
    commit: &'static str,
    node_id: String,
    /// This node is all there is of it.
    cluster: &'static str,
    /// Seconds since the engine started.
    uptime: u64,
}

/// What a cluster of one is called.
const CLUSTER: &str = "standalone";

fn build_time() -> &'static str {
    option_env!("FLEXCORE_BUILD_TIME").unwrap_or("unknown")
}

/// Who am I.
#[utoipa::path(get, path = "/info", tag = "legacy", responses((status = 200, body = LegacyInfo)))]
async fn info(State(api): State<Api>, _: Caller) -> Json<LegacyInfo> {
    Json(LegacyInfo {
        service: "flexcore",
        version: env!("CARGO_PKG_VERSION"),
        build_time: build_time(),
        commit: commit(),
        node_id: api.app().settings.node.clone(),
        cluster: CLUSTER,
        uptime: api.uptime().as_secs(),
    })
}

/// An event.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"type": "user.created", "aggregate_id": "user-123", "data": {"name": "Ana"}}))]
struct LegacyEvent<'a> {
    /// What happened.
    #[serde(rename = "type")]
    #[schema(value_type = Option<String>)]
    kind: Option<String>,
    /// What it happened to.
    #[schema(value_type = Option<String>)]
    aggregate_id: Option<String>,
    /// What there is to know.
    #[serde(borrow)]
    #[schema(value_type = Option<Value>)]
    data: Option<&'a RawValue>,
}

impl LegacyEvent<'_> {
    fn fact(self, body: &Bytes) -> Result<Fact, Problem> {
        let kind = self.kind.filter(|kind| !kind.is_empty());
        let kind = kind.ok_or_else(|| Problem::malformed("the event has no type"))?;
        let stream = self.aggregate_id.filter(|id| !id.is_empty()).unwrap_or_else(|| "events".into());
        let data = self.data.map_or_else(|| Ok(FactData::null()), |data| body::part(body, data).map(FactData::parsed))?;
        Ok(Fact { id: EventId::fresh(), stream, kind, data })
    }
}

/// An event was taken.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct LegacyAccepted {
    /// Names it.
    id: Uuid,
    /// accepted, or failed.
    status: String,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// These calls answered every bad request so.
fn bad_request(problem: Problem) -> Problem {
    if problem.status() == StatusCode::UNPROCESSABLE_ENTITY { Problem::malformed(problem.detail()) } else { problem }
}

/// Appends an event.
#[utoipa::path(post, path = "/events", tag = "legacy", request_body = LegacyEvent, responses((status = 200, body = LegacyAccepted)))]
async fn post_event(State(api): State<Api>, Operator(caller): Operator, Raw(body): Raw) -> Result<Json<LegacyAccepted>, Problem> {
    let fact = body::object::<LegacyEvent<'_>>(&body).and_then(|event| event.fact(&body)).map_err(bad_request)?;
    let id = fact.id.0;
    appended(&api, &caller, vec![fact], Expected::Any).await.map_err(bad_request)?;
    Ok(Json(LegacyAccepted { id, status: "accepted".into(), error: None }))
}

/// What became of events.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct LegacyResults {
    /// In the order in which they were given.
    results: Vec<LegacyAccepted>,
    /// How many there were.
    total: usize,
}

/// Appends events; each that cannot be taken fails by itself.
#[utoipa::path(post, path = "/events/batch", tag = "legacy", request_body = Vec<LegacyEvent>, responses((status = 200, body = LegacyResults)))]
async fn post_events(State(api): State<Api>, Operator(caller): Operator, Raw(body): Raw) -> Result<Json<LegacyResults>, Problem> {
    let events: Vec<LegacyEvent<'_>> = body::parse(&body).map_err(bad_request)?;
    if events.len() > EVENTS_MAX {
        return Err(Problem::malformed(format!("{} events: at most {}", events.len(), EVENTS_MAX)));
    }
    let total = events.len();
    let facts: Vec<_> = events.into_iter().map(|event| event.fact(&body)).collect();
    let results = each(&api, &caller, facts).await?;
    Ok(Json(LegacyResults { results, total }))
}

/// What fits is appended at once; what does not is told.
async fn each(api: &Api, caller: &Caller, facts: Vec<Result<Fact, Problem>>) -> Result<Vec<LegacyAccepted>, Problem> {
    let (mut fit, mut results) = (Vec::new(), Vec::with_capacity(facts.len()));
    for fact in facts {
        let checked = fact.map_err(|problem| problem.detail().to_owned()).and_then(|fact| fact.check().map(|()| fact));
        results.push(match checked {
            Ok(fact) => {
                let accepted = LegacyAccepted { id: fact.id.0, status: "accepted".into(), error: None };
                fit.push(fact);
                accepted
            }
            Err(error) => LegacyAccepted { id: Uuid::now_v7(), status: "failed".into(), error: Some(error) },
        });
    }
    appended(api, caller, fit, Expected::Any).await?;
    Ok(results)
}

/// A message is in its queue.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct LegacyQueued {
    id: Uuid,
    queue: String,
    /// Always `queued`.
    status: String,
}

/// Sends a message: the body as it is.
#[utoipa::path(post, path = "/queues/{queue}/messages", tag = "legacy", params(("queue" = String, Path)), request_body = Object, responses((status = 200, body = LegacyQueued)))]
async fn send(
    State(api): State<Api>,
    Operator(_): Operator,
    InPath(queue): InPath<QueueName>,
    Raw(body): Raw,
) -> Result<Json<LegacyQueued>, Problem> {
    open(&queue)?;
    let json: &RawValue = body::parse(&body)?;
    if !json.get().starts_with('{') {
        return Err(Problem::malformed("a message is a JSON object"));
    }
    let message = NewMessage { body: body::part(&body, json).map_err(bad_request)?, priority: 5, ..NewMessage::default() };
    let sent = api.engine().queues().send(&queue, vec![message]).await?;
    let id = sent.first().ok_or_else(Problem::internal)?.id().0;
    Ok(Json(LegacyQueued { id, queue: queue.to_string(), status: "queued".into() }))
}

/// A message that was taken.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct LegacyMessage {
    id: Uuid,
    queue: String,
    #[schema(value_type = Value)]
    data: Box<RawValue>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Deliveries of it so far.
    attempts: u32,
    /// Always `delivered`.
    status: String,
}

/// Messages that were taken.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct LegacyMessages {
    messages: Vec<LegacyMessage>,
    count: usize,
    queue: String,
}

/// Taken at once by `GET /queues/{queue}/messages`.
const TAKEN_MAX: usize = 10;

/// Takes up to ten messages out of a queue. What is taken is gone: a receiver that must not lose any uses
/// `POST /api/v1/queues/{queue}/receive`.
#[utoipa::path(get, path = "/queues/{queue}/messages", tag = "legacy", params(("queue" = String, Path)), responses((status = 200, body = LegacyMessages)))]
async fn take(
    State(api): State<Api>,
    Operator(caller): Operator,
    method: Method,
    InPath(queue): InPath<QueueName>,
) -> Result<Json<LegacyMessages>, Problem> {
    open(&queue)?;
    // Whoever asks for the head alone would lose the messages.
    let max = if method == Method::HEAD { 0 } else { TAKEN_MAX };
    let queues = api.engine().queues();
    let mut leased = Vec::new();
    if max > 0 {
        leased = queues.receive(&queue, max, LEASE_DEFAULT, &caller.key()).await?;
        let receipts: Vec<Receipt> = leased.iter().map(|message| message.receipt).collect();
        queues.ack(&queue, &receipts).await?;
    }
    let message = |leased: flexcore_engine::port::queue::Leased| LegacyMessage {
        id: leased.receipt.message.0,
        queue: queue.to_string(),
        data: raw(&leased.body),
        created_at: leased.sent_at,
        attempts: leased.receipt.delivery,
        status: "delivered".into(),
    };
    let messages: Vec<_> = leased.into_iter().map(message).collect();
    Ok(Json(LegacyMessages { count: messages.len(), messages, queue: queue.to_string() }))
}

/// A pipeline to run.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"path": "copy", "input": {}}))]
pub(super) struct Execute {
    /// Its name; what stands before a slash is passed over.
    #[schema(value_type = String, min_length = 1)]
    path: Option<String>,
    /// Its parameters.
    #[serde(default)]
    #[schema(value_type = Object)]
    input: Map<String, Value>,
}

/// A run was asked for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct Executed {
    /// The run.
    job_id: Uuid,
    /// Always `started`.
    status: String,
}

/// Runs a pipeline.
#[utoipa::path(post, path = "/workflows/execute", tag = "legacy", request_body = Execute, responses((status = 200, body = Executed), (status = 404, description = "There is no such pipeline"), (status = 409, description = "Its state or its overlap policy does not allow it")))]
async fn execute(State(api): State<Api>, Operator(caller): Operator, Raw(body): Raw) -> Result<Json<Executed>, Problem> {
    executed(&api, &caller, body::object(&body).map_err(bad_request)?).await.map(Json)
}

pub(super) async fn executed(api: &Api, caller: &Caller, Execute { path, input }: Execute) -> Result<Executed, Problem> {
    let path = path.filter(|path| !path.is_empty()).ok_or_else(|| Problem::malformed("the request has no path"))?;
    let name = path.rsplit('/').next().unwrap_or(&path);
    let name =
        PipelineName::new(name).map_err(|_| Problem::not_found("no-pipeline", format!("there is no pipeline `{path}`")))?;
    let run = RunId::fresh();
    let command = PipelineCommand::RequestRun { run, trigger: RunTrigger::Manual, params: input };
    api.submit(caller, Command::Pipeline(name, command)).await?;
    Ok(Executed { job_id: run.0, status: "started".into() })
}

impl Executed {
    pub(super) fn run(&self) -> Uuid {
        self.job_id
    }
}

/// Where a run is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct WorkflowStatus {
    /// The run.
    job_id: Uuid,
    /// The pipeline.
    path: String,
    /// Its parameters.
    #[schema(value_type = Object)]
    input: Map<String, Value>,
    /// queued, running, retrying, cancelling, succeeded, failed or cancelled.
    status: String,
    /// When its first attempt began.
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    /// Why it failed.
    error: Option<String>,
}

/// Where a run is.
#[utoipa::path(get, path = "/workflows/{id}/status", tag = "legacy", params(("id" = String, Path)), responses((status = 200, body = WorkflowStatus)))]
async fn status(State(api): State<Api>, _: Caller, InPath(id): InPath<String>) -> Result<Json<WorkflowStatus>, Problem> {
    where_it_is(&api, &id).await.map(Json)
}

pub(super) async fn where_it_is(api: &Api, id: &str) -> Result<WorkflowStatus, Problem> {
    let unknown = || Problem::not_found("no-run", format!("there is no workflow `{id}`"));
    let run = id.parse().map_err(|_| unknown())?;
    let run = runs::detail(api, run).await.map_err(|_| unknown())?.run;
    let error = run.error.map(|error| error.message);
    Ok(WorkflowStatus {
        job_id: run.id,
        path: run.pipeline,
        input: run.params,
        status: run.state,
        started_at: run.started_at,
        error,
    })
}

/// A cluster.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct ClusterStatus {
    cluster_name: String,
    /// The same by its other name.
    cluster: String,
    node_id: String,
    /// This node is all there is.
    cluster_size: usize,
    nodes: Vec<ClusterNode>,
    /// healthy, degraded, unhealthy or unknown, as the checks of this node say.
    status: String,
    /// The same by its other name.
    health: String,
    /// Seconds since the engine started.
    uptime: u64,
    /// Seconds since 1970.
    timestamp: i64,
}

/// A node of a cluster.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(super) struct ClusterNode {
    node_id: String,
    /// Whether it does what only one may do: the only node does.
    leader: bool,
    status: String,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
}

/// One node, and how it is.
#[utoipa::path(get, path = "/cluster/status", tag = "legacy", responses((status = 200, body = ClusterStatus)))]
async fn cluster(State(api): State<Api>, _: Caller) -> Json<ClusterStatus> {
    Json(one_node(&api))
}

pub(super) fn one_node(api: &Api) -> ClusterStatus {
    let vitals: Arc<_> = api.app().vitals().borrow().clone();
    let now = api.engine().clock().now();
    let verdict = vitals.verdict(now);
    let word = match (verdict.dead(), verdict.worst()) {
        (Some(_), _) | (None, CheckState::Fail) => "unhealthy",
        (None, CheckState::Warn) => "degraded",
        (None, CheckState::Ok) => "healthy",
        (None, CheckState::Unknown) => "unknown",
    };
    let node_id = api.app().settings.node.clone();
    let node = ClusterNode { node_id: node_id.clone(), leader: true, status: word.into(), started_at: vitals.started_at };
    ClusterStatus {
        cluster_name: CLUSTER.into(),
        cluster: CLUSTER.into(),
        node_id,
        cluster_size: 1,
        nodes: vec![node],
        status: word.into(),
        health: word.into(),
        uptime: api.uptime().as_secs(),
        timestamp: now.as_second(),
    }
}

impl ClusterStatus {
    pub(super) fn into_nodes(self) -> Vec<ClusterNode> {
        self.nodes
    }
}
