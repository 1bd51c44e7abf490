//! `queue.send`: records as messages. A full queue is an error that another try may mend, so it holds up the pipeline.

use flexcore_engine::{
    id::QueueName,
    pipeline::Mistake,
    port::{
        BoxFuture,
        queue::{BATCH_MAX, NewMessage, PRIORITY_MAX, QueueError},
        step::{BuiltStep, Record, RecordError, Sink, StepContext, StepError, StepKind, Written},
    },
    unit::Duration,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    jq::{self, Given, Program},
    spec::Spec,
    thread::Thread,
};

/// Settings of `queue.send`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct With {
    /// The queue; made by its first message.
    queue: QueueName,
    /// 0 is delivered first, 9 last.
    #[serde(default)]
    priority: u8,
    /// Not delivered before this has passed.
    #[serde(default)]
    delay: Duration,
    /// Dropped when not delivered within this time. Default: the queue's rule.
    #[serde(default)]
    ttl: Option<Duration>,
    /// jq: a record whose key was sent within the queue's window is not sent again.
    #[serde(default)]
    dedup_key: Option<String>,
}

/// `queue.send`.
pub(super) struct QueueSend;

impl Spec for QueueSend {
    type With = With;
    const NAME: &'static str = "queue.send";
    const KIND: StepKind = StepKind::Sink;
    const SUMMARY: &'static str = "Send records to a queue";
    const PARALLEL: bool = true;

    fn mistakes(with: &With) -> Vec<Mistake> {
        let mut found: Vec<_> = with.dedup_key.as_ref().and_then(|text| jq::mistake("/dedup_key", text)).into_iter().collect();
        if with.priority > PRIORITY_MAX {
            found.push(Mistake::at("/priority", format!("priority {} is not between 0 and {PRIORITY_MAX}", with.priority)));
        }
        if with.queue.is_internal() {
            found.push(Mistake::at("/queue", format!("the queue `{}` is the engine's own", with.queue)));
        }
        found
    }

    fn build(with: With, context: StepContext) -> BoxFuture<'static, Result<BuiltStep, StepError>> {
        Box::pin(async move {
            let keys = with.dedup_key.as_ref().map(|text| keys(text, &context)).transpose()?;
            Ok(BuiltStep::Sink(Box::new(Sender { with, context, keys })))
        })
    }
}

/// A record's key, or why it has none.
type Keyed = Result<String, RecordError>;
type Keys = Thread<Vec<Record>, Result<Vec<Keyed>, StepError>>;

fn keys(text: &str, context: &StepContext) -> Result<Keys, StepError> {
    let (program, given) = (Program::build(text)?, Given::of(context));
    Thread::start("dedup-key", move |records: Vec<Record>| {
        let running = given.begin();
        records.iter().map(|record| program.text_of(record, &running, "dedup_key")).collect()
    })
}

struct Sender {
    with: With,
    context: StepContext,
    keys: Option<Keys>,
}

impl Sender {
    fn message(&self, record: &Record, dedup_key: Option<String>) -> NewMessage {
        let With { priority, delay, ttl, .. } = self.with;
        NewMessage { body: record.json.clone(), priority, delay, ttl, dedup_key }
    }

    /// All messages at once; one by one when one of them does not fit, to find out which.
    async fn send(&self, messages: Vec<(usize, NewMessage)>, written: &mut Written) -> Result<(), StepError> {
        let all = messages.iter().map(|(_, message)| message.clone()).collect();
        match self.context.queues.send(&self.with.queue, all).await {
            Ok(_) => Ok(()),
            Err(QueueError::Unfit { .. }) if messages.len() > 1 => {
                for one in messages {
                    Box::pin(self.send(vec![one], written)).await?;
                }
                Ok(())
            }
            Err(error @ QueueError::Unfit { .. }) => {
                let error = RecordError { message: error.to_string(), retryable: false };
                written.rejected.extend(messages.first().map(|(index, _)| (*index, error)));
                Ok(())
            }
            Err(error) => Err(StepError::transient(error.to_string())),
        }
    }
}

impl Sink for Sender {
    fn write<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, Result<Written, StepError>> {
        Box::pin(async {
            let mut written = Written::all(true);
            let keys = match &self.keys {
                Some(thread) => Some(thread.ask(records.to_vec()).await??),
                None => None,
            };
            let mut messages = Vec::with_capacity(records.len());
            for (index, record) in records.iter().enumerate() {
                match keys.as_ref().map(|keys| keys[index].clone()).transpose() {
                    Ok(key) => messages.push((index, self.message(record, key))),
                    Err(error) => written.rejected.push((index, error)),
                }
            }
            for chunk in messages.chunks(BATCH_MAX) {
                self.send(chunk.to_vec(), &mut written).await?;
            }
            Ok(written)
        })
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<bool, StepError>> {
        Box::pin(async { Ok(true) })
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<(), StepError>> {
        Box::pin(async { Ok(()) })
    }
}
