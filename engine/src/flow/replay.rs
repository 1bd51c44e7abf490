//! Records that once failed enter again at the step that refused them; their queue is acked like any source.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use crate::{
    id::{QueueName, StepName},
    pipeline::{Step, definition},
    port::{
        BoxFuture,
        clock::{Clock, after},
        queue::{QueueError, Queues, Receipt},
        step::{Origin, Pull, Record, RecordError, Source, SourceBatch, StepError},
    },
    unit,
};

use super::outlet::{Outlets, Sorted};

const LEASE: unit::Duration = unit::Duration::from_secs(60);
const EXTEND_EVERY: Duration = Duration::from_secs(20);
const RECEIVED_MAX: usize = 500;

/// The body of a message of a replay queue.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReplayMessage {
    /// Where the record enters: the step that refused it. A source's name means the steps behind it.
    pub step: StepName,
    /// The record.
    pub record: Box<RawValue>,
    /// Where it came from, as shown with errors; may be empty.
    #[serde(default)]
    pub origin: String,
}

/// The step that stands for the queue: it has no place in the definition.
pub(super) fn feeder() -> Step {
    Step {
        name: StepName::new("replay").expect("it follows the rule for names"),
        uses: "replay".into(),
        settings: serde_json::Map::new(),
        needs: None,
        on_error: definition::OnError::default(),
        retry: definition::Retry::default(),
        timeout: None,
        parallelism: 1,
        concurrency: None,
        rate: None,
        batch: None,
        buffer: definition::BufferPolicy::default(),
        enabled: true,
    }
}

/// Reads the queue to its end.
pub(super) struct ReplaySource {
    queues: Arc<dyn Queues>,
    queue: QueueName,
    by: String,
    clock: Arc<dyn Clock>,
    /// Leased and not acked, in order, with their numbers.
    open: VecDeque<(u64, Receipt)>,
    received: u64,
    extend_at: Timestamp,
}

impl ReplaySource {
    pub(super) fn new(queues: Arc<dyn Queues>, queue: QueueName, by: String, clock: Arc<dyn Clock>) -> Self {
        let extend_at = after(clock.now(), EXTEND_EVERY);
        Self { queues, queue, by, clock, open: VecDeque::new(), received: 0, extend_at }
    }

    /// When the leases must be extended.
    pub(super) fn extend_at(&self) -> Option<Timestamp> {
        (!self.open.is_empty()).then_some(self.extend_at)
    }

    pub(super) async fn extend(&mut self) -> Result<(), StepError> {
        self.extend_at = after(self.clock.now(), EXTEND_EVERY);
        for (_, receipt) in &self.open {
            self.queues.extend(&self.queue, *receipt, LEASE).await.map_err(|error| unreachable(&error))?;
        }
        Ok(())
    }

    async fn receive(&mut self) -> Result<Pull, StepError> {
        let leased = self.queues.receive(&self.queue, RECEIVED_MAX, LEASE, &self.by).await;
        let leased = match leased {
            Ok(leased) => leased,
            Err(QueueError::Unknown { .. }) => Vec::new(),
            Err(error) => return Err(unreachable(&error)),
        };
        if leased.is_empty() {
            return Ok(Pull::End);
        }
        let mut records = Vec::with_capacity(leased.len());
        for message in leased {
            self.received += 1;
            self.open.push_back((self.received, message.receipt));
            records.push(Record::new(message.body));
        }
        let stream: Arc<str> = self.queue.as_str().into();
        // No cursor: the queue itself remembers what is done. The acks are numbers of their own.
        Ok(Pull::Batch(SourceBatch { records, rejected: Vec::new(), stream, cursor: Value::from(self.received) }))
    }
}

fn unreachable(error: &QueueError) -> StepError {
    StepError::transient("the records to replay cannot be read").because(error)
}

impl Source for ReplaySource {
    fn next(&mut self) -> BoxFuture<'_, Result<Pull, StepError>> {
        Box::pin(self.receive())
    }

    fn ack<'a>(&'a mut self, _: &'a str, cursor: &'a Value) -> BoxFuture<'a, Result<(), StepError>> {
        Box::pin(async move {
            let upto = cursor.as_u64().unwrap_or_default();
            let done: Vec<_> = self.open.iter().take_while(|(number, _)| *number <= upto).map(|(_, receipt)| *receipt).collect();
            for part in done.chunks(crate::port::queue::BATCH_MAX) {
                match self.queues.ack(&self.queue, part).await {
                    // A lease that ended gives the record once more: at least once.
                    Ok(()) | Err(QueueError::Stale { .. }) => {}
                    Err(error) => return Err(unreachable(&error)),
                }
            }
            self.open.drain(..done.len());
            Ok(())
        })
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            for (_, receipt) in std::mem::take(&mut self.open) {
                let given_back = self.queues.release(&self.queue, receipt, unit::Duration::default()).await;
                if given_back.is_err() {
                    // The lease ends by itself then.
                    return;
                }
            }
        })
    }
}

/// Sends each record to its step; what is not a replay message, or names a step that is not there, is refused.
pub(super) fn sort(messages: Vec<Record>, outlets: &Outlets, refused: &mut Vec<(Record, RecordError)>) -> Sorted {
    let mut sorted = Sorted::default();
    for message in messages {
        let placed = serde_json::from_slice::<ReplayMessage>(&message.json)
            .map_err(|error| format!("this is not a record to replay: {error}"))
            .and_then(|body| Ok((outlets.edges_for(&body.step).ok_or_else(|| gone(&body.step))?, body)));
        match placed {
            Ok((edges, body)) => {
                let record = record_of(body);
                sorted.to.extend(edges.into_iter().map(|edge| (edge, record.clone())));
            }
            Err(message_of) => refused.push((message, RecordError { message: message_of, retryable: false })),
        }
    }
    sorted
}

fn gone(step: &StepName) -> String {
    format!("the record belongs to step `{step}`, which takes no records in this revision")
}

fn record_of(body: ReplayMessage) -> Record {
    let place = if body.origin.is_empty() { None } else { Some(body.origin.as_str().into()) };
    let text = String::from(Box::<str>::from(body.record));
    // An edited record may stand on several lines; records never do.
    let json = if text.contains(['\n', '\r']) { Record::of(&Record::new(text).value()).json } else { text.into() };
    Record { json, origin: Origin { place, number: 0 } }
}
