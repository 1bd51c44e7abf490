//! What operators and pipelines do to dead letters.
//!
//! Where that must reach a disk first, letters are out of their places until it has.

use bytes::Bytes;
use jiff::Timestamp;

use super::{QueueState, Refusal, effect::Effect};
use crate::{
    id::MessageId,
    port::queue::{BATCH_MAX, NewDeadLetter, PeekedMessage},
    queue::state::{
        dead::{DeadPlace, Letter, cut},
        message::{Message, Mint},
    },
};

/// Letters that were taken from their places until it is certain what becomes of them.
#[derive(Debug, Default, Clone)]
pub(in crate::queue) struct Lifted(Vec<(DeadPlace, Letter)>);

impl QueueState {
    /// Adds letters, or none when they do not all fit: unlike a message after its last attempt, they push nothing out.
    pub(in crate::queue) fn bury(
        &mut self,
        now: Timestamp,
        letters: Vec<NewDeadLetter>,
        mint: &Mint,
    ) -> Result<Vec<MessageId>, Refusal> {
        let (ids, letters) = self.admit_letters(now, letters, mint)?;
        self.add_letters(letters);
        Ok(ids)
    }

    /// Buries, but for making the letters seen.
    pub(in crate::queue) fn hold_letters(
        &mut self,
        now: Timestamp,
        letters: Vec<NewDeadLetter>,
        mint: &Mint,
    ) -> Result<(Vec<MessageId>, Vec<Letter>), Refusal> {
        let (ids, letters) = self.admit_letters(now, letters, mint)?;
        self.dead_held += letters.iter().map(Letter::bytes).sum::<u64>();
        for letter in &letters {
            self.note(|| Effect::Buried(letter.clone()));
        }
        Ok((ids, letters))
    }

    /// Held letters are buried, or never were there.
    pub(in crate::queue) fn settle_letters(&mut self, letters: Vec<Letter>, is_certain: bool) {
        self.dead_held -= letters.iter().map(Letter::bytes).sum::<u64>();
        if is_certain {
            self.add_letters(letters);
        }
    }

    fn add_letters(&mut self, letters: Vec<Letter>) {
        self.totals.dead_total += letters.len() as u64;
        for letter in letters {
            self.dead.add(letter);
        }
    }

    fn admit_letters(
        &self,
        now: Timestamp,
        letters: Vec<NewDeadLetter>,
        mint: &Mint,
    ) -> Result<(Vec<MessageId>, Vec<Letter>), Refusal> {
        let ids: Vec<MessageId> = mint.ids(now, letters.len()).collect();
        let letters: Vec<Letter> = letters.into_iter().zip(&ids).map(|(new, id)| letter(*id, now, new)).collect();
        let (bytes, max) = (letters.iter().map(Letter::bytes).sum::<u64>(), self.limits.dead_bytes_max);
        let there = self.dead.bytes() + self.dead_held;
        if there + bytes > max.0 {
            return Err(Refusal::Full(format!("dead_bytes_max is {max}, {there} bytes are in it, {bytes} more were to come")));
        }
        Ok((ids, letters))
    }

    /// Makes letters ready messages again; those that are not there are passed over.
    pub(in crate::queue) fn redrive(&mut self, now: Timestamp, ids: &[MessageId]) -> Result<u64, Refusal> {
        let lifted = self.lift_for_redrive(now, ids)?;
        let count = lifted.0.len() as u64;
        self.settle_redrive(now, lifted, true);
        Ok(count)
    }

    /// Takes letters from their places that are to become messages.
    pub(in crate::queue) fn lift_for_redrive(&mut self, now: Timestamp, ids: &[MessageId]) -> Result<Lifted, Refusal> {
        let chosen = self.choose(ids, usize::MAX);
        let bytes = chosen.iter().filter_map(|id| self.dead.get(*id)).map(|letter| letter.body.len() as u64).sum();
        self.check_room(chosen.len() as u64, bytes)?;
        let lifted = self.lift(&chosen);
        self.note_all(chosen, |ids| Effect::Redriven { ids, due: now });
        (self.bytes, self.held) = (self.bytes + bytes, self.held + lifted.0.len() as u64);
        Ok(lifted)
    }

    /// They become messages, or are put back.
    pub(in crate::queue) fn settle_redrive(&mut self, now: Timestamp, lifted: Lifted, is_certain: bool) {
        self.held -= lifted.0.len() as u64;
        if !is_certain {
            self.bytes -= lifted.0.iter().map(|(_, letter)| letter.body.len() as u64).sum::<u64>();
            return self.put_back(lifted);
        }
        self.dead_held -= lifted.bytes();
        for (_, letter) in lifted.0 {
            self.put(letter.into_message(), now, now);
        }
    }

