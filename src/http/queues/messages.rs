//! Messages: sending, receiving, and answering deliveries. They are the queue's own, not facts of the log; bodies stay the
//! text that they are.

use std::borrow::Cow;

use axum::{body::Bytes, extract::State, http::StatusCode};
use flexcore_engine::{
    aggregate::Rejection,
    id::{MessageId, QueueName},
    port::queue::{BATCH_MAX, Leased, NewMessage, PRIORITY_MAX, Receipt, Sent},
    unit::Duration,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::http::{
    BASE,
    access::{Caller, Operator},
    answer::Json,
    body::{self, JsonText, MaybeJson},
    problem::Problem,
    query::InPath,
    state::Api,
    wire::queues::raw,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(send))
        .routes(routes!(receive))
        .routes(routes!(ack))
        .routes(routes!(nack))
        .routes(routes!(extend))
}

/// How long a message is leased unless the receiver says otherwise.
pub(crate) const LEASE_DEFAULT: Duration = Duration::from_secs(30);
/// The longest lease.
pub(crate) const LEASE_MAX: Duration = Duration::from_secs(12 * 3_600);
/// How long a receiver may wait for a message.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(30);

/// A message to send, or a list of them under `messages`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMessage, example = json!({"body": {"order": 17}, "priority": 5, "delay": "10s"}))]
struct OneMessage<'a> {
    /// JSON.
    #[serde(borrow)]
    #[schema(value_type = Value)]
    body: &'a RawValue,
    /// 0 (first) to 9 (last); 5 unless said otherwise.
    #[schema(minimum = 0, maximum = 9)]
    priority: Option<u8>,
    /// Not before this has passed, like 10s.
    #[schema(value_type = Option<String>, pattern = "^[0-9]{1,4}(ms|s|m)$")]
    delay: Option<Duration>,
    /// Not delivered within this time, it is dropped.
    #[schema(value_type = Option<String>, pattern = "^[1-9][0-9]{0,3}(s|m)$")]
    ttl: Option<Duration>,
    /// One with the same key that was sent within the queue's window is not sent again.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    dedup_key: Option<Cow<'a, str>>,
}

/// Messages to send: all of them or none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMessages, example = json!({"messages": [{"body": {"order": 17}}, {"body": "text"}]}))]
struct ManyMessages<'a> {
    /// 1 to 1,000 of them.
    #[serde(borrow)]
    #[schema(min_items = 1, max_items = 1000)]
    messages: Vec<OneMessage<'a>>,
}

/// One message, or several.
#[derive(Debug, ToSchema)]
#[schema(as = Send)]
#[serde(untagged)]
#[expect(dead_code, reason = "it is what the document says; the two are told apart by their first look")]
enum SendBody {
    /// Several.
    Many(ManyMessages<'static>),
    /// One.
    One(OneMessage<'static>),
}

/// Which of the two a body is: `untagged` would read it into a tree first.
#[derive(Debug, Deserialize)]
struct Look {
    messages: Option<serde::de::IgnoredAny>,
}

fn read(body: &[u8]) -> Result<Vec<OneMessage<'_>>, Problem> {
    if body::object::<Look>(body)?.messages.is_some() {
        return body::parse::<ManyMessages<'_>>(body).map(|many| many.messages);
    }
    body::parse(body).map(|message| vec![message])
}

/// What became of messages.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct SentMessages {
    /// In the order in which they were given.
    items: Vec<SentMessage>,
}

/// What became of a message.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct SentMessage {
    /// The message that is, or was, in the queue.
    id: Uuid,
    /// Whether one with the same key was sent before: this is that one.
    duplicate: bool,
}

/// The longest deduplication key, in characters; the engine has a maximum in bytes, too.
const KEY_CHARS_MAX: usize = 200;
/// What a message has that says nothing: the middle.
const PRIORITY_DEFAULT: u8 = 5;

fn new_message(body: &Bytes, message: OneMessage<'_>) -> Result<NewMessage, Problem> {
    let OneMessage { body: json, priority, delay, ttl, dedup_key } = message;
    let priority = priority.unwrap_or(PRIORITY_DEFAULT);
    if priority > PRIORITY_MAX {
        return Err(Problem::unfit(format!("priority is {priority}: 0 (first) to {PRIORITY_MAX} (last)")));
    }
    if dedup_key.as_ref().is_some_and(|key| key.is_empty() || key.chars().count() > KEY_CHARS_MAX) {
        return Err(Problem::unfit(format!("dedup_key has 1 to {KEY_CHARS_MAX} characters")));
    }
    let (delay, dedup_key) = (delay.unwrap_or_default(), dedup_key.map(Cow::into_owned));
    Ok(NewMessage { body: body::part(body, json)?, priority, delay, ttl, dedup_key })
}

