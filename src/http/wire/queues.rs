//! Queues and their messages on the wire. Bodies are passed on as the text that they are.

use flexcore_engine::{
    id::{MessageId, QueueName},
    port::queue::{MessageState, PeekedMessage, QueueLimits, QueueStats},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

/// A queue with its figures. Totals count since the queue was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Queue)]
pub struct QueueBody {
    /// Its name.
    #[schema(example = "orders")]
    pub name: String,
    /// Whether it carries the engine's own work: to look at, not to touch.
    pub internal: bool,
    /// Messages that a receiver would get now.
    pub ready: u64,
    /// Messages that wait for their time.
    pub delayed: u64,
    /// Messages that a receiver has.
    pub leased: u64,
    /// Dead letters.
    pub dead: u64,
    /// Bytes of bodies, dead letters not included.
    pub bytes: u64,
    /// When the oldest ready message was sent.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub oldest: Option<Timestamp>,
    /// Accepted.
    pub sent_total: u64,
    /// Acked.
    pub acked_total: u64,
    /// Nacked, or their lease ended.
    pub returned_total: u64,
    /// Leases that ended without an answer.
    pub expired_leases_total: u64,
    /// Dropped by TTL, by retention of dead letters, or purged.
    pub dropped_total: u64,
    /// Became dead letters.
    pub dead_total: u64,
    /// What it allows.
    pub limits: LimitsBody,
}

/// What a queue allows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = QueueLimits)]
pub struct LimitsBody {
    /// Messages in all states but dead.
    pub messages_max: u64,
    /// Bytes of bodies in all states but dead.
    pub bytes_max: u64,
    /// Bytes of one body.
    pub body_bytes_max: u64,
    /// Deliveries before a message becomes a dead letter.
    pub attempts_max: u32,
    /// Seconds before the second delivery; they double with each.
    pub backoff_seconds: f64,
    /// Seconds after which a message that was not delivered is dropped; `null`: never.
    pub ttl_seconds: Option<f64>,
    /// Seconds for which a deduplication key is remembered.
    pub dedup_window_seconds: f64,
    /// Seconds after which a dead letter is dropped.
    pub dead_retain_seconds: f64,
    /// Bytes of dead letters.
    pub dead_bytes_max: u64,
}

/// A message as looked at: looking changes nothing.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Message)]
pub struct MessageBody {
    /// Its id.
    pub id: Uuid,
    /// What was sent.
    #[schema(value_type = Value)]
    pub body: Box<RawValue>,
    /// 0 (first) to 9 (last).
    pub priority: u8,
    /// Attempts so far.
    pub attempts: u32,
    /// When it was sent.
    #[schema(value_type = String, format = DateTime)]
    pub sent_at: Timestamp,
    /// ready, delayed, leased or dead.
    pub state: String,
    /// Delayed: when it is ready. Leased: when the lease ends. Dead: when it died.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// Leased: who has it.
    pub by: Option<String>,
    /// Dead: why.
    pub error: Option<String>,
    /// Dead: where a pipeline's record comes from.
    pub origin: Option<OriginBody>,
}

/// Messages.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Messages {
    /// In the order that the kind has.
    pub items: Vec<MessageBody>,
}

/// Where a dead letter comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Origin)]
pub struct OriginBody {
    /// The pipeline that refused it.
    pub pipeline: String,
    /// The run.
    pub run: String,
    /// The step.
    pub step: String,
    /// The revision.
    pub revision: String,
    /// Where the record came from.
    pub source: String,
}

impl QueueBody {
    /// The figures of a queue.
    pub fn of(name: &QueueName, stats: &QueueStats) -> Self {
        Self {
            name: name.as_str().to_owned(),
            internal: name.is_internal(),
            ready: stats.ready,
            delayed: stats.delayed,
            leased: stats.leased,
            dead: stats.dead,
            bytes: stats.bytes,
            oldest: stats.oldest,
            sent_total: stats.sent_total,
            acked_total: stats.acked_total,
            returned_total: stats.returned_total,
            expired_leases_total: stats.expired_leases_total,
            dropped_total: stats.dropped_total,
            dead_total: stats.dead_total,
            limits: stats.limits.into(),
        }
    }
}

