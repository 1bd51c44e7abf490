//! A queue, as far as operators change it. Messages come and go in the queue's own store and are not events; deciding
//! here says only whether an operator's command is fit, and what it records once the store has done it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Aggregate, Rejection};
use crate::{
    command::QueueCommand,
    event::{
        Event,
        queue::{
            DeadLetterEdited, DeadLettersDiscarded, DeadLettersReplayed, MessageSent, PurgeScope, QueueDeclared, QueuePurged,
            QueueRedriven,
        },
    },
    id::{MessageId, PipelineName, QueueName, RunId},
    port::queue::{ATTEMPTS_MAX, BATCH_MAX, PRIORITY_MAX, QueueLimits},
};

/// A queue as its own events tell it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Queue {
    /// Nobody declared it; it may exist all the same, by its first message, with the default limits.
    #[default]
    Undeclared,
    /// It has these limits.
    Declared(QueueLimits),
}

/// What the queue's store did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// It has the limits.
    Declared(QueueLimits),
    /// The message is in.
    Sent(MessageId, u64),
    /// So many went.
    Purged(PurgeScope, u64),
    /// So many went back.
    Redriven(u64),
    /// Its body is another.
    Edited(MessageId),
    /// These are gone.
    Discarded(Vec<MessageId>),
    /// So many are in the hands of a run.
    Replayed(PipelineName, RunId, u64),
}

impl Queue {
    /// Whether a command may be carried out. Never panics.
    pub fn permit(&self, queue: &QueueName, command: &QueueCommand) -> Result<(), Rejection> {
        use QueueCommand as C;
        if queue.is_internal() {
            return Err(Rejection::InternalQueue(queue.clone()));
        }
        match (self, command) {
            (Self::Declared(current), C::Declare { limits }) if current == limits => {
                Err(Rejection::Nothing(format!("queue `{queue}` already has these limits")))
            }
            (Self::Undeclared | Self::Declared(_), C::Declare { limits }) => sound(limits),
            (Self::Undeclared | Self::Declared(_), C::Send { body, priority, .. }) => {
                is_priority(*priority)?;
                self.takes(body)
            }
            (Self::Undeclared | Self::Declared(_), C::EditDeadLetter { body, .. }) => self.takes(body),
            (Self::Undeclared | Self::Declared(_), C::DiscardDeadLetters { messages }) => is_list(messages),
            (Self::Undeclared | Self::Declared(_), C::Purge { .. } | C::Redrive { .. } | C::ReplayDeadLetters { .. }) => Ok(()),
        }
    }

    /// The event of what was done.
    pub fn record(done: Done) -> Event {
        match done {
            Done::Declared(limits) => QueueDeclared { limits }.into(),
            Done::Sent(message, bytes) => MessageSent { message, bytes }.into(),
            Done::Purged(scope, count) => QueuePurged { scope, count }.into(),
            Done::Redriven(count) => QueueRedriven { count }.into(),
            Done::Edited(message) => DeadLetterEdited { message }.into(),
            Done::Discarded(messages) => DeadLettersDiscarded { messages }.into(),
            Done::Replayed(pipeline, run, count) => DeadLettersReplayed { pipeline, run, count }.into(),
        }
    }

    /// What it allows.
    pub fn limits(&self) -> QueueLimits {
        match self {
            Self::Undeclared => QueueLimits::default(),
            Self::Declared(limits) => *limits,
        }
    }

    fn takes(&self, body: &Bytes) -> Result<(), Rejection> {
        let (size, max) = (body.len() as u64, self.limits().body_max);
        if size > max.0 {
            return Err(Rejection::Unfit(format!("the body has {size} bytes: this queue takes at most {max}")));
        }
        let checked: Result<&serde_json::value::RawValue, _> = serde_json::from_slice(body);
        checked.map(|_| ()).map_err(|error| Rejection::Unfit(format!("the body is not JSON: {error}")))
    }
}

impl Aggregate for Queue {
    fn evolve(&mut self, event: &Event) {
        if let Event::QueueDeclared(event) = event {
            *self = Self::Declared(event.limits);
        }
    }
}

fn sound(limits: &QueueLimits) -> Result<(), Rejection> {
    let zero = [
        ("messages_max", limits.messages_max == 0),
        ("bytes_max", limits.bytes_max.0 == 0),
        ("body_max", limits.body_max.0 == 0),
        ("attempts_max", limits.attempts_max == 0),
    ];
    match zero.iter().find(|(_, is_zero)| *is_zero) {
        Some((name, _)) => Err(Rejection::Unfit(format!("{name} is 0: the queue could never deliver anything"))),
        None if limits.attempts_max > ATTEMPTS_MAX => {
            Err(Rejection::Unfit(format!("attempts_max {} is more than {ATTEMPTS_MAX}", limits.attempts_max)))
        }
        None if limits.body_max > limits.bytes_max => {
            Err(Rejection::Unfit(format!("body_max {} is more than bytes_max {}", limits.body_max, limits.bytes_max)))
        }
        None => Ok(()),
    }
}

fn is_priority(priority: u8) -> Result<(), Rejection> {
    if priority <= PRIORITY_MAX {
        return Ok(());
    }
    Err(Rejection::Unfit(format!("priority {priority} is not one: 0 (first) to {PRIORITY_MAX} (last)")))
}

fn is_list(messages: &[MessageId]) -> Result<(), Rejection> {
    match messages.len() {
        0 => Err(Rejection::Nothing("no dead letter was named".into())),
        1..=BATCH_MAX => Ok(()),
        count => Err(Rejection::Unfit(format!("{count} dead letters at once: at most {BATCH_MAX}"))),
    }
}
