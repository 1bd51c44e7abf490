//! What operators and pipelines do to dead letters.

use bytes::Bytes;
use jiff::Timestamp;

use super::{QueueState, Refusal};
use crate::{
    id::MessageId,
    port::queue::{BATCH_MAX, NewDeadLetter, PeekedMessage},
    queue::state::{
        dead::{Letter, cut},
        message::{Message, Mint},
    },
};

impl QueueState {
    /// Adds letters, or none when they do not all fit: unlike a message after its last attempt, they push nothing out.
    pub(in crate::queue) fn bury(
        &mut self,
        now: Timestamp,
        letters: Vec<NewDeadLetter>,
        mint: &Mint,
    ) -> Result<Vec<MessageId>, Refusal> {
        let ids: Vec<MessageId> = mint.ids(now, letters.len()).collect();
        let letters: Vec<Letter> = letters.into_iter().zip(&ids).map(|(new, id)| letter(*id, now, new)).collect();
        let (bytes, max) = (letters.iter().map(Letter::bytes).sum::<u64>(), self.limits.dead_bytes_max);
        if self.dead.bytes() + bytes > max.0 {
            let there = self.dead.bytes();
            return Err(Refusal::Full(format!("dead_bytes_max is {max}, {there} bytes are in it, {bytes} more were to come")));
        }
        self.totals.dead_total += letters.len() as u64;
        for letter in letters {
            self.dead.add(letter);
        }
        Ok(ids)
    }

    /// Makes letters ready messages again; those that are not there are passed over.
    pub(in crate::queue) fn redrive(&mut self, now: Timestamp, ids: &[MessageId]) -> Result<u64, Refusal> {
        let chosen = self.choose(ids, usize::MAX);
        let bytes = chosen.iter().filter_map(|id| self.dead.get(*id)).map(|letter| letter.body.len() as u64).sum();
        self.check_room(chosen.len() as u64, bytes)?;
        self.bytes += bytes;
        for letter in chosen.iter().filter_map(|id| self.dead.take(*id)).collect::<Vec<_>>() {
            let Letter { id, body, priority, deliveries, sent_at, .. } = letter;
            // No time to live: what an operator brings back must not vanish because it is old.
            self.put(Message { id, body, priority, deliveries, attempts: 0, sent_at, expires_at: None }, now, now);
        }
        Ok(chosen.len() as u64)
    }

    pub(in crate::queue) fn edit_dead(&mut self, id: MessageId, body: Bytes) -> Result<(), Refusal> {
        let Some(letter) = self.dead.get(id) else {
            return Err(Refusal::Unfit(format!("{id} is not a dead letter of it")));
        };
        let (body_max, dead_max) = (self.limits.body_max, self.limits.dead_bytes_max);
        let (old, new) = (letter.body.len() as u64, body.len() as u64);
        if new > body_max.0 && new > old {
            return Err(Refusal::Unfit(format!("the body has {new} bytes; body_max is {body_max}")));
        }
        if new > old && self.dead.bytes() - old + new > dead_max.0 {
            return Err(Refusal::Full(format!("dead_bytes_max is {dead_max}, {} bytes are in it", self.dead.bytes())));
        }
        self.dead.edit(id, body).ok_or_else(|| Refusal::Unfit(format!("{id} is not a dead letter of it")))
    }

    pub(in crate::queue) fn take_dead(&mut self, ids: &[MessageId]) -> Vec<PeekedMessage> {
        let chosen = self.choose(ids, BATCH_MAX);
        chosen.iter().filter_map(|id| self.dead.take(*id)).map(|letter| letter.peeked()).collect()
    }

    /// Those of the given letters that are there, each once; for an empty list the oldest, up to `max`.
    fn choose(&self, ids: &[MessageId], max: usize) -> Vec<MessageId> {
        if ids.is_empty() {
            return self.dead.iter().take(max).map(|letter| letter.id).collect();
        }
        let mut seen = std::collections::HashSet::with_capacity(ids.len());
        ids.iter().copied().filter(|id| self.dead.get(*id).is_some() && seen.insert(*id)).collect()
    }
}

fn letter(id: MessageId, now: Timestamp, new: NewDeadLetter) -> Letter {
    let NewDeadLetter { body, error, origin } = new;
    let (error, origin) = (cut(&error), Some(Box::new(origin)));
    Letter { id, body, priority: 0, deliveries: 0, attempts: 0, sent_at: now, at: now, error, origin }
}