    pub(in crate::queue) fn edit_dead(&mut self, id: MessageId, body: Bytes) -> Result<(), Refusal> {
        let (lifted, body) = self.lift_for_edit(id, body)?;
        self.settle_edit(lifted, &body, true);
        Ok(())
    }

    /// Takes a letter from its place that is to have another body.
    pub(in crate::queue) fn lift_for_edit(&mut self, id: MessageId, body: Bytes) -> Result<(Lifted, Bytes), Refusal> {
        let Some(letter) = self.dead.get(id) else {
            return Err(Refusal::Unfit(format!("{id} is not a dead letter of it")));
        };
        let (body_max, dead_max) = (self.limits.body_max, self.limits.dead_bytes_max);
        let (old, new) = (letter.body.len() as u64, body.len() as u64);
        if new > body_max.0 && new > old {
            return Err(Refusal::Unfit(format!("the body has {new} bytes; body_max is {body_max}")));
        }
        let there = self.dead.bytes() + self.dead_held;
        if new > old && there - old + new > dead_max.0 {
            return Err(Refusal::Full(format!("dead_bytes_max is {dead_max}, {there} bytes are in it")));
        }
        self.note(|| Effect::Edited { id, body: body.clone() });
        Ok((self.lift(&[id]), body))
    }

    /// It is back with its new body, or with its old one.
    pub(in crate::queue) fn settle_edit(&mut self, lifted: Lifted, body: &Bytes, is_certain: bool) {
        let ids: Vec<MessageId> = lifted.0.iter().map(|(_, letter)| letter.id).collect();
        self.put_back(lifted);
        for id in ids.into_iter().filter(|_| is_certain) {
            self.dead.edit(id, body.clone());
        }
    }

    pub(in crate::queue) fn take_dead(&mut self, ids: &[MessageId]) -> Vec<PeekedMessage> {
        let (taken, lifted) = self.lift_for_taking(ids);
        self.settle_taking(lifted, true);
        taken
    }

    /// Takes letters from their places that are to go.
    pub(in crate::queue) fn lift_for_taking(&mut self, ids: &[MessageId]) -> (Vec<PeekedMessage>, Lifted) {
        let chosen = self.choose(ids, BATCH_MAX);
        let lifted = self.lift(&chosen);
        self.note_all(chosen, Effect::TakenDead);
        (lifted.0.iter().map(|(_, letter)| letter.peeked()).collect(), lifted)
    }

    /// They are gone, or put back.
    pub(in crate::queue) fn settle_taking(&mut self, lifted: Lifted, is_certain: bool) {
        if is_certain {
            self.dead_held -= lifted.bytes();
        } else {
            self.put_back(lifted);
        }
    }

    /// Nobody got what was taken: it is there again.
    pub(in crate::queue) fn bury_again(&mut self, lifted: Lifted) {
        for (place, letter) in lifted.0 {
            self.note(|| Effect::KeptLetter(letter.clone()));
            self.dead.put_back(place, letter);
        }
    }

    fn lift(&mut self, ids: &[MessageId]) -> Lifted {
        let lifted = Lifted(ids.iter().filter_map(|id| self.dead.lift(*id)).collect());
        self.dead_held += lifted.bytes();
        lifted
    }

    fn put_back(&mut self, lifted: Lifted) {
        self.dead_held -= lifted.bytes();
        lifted.0.into_iter().for_each(|(place, letter)| self.dead.put_back(place, letter));
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

impl Lifted {
    pub(in crate::queue) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn bytes(&self) -> u64 {
        self.0.iter().map(|(_, letter)| letter.bytes()).sum()
    }
}

impl Letter {
    /// No time to live: what an operator brings back must not vanish because it is old.
    pub(in crate::queue) fn into_message(self) -> Message {
        let Self { id, body, priority, deliveries, sent_at, .. } = self;
        Message { id, body, priority, deliveries, attempts: 0, sent_at, expires_at: None }
    }
}

fn letter(id: MessageId, now: Timestamp, new: NewDeadLetter) -> Letter {
    let NewDeadLetter { body, error, origin } = new;
    let (error, origin) = (cut(&error), Some(Box::new(origin)));
    Letter { id, body, priority: 0, deliveries: 0, attempts: 0, sent_at: now, at: now, error, origin }
}
