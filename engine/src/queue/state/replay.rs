//! From notes back to a queue, and from a queue to the fewest notes that lead to it.
//!
//! While notes are read nothing comes due: every message waits in the order of its time, and those of one moment in the
//! order of their notes. That is the order in which receivers would have got them.

use jiff::Timestamp;

use super::{
    Failing, Lease, QueueState,
    dead::Letter,
    effect::Effect,
    message::{ById, Message},
};
use crate::{id::MessageId, unit::Duration};

/// A queue that is read from notes.
#[derive(Debug, Default)]
pub(in crate::queue) struct Replay {
    state: QueueState,
    places: ById<(Timestamp, u64)>,
}

impl Replay {
    /// What happened next. What is no longer there is passed over.
    pub(in crate::queue) fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Made(_) | Effect::Removed => {}
            Effect::Limited(limits) => self.state.limits = *limits,
            Effect::Sent { message, due, key } => {
                self.state.totals.sent_total += 1;
                if let Some(key) = key {
                    self.state.dedup.forget(message.sent_at, self.state.limits.dedup_window);
                    self.state.dedup.remember(message.sent_at, key, message.id);
                }
                self.enter(message, due);
            }
            Effect::Kept { message, due } => self.enter(message, due),
            Effect::Leased { ids, by } => {
                self.state.receiver = by;
                for id in ids {
                    self.lease(id);
                }
            }
            Effect::Acked(ids) => self.state.totals.acked_total += self.leave(&ids),
            Effect::Dropped(ids) => self.state.totals.dropped_total += self.leave(&ids),
            Effect::Returned { id, due, by_lease_end } => self.returned(id, due, by_lease_end),
            Effect::Released { id, due } => {
                if let Some(mut message) = self.take(id) {
                    message.attempts = message.attempts.saturating_sub(1);
                    self.wait(message, due);
                }
            }
            letters => self.apply_to_letters(letters),
        }
    }

    fn apply_to_letters(&mut self, effect: Effect) {
        match effect {
            Effect::Died { id, at, error, by_lease_end } => self.died(id, at, &error, by_lease_end),
            Effect::Buried(letter) => {
                self.state.totals.dead_total += 1;
                self.add_letter(letter);
            }
            Effect::KeptLetter(letter) => self.add_letter(letter),
            Effect::Redriven { ids, due } => {
                for letter in ids.into_iter().filter_map(|id| self.state.dead.take(id)).collect::<Vec<_>>() {
                    self.enter(letter.into_message(), due);
                }
            }
            Effect::Edited { id, body } => drop(self.state.dead.edit(id, body)),
            Effect::DroppedDead(ids) => {
                self.state.totals.dropped_total += ids.into_iter().filter_map(|id| self.state.dead.take(id)).count() as u64;
            }
            Effect::TakenDead(ids) => ids.into_iter().for_each(|id| drop(self.state.dead.take(id))),
            Effect::KeptKey { at, key, message } => self.state.dedup.remember(at, key, message),
            Effect::Totals(totals) => self.state.totals = *totals,
            _ => {}
        }
    }

    fn enter(&mut self, message: Message, due: Timestamp) {
        self.forget(message.id);
        self.state.bytes += message.body.len() as u64;
        self.wait(message, due);
    }

    /// What a damaged file tells of twice is there once, as it was told of last.
    fn forget(&mut self, id: MessageId) {
        self.leave(&[id]);
        drop(self.state.dead.take(id));
    }

    fn add_letter(&mut self, letter: Letter) {
        self.forget(letter.id);
        self.state.dead.add(letter);
    }

    fn wait(&mut self, message: Message, due: Timestamp) {
        let ticket = self.state.next_ticket();
        self.places.insert(message.id, (due, ticket));
        self.state.delayed.insert((due, ticket), message);
    }

    /// Takes a message out, wherever it is.
    fn take(&mut self, id: MessageId) -> Option<Message> {
        if let Some(place) = self.places.remove(&id) {
            return self.state.delayed.remove(&place);
        }
        let Lease { message, until, ticket, .. } = self.state.leases.remove(&id)?;
        self.state.lease_ends.remove((until, ticket));
        Some(message)
    }

    fn leave(&mut self, ids: &[MessageId]) -> u64 {
        let gone = ids.iter().filter_map(|id| self.take(*id)).map(|message| message.body.len() as u64);
        let gone: Vec<u64> = gone.collect();
        self.state.bytes -= gone.iter().sum::<u64>();
        gone.len() as u64
    }

    fn lease(&mut self, id: MessageId) {
        if let Some(mut message) = self.take(id) {
            message.deliveries += 1;
            message.attempts += 1;
            self.enter_lease(message);
        }
    }

    fn enter_lease(&mut self, message: Message) {
        let (ticket, by) = (self.state.next_ticket(), self.state.receiver.clone());
        self.state.lease_ends.insert((Timestamp::MAX, ticket), message.id);
        self.state.leases.insert(message.id, Lease { message, until: Timestamp::MAX, ticket, by });
    }

    fn returned(&mut self, id: MessageId, due: Timestamp, by_lease_end: bool) {
        let Some(mut message) = self.take(id) else { return };
        message.expires_at = None;
        self.count_return(by_lease_end);
        self.wait(message, due);
    }

    fn died(&mut self, id: MessageId, at: Timestamp, error: &str, by_lease_end: bool) {
        if let Some(message) = self.take(id) {
            self.count_return(by_lease_end);
            self.state.bury_message(message, at, error);
        }
    }

    fn count_return(&mut self, by_lease_end: bool) {
        self.state.totals.returned_total += 1;
        self.state.totals.expired_leases_total += u64::from(by_lease_end);
    }

    /// Messages that a receiver has.
    pub(in crate::queue) fn leases(&self) -> usize {
        self.state.leases.len()
    }

    /// The queue, at a moment of the next process: leases of the last one have ended. What that leads to is noted.
    pub(in crate::queue) fn finish(self, now: Timestamp) -> QueueState {
        let mut state = self.state;
        for ((due, ticket), message) in &state.delayed {
            let Some(expires_at) = message.expires_at else { continue };
            let (due, ticket) = (*due, *ticket);
            state.expiries.insert((expires_at, message.id), super::Place::Delayed { due, ticket });
        }
        state.effects = Some(Vec::new());
        state.settle(now);
        for (_, id) in std::mem::take(&mut state.lease_ends).iter() {
            let lease = state.leases.remove(&id).expect("every lease's end names a lease");
            let error = format!("the engine ended while `{}` had it", lease.by);
            let why = Failing { error: &error, by_lease_end: true };
            state.fail(lease.message, now, Some(Duration::default()), &why, now);
        }
        state
    }

    /// What must be noted to be where it is now, but for its name.
    pub(in crate::queue) fn notes(&self) -> impl Iterator<Item = Effect> {
        let state = &self.state;
        let first = [Effect::Limited(Box::new(state.limits)), Effect::Totals(Box::new(state.totals.clone()))];
        let waiting = state.delayed.iter().map(|((due, _), message)| Effect::Kept { message: message.clone(), due: *due });
        let leased = state.lease_ends.iter().flat_map(|(_, id)| {
            let Lease { message, by, .. } = &state.leases[&id];
            let before = Message { deliveries: message.deliveries - 1, attempts: message.attempts - 1, ..message.clone() };
            [Effect::Kept { message: before, due: Timestamp::MAX }, Effect::Leased { ids: vec![id], by: by.clone() }]
        });
        let letters = state.dead.iter().cloned().map(Effect::KeptLetter);
        let keys = state.dedup.iter().map(|(at, key, message)| Effect::KeptKey { at, key, message });
        first.into_iter().chain(waiting).chain(leased).chain(letters).chain(keys)
    }
}
