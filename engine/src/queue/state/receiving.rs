//! Receiving, and the answers to a delivery.

use std::{collections::hash_map::Entry, sync::Arc};

use jiff::Timestamp;

use super::{Failing, Lease, QueueState, Refusal, effect::Effect};
use crate::{
    port::{
        clock,
        queue::{BATCH_MAX, Leased, Receipt},
    },
    queue::state::message::Message,
    unit::Duration,
};

impl QueueState {
    pub(in crate::queue) fn receive(
        &mut self,
        now: Timestamp,
        max: usize,
        lease: Duration,
        by: &str,
    ) -> Result<Vec<Leased>, Refusal> {
        let until = lease_end(now, lease)?;
        self.promised.pop_front();
        if &*self.receiver != by {
            self.receiver = by.into();
        }
        let count = max.min(BATCH_MAX).min(self.ready.len());
        let mut leased = Vec::with_capacity(count);
        while leased.len() < count
            && let Some(message) = self.ready.pop()
        {
            leased.push(self.lease(message, until));
        }
        if !leased.is_empty() {
            let ids = || leased.iter().map(|leased| leased.receipt.message).collect();
            let by = &self.receiver;
            if let Some(effects) = &mut self.effects {
                effects.push(Effect::Leased { ids: ids(), by: by.clone() });
            }
        }
        Ok(leased)
    }

    /// Messages were not delivered after all: nobody was told of them.
    pub(in crate::queue) fn undeliver(&mut self, now: Timestamp, receipts: &[Receipt]) {
        for receipt in receipts {
            if let Ok(mut message) = self.unlease(*receipt) {
                message.attempts -= 1;
                self.put(message, now, now);
            }
        }
    }

    fn lease(&mut self, mut message: Message, until: Timestamp) -> Leased {
        if let Some(expires_at) = message.expires_at {
            self.expiries.remove(&(expires_at, message.id));
        }
        message.deliveries += 1;
        message.attempts += 1;
        let receipt = Receipt { message: message.id, delivery: message.deliveries };
        let leased = Leased { receipt, body: message.body.clone(), until, sent_at: message.sent_at };
        let ticket = self.next_ticket();
        self.lease_ends.insert((until, ticket), message.id);
        let by = Arc::clone(&self.receiver);
        self.leases.insert(message.id, Lease { message, until, ticket, by });
        leased
    }

    fn unlease(&mut self, receipt: Receipt) -> Result<Message, Refusal> {
        let Entry::Occupied(entry) = self.leases.entry(receipt.message) else { return Err(Refusal::Stale(receipt)) };
        if entry.get().message.deliveries != receipt.delivery {
            return Err(Refusal::Stale(receipt));
        }
        let lease = entry.remove();
        self.lease_ends.remove((lease.until, lease.ticket));
        Ok(lease.message)
    }

    fn find(&self, receipt: Receipt) -> Result<&Lease, Refusal> {
        let lease = self.leases.get(&receipt.message).filter(|lease| lease.message.deliveries == receipt.delivery);
        lease.ok_or(Refusal::Stale(receipt))
    }

    /// Acks what is still leased; the first that is not is the refusal.
    pub(in crate::queue) fn ack(&mut self, receipts: &[Receipt]) -> Result<(), Refusal> {
        let (mut answer, mut acked) = (Ok(()), Vec::new());
        for receipt in receipts {
            match self.unlease(*receipt) {
                Ok(message) => {
                    self.bytes -= message.body.len() as u64;
                    self.totals.acked_total += 1;
                    if self.effects.is_some() {
                        acked.push(message.id);
                    }
                }
                Err(stale) => answer = answer.and(Err(stale)),
            }
        }
        self.note_all(acked, Effect::Acked);
        answer
    }

    pub(in crate::queue) fn nack(
        &mut self,
        now: Timestamp,
        receipt: Receipt,
        delay: Option<Duration>,
        error: &str,
    ) -> Result<(), Refusal> {
        let message = self.unlease(receipt)?;
        self.fail(message, now, delay, &Failing { error, by_lease_end: false }, now);
        Ok(())
    }

    pub(in crate::queue) fn release(&mut self, now: Timestamp, receipt: Receipt, delay: Duration) -> Result<(), Refusal> {
        let mut message = self.unlease(receipt)?;
        message.attempts -= 1;
        let due = clock::after(now, delay.0);
        self.note(|| Effect::Released { id: message.id, due });
        self.put(message, due, now);
        Ok(())
    }

    pub(in crate::queue) fn extend(&mut self, now: Timestamp, receipt: Receipt, lease: Duration) -> Result<Timestamp, Refusal> {
        let until = lease_end(now, lease)?;
        let found = self.find(receipt)?;
        let end = (found.until, found.ticket);
        self.lease_ends.remove(end);
        let ticket = self.next_ticket();
        self.lease_ends.insert((until, ticket), receipt.message);
        let lease = self.leases.get_mut(&receipt.message).expect("it was found");
        (lease.until, lease.ticket) = (until, ticket);
        Ok(until)
    }
}

fn lease_end(now: Timestamp, lease: Duration) -> Result<Timestamp, Refusal> {
    if lease.0.is_zero() {
        return Err(Refusal::Unfit("a lease of 0 ends before it begins; give it a time such as 30s".into()));
    }
    Ok(clock::after(now, lease.0))
}