impl From<QueueLimits> for LimitsBody {
    fn from(limits: QueueLimits) -> Self {
        Self {
            messages_max: limits.messages_max,
            bytes_max: limits.bytes_max.0,
            body_bytes_max: limits.body_max.0,
            attempts_max: limits.attempts_max,
            backoff_seconds: limits.backoff.0.as_secs_f64(),
            ttl_seconds: limits.ttl.map(|ttl| ttl.0.as_secs_f64()),
            dedup_window_seconds: limits.dedup_window.0.as_secs_f64(),
            dead_retain_seconds: limits.dead_retain.0.as_secs_f64(),
            dead_bytes_max: limits.dead_bytes_max.0,
        }
    }
}

/// Text of JSON as it is. What is none (which a queue does not take in) is shown as text.
pub(in crate::http) fn raw(json: &[u8]) -> Box<RawValue> {
    let text = String::from_utf8_lossy(json).into_owned();
    RawValue::from_string(text).unwrap_or_else(|_| {
        let quoted = serde_json::Value::from(String::from_utf8_lossy(json)).to_string();
        RawValue::from_string(quoted).expect("quoted text is JSON")
    })
}

impl From<PeekedMessage> for MessageBody {
    fn from(message: PeekedMessage) -> Self {
        let (mut by, mut error, mut origin) = (None, None, None);
        let (state, at) = match message.state {
            MessageState::Ready => ("ready", None),
            MessageState::Delayed { until } => ("delayed", Some(until)),
            MessageState::Leased { until, by: receiver } => {
                by = Some(receiver);
                ("leased", Some(until))
            }
            MessageState::Dead { at, error: why, origin: from } => {
                error = Some(why);
                origin = from.map(OriginBody::from);
                ("dead", Some(at))
            }
        };
        let (priority, attempts, sent_at) = (message.priority, message.deliveries, message.sent_at);
        let (id, body, state) = (message.id.0, raw(&message.body), state.to_owned());
        Self { id, body, priority, attempts, sent_at, state, at, by, error, origin }
    }
}

impl From<flexcore_engine::port::queue::Origin> for OriginBody {
    fn from(origin: flexcore_engine::port::queue::Origin) -> Self {
        let flexcore_engine::port::queue::Origin { pipeline, run, step, revision, source } = origin;
        Self { pipeline, run, step, revision, source }
    }
}

/// A message whose state is none that there is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the state `{0}` of a message is not understood")]
pub struct BadState(pub String);

impl TryFrom<MessageBody> for PeekedMessage {
    type Error = BadState;
    fn try_from(body: MessageBody) -> Result<Self, BadState> {
        let state = match (body.state.as_str(), body.at) {
            ("ready", _) => MessageState::Ready,
            ("delayed", Some(until)) => MessageState::Delayed { until },
            ("leased", Some(until)) => MessageState::Leased { until, by: body.by.unwrap_or_default() },
            ("dead", Some(at)) => {
                let (error, origin) = (body.error.unwrap_or_default(), body.origin.map(Into::into));
                MessageState::Dead { at, error, origin }
            }
            _ => return Err(BadState(body.state)),
        };
        let bytes = Box::<str>::from(body.body).into_string().into();
        let (priority, deliveries, sent_at) = (body.priority, body.attempts, body.sent_at);
        Ok(Self { id: MessageId(body.id), body: bytes, priority, deliveries, sent_at, state })
    }
}

impl From<OriginBody> for flexcore_engine::port::queue::Origin {
    fn from(origin: OriginBody) -> Self {
        let OriginBody { pipeline, run, step, revision, source } = origin;
        Self { pipeline, run, step, revision, source }
    }
}