/// Sends one message, or up to 1,000: all of them or none. A queue exists from its first message on.
#[utoipa::path(
    post, context_path = BASE,
    path = "/queues/{queue}/messages",
    tag = "queues",
    params(("queue" = String, Path)),
    request_body(content = SendBody),
    responses((status = 201, body = SentMessages))
)]
async fn send(
    State(api): State<Api>,
    Operator(_): Operator,
    InPath(queue): InPath<QueueName>,
    JsonText(body): JsonText,
) -> Result<(StatusCode, Json<SentMessages>), Problem> {
    open(&queue)?;
    let messages = read(&body)?;
    if messages.is_empty() || messages.len() > BATCH_MAX {
        return Err(Problem::unfit(format!("{} messages: 1 to {BATCH_MAX}", messages.len())));
    }
    let messages = messages.into_iter().map(|message| new_message(&body, message)).collect::<Result<_, _>>()?;
    let sent = api.engine().queues().send(&queue, messages).await?;
    let item = |sent: Sent| SentMessage { id: sent.id().0, duplicate: matches!(sent, Sent::Duplicate(_)) };
    Ok((StatusCode::CREATED, Json(SentMessages { items: sent.into_iter().map(item).collect() })))
}

/// The engine's own queues are looked at, not touched.
pub(in crate::http) fn open(queue: &QueueName) -> Result<(), Problem> {
    if queue.is_internal() { Err((&Rejection::InternalQueue(queue.clone())).into()) } else { Ok(()) }
}

/// How to receive.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"max": 10, "lease": "30s", "wait": "0s"}))]
struct Receive {
    /// At most so many: 1 to 1,000; 1 unless said otherwise.
    #[schema(minimum = 1, maximum = 1000)]
    max: Option<usize>,
    /// How long they are leased, up to 12h; 30s unless said otherwise.
    #[schema(value_type = Option<String>, pattern = "^[1-9][0-9]{0,3}s$")]
    lease: Option<Duration>,
    /// How long to wait when there is none, up to 30s; not at all unless said otherwise.
    #[schema(value_type = Option<String>, pattern = "^(0|[1-9][0-9]{0,2})ms$")]
    wait: Option<Duration>,
}

/// A delivered message.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct Delivered {
    /// Its id.
    id: Uuid,
    /// Which delivery of it this is: to be named when it is answered.
    delivery: u32,
    /// What was sent.
    #[schema(value_type = Value)]
    body: Box<RawValue>,
    /// When the lease ends.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    /// When it was sent.
    #[schema(value_type = String, format = DateTime)]
    sent_at: Timestamp,
}

/// Delivered messages.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct DeliveredMessages {
    /// In delivery order.
    items: Vec<Delivered>,
}

impl From<Leased> for Delivered {
    fn from(leased: Leased) -> Self {
        let Leased { receipt, body, until, sent_at } = leased;
        Self { id: receipt.message.0, delivery: receipt.delivery, body: raw(&body), until, sent_at }
    }
}

/// Leases messages that are ready: invisible to others until acked, nacked, or the lease ends.
#[utoipa::path(post, context_path = BASE, path = "/queues/{queue}/receive", tag = "queues", params(("queue" = String, Path)), request_body(content = Option<Receive>), responses((status = 200, body = DeliveredMessages)))]
async fn receive(
    State(api): State<Api>,
    Operator(caller): Operator,
    InPath(queue): InPath<QueueName>,
    MaybeJson(Receive { max, lease, wait }): MaybeJson<Receive>,
) -> Result<Json<DeliveredMessages>, Problem> {
    open(&queue)?;
    let max = max.unwrap_or(1);
    if max == 0 || max > BATCH_MAX {
        return Err(Problem::unfit(format!("max is {max}: 1 to {BATCH_MAX}")));
    }
    let lease = fit_lease(lease.unwrap_or(LEASE_DEFAULT))?;
    let wait = wait.unwrap_or_default();
    if wait > WAIT_MAX {
        return Err(Problem::unfit(format!("wait is {wait}: at most {WAIT_MAX}")));
    }
    let leased = leased(&api, &caller, &queue, max, lease, wait).await?;
    Ok(Json(DeliveredMessages { items: leased.into_iter().map(Delivered::from).collect() }))
}

