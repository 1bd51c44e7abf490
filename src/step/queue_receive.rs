//! `queue.receive`: messages as records. A message is acked when its record is safe in the sinks; until then its lease is
//! extended, and at the end what was not acked goes back unharmed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use flexcore_engine::{
    id::QueueName,
    pipeline::Mistake,
    port::{
        BoxFuture,
        queue::{BATCH_MAX, Leased, QueueError, Receipt},
        step::{BuiltStep, Origin, Pull, Record, Source, SourceBatch, StepContext, StepError, StepKind},
    },
    unit::Duration,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{json, spec::Spec};

/// Messages held at once; more are not asked for until some are acked.
const HELD_MAX: usize = 10_000;

/// Settings of `queue.receive`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct With {
    /// The queue.
    queue: QueueName,
    /// How long a message is ours without a sign of life; extended while it is under way.
    #[serde(default = "lease")]
    lease: Duration,
    /// So many messages at once.
    #[serde(default = "hundred")]
    max: usize,
    /// End when the queue has nothing ready, instead of waiting.
    #[serde(default)]
    until_empty: bool,
    /// With `until_empty`: wait so long for another message before the end.
    #[serde(default)]
    wait: Duration,
}

fn lease() -> Duration {
    Duration::from_secs(30)
}

fn hundred() -> usize {
    100
}

/// `queue.receive`.
pub(super) struct QueueReceive;

impl Spec for QueueReceive {
    type With = With;
    const NAME: &'static str = "queue.receive";
    const KIND: StepKind = StepKind::Source;
    const SUMMARY: &'static str = "Receive messages of a queue; acked when they are safe in the sinks";

    fn mistakes(with: &With) -> Vec<Mistake> {
        let mut found = Vec::new();
        if with.max == 0 || with.max > BATCH_MAX {
            found.push(Mistake::at("/max", format!("`max` is {}, not between 1 and {BATCH_MAX}", with.max)));
        }
        if with.lease < Duration::from_secs(1) {
            found.push(Mistake::at("/lease", format!("a lease of {} is too short", with.lease)).hint("1s is the least"));
        }
        if with.queue.is_internal() {
            found.push(Mistake::at("/queue", format!("the queue `{}` is the engine's own", with.queue)));
        }
        found
    }

    fn build(with: With, context: StepContext) -> BoxFuture<'static, Result<BuiltStep, StepError>> {
        Box::pin(async move {
            let held = Arc::new(Mutex::new(BTreeMap::new()));
            let keeper = Keeper { queue: with.queue.clone(), lease: with.lease, held: held.clone(), context: context.clone() };
            let keeping = tokio::spawn(keeper.run());
            let place = format!("queue {}", with.queue).into();
            Ok(BuiltStep::Source(Box::new(Receiver { with, context, held, keeping, place, number: 0 })))
        })
    }
}

/// Messages that are ours, by the number we gave them.
type Held = Arc<Mutex<BTreeMap<u64, Receipt>>>;

fn lock(held: &Held) -> std::sync::MutexGuard<'_, BTreeMap<u64, Receipt>> {
    held.lock().expect("no code panics while it holds this lock")
}

struct Receiver {
    with: With,
    context: StepContext,
    held: Held,
    keeping: JoinHandle<()>,
    place: Arc<str>,
    number: u64,
}

impl Receiver {
    async fn messages(&self) -> Result<Vec<Leased>, StepError> {
        let queues = &self.context.queues;
        let by = format!("{}/{}", self.context.pipeline, self.context.step);
        queues.receive(&self.with.queue, self.with.max, self.with.lease, &by).await.map_err(failed)
    }

    /// Waits for messages. `false`: there will be none.
    async fn wait(&self) -> bool {
        let ready = self.context.queues.wait_ready(&self.with.queue);
        if !self.with.until_empty {
            ready.await;
            return true;
        }
        tokio::select! {
            biased;
            () = ready => true,
            () = self.context.clock.sleep(self.with.wait.0) => false,
        }
    }

