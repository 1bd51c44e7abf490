//! Sending: all messages of a call or none.
//!
//! Where sending must reach a disk first, messages are held until it has: they count against the limits and their keys are
//! known, but nobody sees them, and when it fails they were never there.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{QueueState, Refusal, effect::Effect};
use crate::{
    id::MessageId,
    port::{
        clock,
        queue::{NewMessage, Sent},
    },
    queue::state::{
        dedup::{KEYS_MAX, KeyHash},
        message::{Message, Mint},
    },
};

/// What a message is, seen by its deduplication key.
#[derive(Clone, Copy)]
enum Known {
    New(Option<KeyHash>),
    Sent(MessageId),
    /// The key stands at an earlier place of the same call.
    Twin(usize),
}

/// Messages that are sent as soon as it is certain that they are.
#[derive(Debug, Default)]
pub(in crate::queue) struct Held(Vec<(Message, Timestamp, Option<KeyHash>)>);

impl QueueState {
    pub(in crate::queue) fn send(
        &mut self,
        now: Timestamp,
        messages: Vec<NewMessage>,
        mint: &Mint,
    ) -> Result<Vec<Sent>, Refusal> {
        self.admit(now, messages, mint, |state, message, due, _| state.put(message, due, now))
    }

    /// Sends, but for making the messages wait.
    pub(in crate::queue) fn hold(
        &mut self,
        now: Timestamp,
        messages: Vec<NewMessage>,
        mint: &Mint,
    ) -> Result<(Vec<Sent>, Held), Refusal> {
        let mut held = Vec::with_capacity(messages.len());
        let sent = self.admit(now, messages, mint, |state, message, due, key| {
            state.note(|| Effect::Sent { message: message.clone(), due, key });
            held.push((message, due, key));
        })?;
        self.held += held.len() as u64;
        Ok((sent, Held(held)))
    }

    /// They are sent.
    pub(in crate::queue) fn show(&mut self, now: Timestamp, Held(held): Held) {
        self.held -= held.len() as u64;
        for (message, due, _) in held {
            self.put(message, due, now);
        }
    }

    /// They never were.
    pub(in crate::queue) fn withdraw(&mut self, Held(held): Held) {
        self.held -= held.len() as u64;
        self.totals.sent_total -= held.len() as u64;
        for (message, _, key) in held {
            self.bytes -= message.body.len() as u64;
            if let Some(key) = key {
                self.dedup.withdraw(key);
            }
        }
    }

    fn admit(
        &mut self,
        now: Timestamp,
        messages: Vec<NewMessage>,
        mint: &Mint,
        mut place: impl FnMut(&mut Self, Message, Timestamp, Option<KeyHash>),
    ) -> Result<Vec<Sent>, Refusal> {
        self.check_bodies(&messages)?;
        self.dedup.forget(now, self.limits.dedup_window);
        let known = self.compare(&messages);
        let fresh = || known.iter().zip(&messages).filter(|(known, _)| matches!(known, Known::New(_)));
        self.check_room(fresh().count() as u64, fresh().map(|(_, message)| message.body.len() as u64).sum())?;
        self.check_keys(&known)?;
        let mut ids = mint.ids(now, messages.len());
        let mut sent: Vec<Sent> = Vec::with_capacity(messages.len());
        for (known, message) in known.iter().zip(messages) {
            sent.push(match *known {
                Known::Sent(id) => Sent::Duplicate(id),
                Known::Twin(at) => Sent::Duplicate(sent[at].id()),
                Known::New(key) => {
                    let id = ids.next().expect("there is an id for each message");
                    let (message, due) = self.accept(now, message, id, key);
                    place(self, message, due, key);
                    Sent::Accepted(id)
                }
            });
        }
        Ok(sent)
    }

    fn accept(&mut self, now: Timestamp, message: NewMessage, id: MessageId, key: Option<KeyHash>) -> (Message, Timestamp) {
        if let Some(key) = key {
            self.dedup.remember(now, key, id);
        }
        self.bytes += message.body.len() as u64;
        self.totals.sent_total += 1;
        let expires_at = message.ttl.or(self.limits.ttl).map(|ttl| clock::after(now, ttl.0));
        let due = if message.delay.0.is_zero() { now } else { clock::after(now, message.delay.0) };
        let NewMessage { body, priority, .. } = message;
        (Message { id, body, priority, deliveries: 0, attempts: 0, sent_at: now, expires_at }, due)
    }

    fn check_bodies(&self, messages: &[NewMessage]) -> Result<(), Refusal> {
        let body_max = self.limits.body_max;
        match messages.iter().enumerate().find(|(_, message)| message.body.len() as u64 > body_max.0) {
            None => Ok(()),
            Some((at, message)) => {
                let bytes = message.body.len();
                Err(Refusal::Unfit(format!("message {} has {bytes} bytes; body_max is {body_max}", at + 1)))
            }
        }
    }

    fn compare(&self, messages: &[NewMessage]) -> Vec<Known> {
        let mut here: HashMap<KeyHash, usize> = HashMap::new();
        let compare_one = |(at, message): (usize, &NewMessage)| {
            let Some(key) = message.dedup_key.as_deref().map(KeyHash::of) else { return Known::New(None) };
            if let Some(id) = self.dedup.seen(key) {
                return Known::Sent(id);
            }
            match here.insert(key, at) {
                None => Known::New(Some(key)),
                Some(first) => {
                    here.insert(key, first);
                    Known::Twin(first)
                }
            }
        };
        messages.iter().enumerate().map(compare_one).collect()
    }

    fn check_keys(&self, known: &[Known]) -> Result<(), Refusal> {
        let keys = known.iter().filter(|known| matches!(known, Known::New(Some(_)))).count();
        if keys <= self.dedup.room() {
            return Ok(());
        }
        let window = self.limits.dedup_window;
        Err(Refusal::Full(format!("at most {KEYS_MAX} deduplication keys within its window of {window}")))
    }
}
