//! What happened to a queue, in words that need no rule to be read: not "nacked", but "waits again until then". So queues can
//! be built anew from what was noted, however the rules have changed since.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::{QueueState, dead::Letter, dedup::KeyHash, message::Message};
use crate::{
    id::{MessageId, QueueName},
    port::queue::{QueueLimits, QueueStats},
};

/// Messages that one note names; more make several notes.
const IDS_MAX: usize = 200;

/// One note.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::queue) enum Effect {
    /// There is a queue.
    Made(QueueName),
    /// It has these limits.
    Limited(Box<QueueLimits>),
    /// A message is in it, and waits.
    Sent { message: Message, due: Timestamp, key: Option<KeyHash> },
    /// A receiver has them: one delivery and one attempt more for each.
    Leased { ids: Vec<MessageId>, by: Arc<str> },
    /// Done, and gone.
    Acked(Vec<MessageId>),
    /// Not done: it waits again.
    Returned { id: MessageId, due: Timestamp, by_lease_end: bool },
    /// Not done for the last time: it is a dead letter.
    Died { id: MessageId, at: Timestamp, error: Box<str>, by_lease_end: bool },
    /// Given back: it waits again, and the attempt does not count.
    Released { id: MessageId, due: Timestamp },
    /// Waited, and are gone.
    Dropped(Vec<MessageId>),
    /// A dead letter is there that was no message before.
    Buried(Letter),
    /// Dead letters wait as messages, with all attempts before them.
    Redriven { ids: Vec<MessageId>, due: Timestamp },
    /// A dead letter has another body.
    Edited { id: MessageId, body: Bytes },
    /// Dead letters are gone.
    DroppedDead(Vec<MessageId>),
    /// Dead letters were taken out.
    TakenDead(Vec<MessageId>),
    /// The queue is no more.
    Removed,
    /// As [`Effect::Sent`], of long ago: it does not count.
    Kept { message: Message, due: Timestamp },
    /// As [`Effect::Buried`], of long ago.
    KeptLetter(Letter),
    /// A key was seen.
    KeptKey { at: Timestamp, key: KeyHash, message: MessageId },
    /// The totals, for all that was before.
    Totals(Box<QueueStats>),
}

impl QueueState {
    /// A state that notes what happens to it, beginning with its queue's name.
    pub(in crate::queue) fn noting(name: &QueueName) -> Self {
        Self { effects: Some(vec![Effect::Made(name.clone())]), ..Self::default() }
    }

    /// What was noted since the last time.
    pub(in crate::queue) fn take_effects(&mut self) -> Vec<Effect> {
        self.effects.as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn note(&mut self, effect: impl FnOnce() -> Effect) {
        if let Some(effects) = &mut self.effects {
            effects.push(effect());
        }
    }

    pub(super) fn note_all(&mut self, ids: impl IntoIterator<Item = MessageId>, effect: impl Fn(Vec<MessageId>) -> Effect) {
        let Some(effects) = &mut self.effects else { return };
        let ids: Vec<_> = ids.into_iter().collect();
        effects.extend(ids.chunks(IDS_MAX).map(|some| effect(some.to_vec())));
    }
}
