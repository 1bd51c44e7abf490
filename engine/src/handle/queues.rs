//! What operators do to queues. The queue's own store does it first and says how much it was; then that is recorded. The
//! other way round the log could tell of something that never happened.

use std::slice;

use super::{Accepted, Engine, Refusal, aggregates::Held, append::Stamp};
use crate::{
    aggregate::{Queue, Rejection, queue::Done},
    command::{QueueCommand, Request},
    event::queue::PurgeScope,
    id::{MessageId, QueueName, StreamName},
    port::queue::{NewMessage, QueueError, QueueLimits, Sent},
    unit::Duration,
};

impl Engine {
    pub(super) async fn on_queue(
        &self,
        name: &QueueName,
        command: &QueueCommand,
        request: &Request,
    ) -> Result<Accepted, Refusal> {
        let stream = StreamName::queue(name);
        let _turn = self.inner.declared.turn(&stream).await;
        let held = self.inner.declared.load(&*self.inner.store, &stream, false).await?;
        held.state.permit(name, command)?;
        let (done, note) = match command {
            QueueCommand::Declare { limits } => self.declare(name, *limits).await?,
            QueueCommand::Send { body, priority, delay } => self.send(name, body.clone(), *priority, *delay).await?,
            QueueCommand::Purge { scope } => self.purge(name, *scope).await?,
            QueueCommand::Redrive { messages } => self.redrive(name, messages).await?,
            QueueCommand::EditDeadLetter { message, body } => {
                self.inner.queues.edit_dead(name, *message, body.clone()).await?;
                (Done::Edited(*message), "1 dead letter edited".into())
            }
            QueueCommand::DiscardDeadLetters { messages } => self.discard(name, messages).await?,
            QueueCommand::ReplayDeadLetters { pipeline, run, messages } => {
                return Box::pin(self.replay(name, pipeline, *run, messages, request)).await;
            }
        };
        self.on_record(&stream, &held, done, note, request).await
    }

    async fn on_record(
        &self,
        stream: &StreamName,
        held: &Held<Queue>,
        done: Done,
        note: String,
        request: &Request,
    ) -> Result<Accepted, Refusal> {
        let event = Queue::record(done);
        match self.append_to(stream.clone(), &event, &Stamp::of(request)).await {
            Ok(accepted) => {
                // What was just written need not be read again by the next command, unless somebody else wrote, too.
                if self.inner.store.version(stream).await.is_ok_and(|version| version == held.version.next()) {
                    self.inner.declared.advance(stream, held, slice::from_ref(&event), accepted.last);
                }
                Ok(Accepted { note, ..accepted })
            }
            Err(Refusal::Unavailable(reason)) => Err(Refusal::Unrecorded(format!("{note}; {reason}"))),
            Err(other) => Err(other),
        }
    }

    async fn declare(&self, name: &QueueName, limits: QueueLimits) -> Result<(Done, String), Refusal> {
        self.inner.queues.declare(name, limits).await?;
        Ok((Done::Declared(limits), ["queue ", name.as_str(), " declared"].concat()))
    }

    async fn send(&self, name: &QueueName, body: bytes::Bytes, priority: u8, delay: Duration) -> Result<(Done, String), Refusal> {
        let bytes = body.len() as u64;
        let message = NewMessage { body, priority, delay, ..NewMessage::default() };
        let sent = self.inner.queues.send(name, vec![message]).await?;
        match sent.first() {
            Some(Sent::Accepted(id) | Sent::Duplicate(id)) => Ok((Done::Sent(*id, bytes), "1 message sent".into())),
            None => Err(Refusal::Unavailable(format!("queue {name} did not say what became of the message"))),
        }
    }

    async fn purge(&self, name: &QueueName, scope: PurgeScope) -> Result<(Done, String), Refusal> {
        let (dead, what) = match scope {
            PurgeScope::Messages => (false, "message"),
            PurgeScope::DeadLetters => (true, "dead letter"),
        };
        let count = self.inner.queues.purge(name, dead).await?;
        something(count, || format!("queue `{name}` has no {what} to purge"))?;
        Ok((Done::Purged(scope, count), format!("{} purged", counted(count, what))))
    }

    async fn redrive(&self, name: &QueueName, messages: &[MessageId]) -> Result<(Done, String), Refusal> {
        let count = self.inner.queues.redrive(name, messages).await?;
        something(count, || format!("queue `{name}` has no such dead letter"))?;
        Ok((Done::Redriven(count), format!("{} redriven", counted(count, "dead letter"))))
    }

    async fn discard(&self, name: &QueueName, messages: &[MessageId]) -> Result<(Done, String), Refusal> {
        let taken = self.inner.queues.take_dead(name, messages).await?;
        let gone: Vec<MessageId> = taken.iter().map(|letter| letter.id).collect();
        let count = gone.len() as u64;
        something(count, || format!("queue `{name}` has no such dead letter"))?;
        Ok((Done::Discarded(gone), format!("{} discarded", counted(count, "dead letter"))))
    }
}

fn something(count: u64, otherwise: impl FnOnce() -> String) -> Result<(), Rejection> {
    if count == 0 { Err(Rejection::Nothing(otherwise())) } else { Ok(()) }
}

pub(super) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

impl From<QueueError> for Refusal {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Unknown { queue } => Rejection::NoQueue(queue).into(),
            QueueError::Full { .. } | QueueError::Unfit { .. } | QueueError::Stale { .. } => {
                Rejection::QueueRefused(error.to_string()).into()
            }
            QueueError::Unavailable { .. } => Self::Unavailable(error.to_string()),
        }
    }
}