async fn leased(
    api: &Api,
    caller: &Caller,
    queue: &QueueName,
    max: usize,
    lease: Duration,
    wait: Duration,
) -> Result<Vec<Leased>, Problem> {
    let (queues, by) = (api.engine().queues(), caller.key());
    let give_up = tokio::time::sleep(wait.0);
    tokio::pin!(give_up);
    loop {
        let ready = queues.wait_ready(queue);
        let leased = queues.receive(queue, max, lease, &by).await?;
        if !leased.is_empty() || wait.0.is_zero() {
            return Ok(leased);
        }
        tokio::select! {
            () = ready => {}
            () = &mut give_up => return Ok(Vec::new()),
            () = api.closing().cancelled() => return Ok(Vec::new()),
        }
    }
}

fn fit_lease(lease: Duration) -> Result<Duration, Problem> {
    if lease.0.is_zero() || lease > LEASE_MAX {
        return Err(Problem::unfit(format!("lease is {lease}: more than 0s, at most {LEASE_MAX}")));
    }
    Ok(lease)
}

/// Which delivery is answered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"delivery": 1}))]
struct Ack {
    /// As it was received.
    delivery: u32,
}

/// Done: the message is gone.
#[utoipa::path(post, context_path = BASE, path = "/queues/{queue}/messages/{id}/ack", tag = "queues", params(("queue" = String, Path), ("id" = String, Path, format = Uuid)), request_body = Ack, responses((status = 204), (status = 409, description = "The lease has ended, or it was answered already")))]
async fn ack(
    State(api): State<Api>,
    Operator(_): Operator,
    InPath((queue, message)): InPath<(QueueName, MessageId)>,
    body::Json(Ack { delivery }): body::Json<Ack>,
) -> Result<StatusCode, Problem> {
    open(&queue)?;
    api.engine().queues().ack(&queue, &[Receipt { message, delivery }]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How a delivery failed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"delivery": 1, "delay": "5s", "error": "the other side is down"}))]
struct Nack {
    /// As it was received.
    delivery: u32,
    /// When it is delivered again; unless said, the queue's own backoff.
    #[schema(value_type = Option<String>, pattern = "^[0-9]{1,4}(ms|s|m)$")]
    delay: Option<Duration>,
    /// Why, for people.
    #[serde(default)]
    #[schema(max_length = 1000)]
    error: String,
}

/// Not done: the message is delivered again, or becomes a dead letter after its last attempt.
#[utoipa::path(post, context_path = BASE, path = "/queues/{queue}/messages/{id}/nack", tag = "queues", params(("queue" = String, Path), ("id" = String, Path, format = Uuid)), request_body = Nack, responses((status = 204), (status = 409, description = "The lease has ended, or it was answered already")))]
async fn nack(
    State(api): State<Api>,
    Operator(_): Operator,
    InPath((queue, message)): InPath<(QueueName, MessageId)>,
    body::Json(Nack { delivery, delay, error }): body::Json<Nack>,
) -> Result<StatusCode, Problem> {
    open(&queue)?;
    let error: String = error.chars().take(1_000).collect();
    api.engine().queues().nack(&queue, Receipt { message, delivery }, delay, &error).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How much longer a delivery takes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"delivery": 1, "lease": "1m"}))]
struct Extend {
    /// As it was received.
    delivery: u32,
    /// The lease ends so much later than now, up to 12h; 30s unless said otherwise.
    #[schema(value_type = Option<String>, pattern = "^[1-9][0-9]{0,3}s$")]
    lease: Option<Duration>,
}

/// When a lease ends.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Extended {
    /// Then.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
}

/// Keeps a message for longer.
#[utoipa::path(post, context_path = BASE, path = "/queues/{queue}/messages/{id}/extend", tag = "queues", params(("queue" = String, Path), ("id" = String, Path, format = Uuid)), request_body = Extend, responses((status = 200, body = Extended), (status = 409, description = "The lease has ended, or it was answered already")))]
async fn extend(
    State(api): State<Api>,
    Operator(_): Operator,
    InPath((queue, message)): InPath<(QueueName, MessageId)>,
    body::Json(Extend { delivery, lease }): body::Json<Extend>,
) -> Result<Json<Extended>, Problem> {
    open(&queue)?;
    let lease = fit_lease(lease.unwrap_or(LEASE_DEFAULT))?;
    let until = api.engine().queues().extend(&queue, Receipt { message, delivery }, lease).await?;
    Ok(Json(Extended { until }))
}