    fn batch(&mut self, messages: Vec<Leased>) -> SourceBatch {
        let (mut records, mut rejected) = (Vec::new(), Vec::new());
        for message in messages {
            self.number += 1;
            lock(&self.held).insert(self.number, message.receipt);
            let origin = Origin { place: Some(self.place.clone()), number: self.number };
            match json::check(&message.body) {
                Ok(()) if !message.body.contains(&b'\n') => records.push(Record { json: message.body, origin }),
                Ok(()) => records.push(Record { json: json::compact(&message.body).into(), origin }),
                Err(why) => rejected.push(json::rejected(&message.body, origin.clone(), format!("{origin}: {why}"))),
            }
        }
        SourceBatch { records, rejected, stream: self.place.clone(), cursor: json!({"upto": self.number}) }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn failed(error: QueueError) -> StepError {
    match error {
        QueueError::Unfit { .. } | QueueError::Unknown { .. } => StepError::permanent(error.to_string()),
        QueueError::Full { .. } | QueueError::Stale { .. } | QueueError::Unavailable { .. } => {
            StepError::transient(error.to_string())
        }
    }
}

impl Source for Receiver {
    fn next(&mut self) -> BoxFuture<'_, Result<Pull, StepError>> {
        Box::pin(async {
            if lock(&self.held).len() >= HELD_MAX {
                // Acks make room, and come by a call that drops this one.
                std::future::pending::<()>().await;
            }
            loop {
                let messages = self.messages().await?;
                if !messages.is_empty() {
                    return Ok(Pull::Batch(self.batch(messages)));
                }
                if !self.wait().await {
                    return Ok(Pull::End);
                }
            }
        })
    }

    fn ack<'a>(&'a mut self, _: &'a str, cursor: &'a Value) -> BoxFuture<'a, Result<(), StepError>> {
        Box::pin(async {
            let upto = cursor["upto"].as_u64().unwrap_or(0);
            let done: Vec<_> = lock(&self.held).range(..=upto).map(|(number, receipt)| (*number, *receipt)).collect();
            for chunk in done.chunks(BATCH_MAX) {
                let receipts: Vec<_> = chunk.iter().map(|(_, receipt)| *receipt).collect();
                match self.context.queues.ack(&self.with.queue, &receipts).await {
                    Ok(()) => {}
                    // Its record is safe all the same; the message comes again, and so does the record.
                    Err(QueueError::Stale { .. }) => self.context.log.warn("a lease ended before its message was acked"),
                    Err(error) => return Err(failed(error)),
                }
                let mut held = lock(&self.held);
                held.retain(|number, _| chunk.binary_search_by_key(number, |(number, _)| *number).is_err());
            }
            Ok(())
        })
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.keeping.abort();
            let held = std::mem::take(&mut *lock(&self.held));
            for receipt in held.into_values() {
                // One that cannot be given back now goes back when its lease ends.
                let _ = self.context.queues.release(&self.with.queue, receipt, Duration::default()).await;
            }
        })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}

/// Extends the leases of what is held: a slow sink must not make a message come twice.
struct Keeper {
    queue: QueueName,
    lease: Duration,
    held: Held,
    context: StepContext,
}

impl Keeper {
    async fn run(self) {
        loop {
            self.context.clock.sleep(self.lease.0 / 3).await;
            let held: Vec<_> = lock(&self.held).iter().map(|(number, receipt)| (*number, *receipt)).collect();
            for (number, receipt) in held {
                self.extend(number, receipt).await;
            }
        }
    }

    async fn extend(&self, number: u64, receipt: Receipt) {
        let answer = self.context.queues.extend(&self.queue, receipt, self.lease).await;
        // Stale: acked meanwhile, or lost; either way it is not ours any more. After another error the next round tries.
        if matches!(answer, Err(QueueError::Stale { .. })) {
            lock(&self.held).remove(&number);
        }
    }
}
