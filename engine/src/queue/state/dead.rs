//! The dead letters of one queue, oldest first, bounded by bytes and age.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;

use super::message::ById;
use crate::{
    id::MessageId,
    port::{
        clock,
        queue::{MessageState, Origin, PeekedMessage, QueueLimits},
    },
};

/// What a letter counts beside its texts: without it, a million letters of one byte would be "a megabyte".
const OVERHEAD_BYTES: u64 = 256;

/// The longest error that is kept, in bytes.
pub(in crate::queue) const ERROR_BYTES_MAX: usize = 2_048;

/// A message that failed for good.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::queue) struct Letter {
    pub(in crate::queue) id: MessageId,
    pub(in crate::queue) body: Bytes,
    pub(in crate::queue) priority: u8,
    pub(in crate::queue) deliveries: u32,
    pub(in crate::queue) attempts: u32,
    pub(in crate::queue) sent_at: Timestamp,
    pub(in crate::queue) at: Timestamp,
    pub(in crate::queue) error: Box<str>,
    pub(in crate::queue) origin: Option<Box<Origin>>,
}

impl Letter {
    pub(in crate::queue) fn bytes(&self) -> u64 {
        let origin =
            self.origin.as_ref().map_or(0, |o| o.pipeline.len() + o.run.len() + o.step.len() + o.revision.len() + o.source.len());
        OVERHEAD_BYTES + (self.body.len() + self.error.len() + origin) as u64
    }

    pub(in crate::queue) fn peeked(&self) -> PeekedMessage {
        let origin = self.origin.as_deref().cloned();
        let state = MessageState::Dead { at: self.at, error: self.error.to_string(), origin };
        let (id, body, priority) = (self.id, self.body.clone(), self.priority);
        PeekedMessage { id, body, priority, deliveries: self.attempts, sent_at: self.sent_at, state }
    }
}

/// An error cut to what is kept of it.
pub(in crate::queue) fn cut(error: &str) -> Box<str> {
    error[..error.floor_char_boundary(ERROR_BYTES_MAX)].into()
}

/// Where a letter is among the others: when it came, and a ticket.
pub(in crate::queue) type DeadPlace = (Timestamp, u64);

/// Dead letters by age.
#[derive(Debug, Default)]
pub(in crate::queue) struct DeadLetters {
    letters: BTreeMap<DeadPlace, Letter>,
    places: ById<DeadPlace>,
    bytes: u64,
    ticket: u64,
}

impl DeadLetters {
    pub(in crate::queue) fn len(&self) -> usize {
        self.letters.len()
    }

    pub(in crate::queue) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(in crate::queue) fn add(&mut self, letter: Letter) {
        self.ticket += 1;
        let place = (letter.at, self.ticket);
        self.bytes += letter.bytes();
        self.places.insert(letter.id, place);
        self.letters.insert(place, letter);
    }

    /// Drops what is too old or too much; says which.
    pub(in crate::queue) fn trim(&mut self, now: Timestamp, limits: &QueueLimits) -> Vec<MessageId> {
        let mut dropped = Vec::new();
        while let Some(((at, _), letter)) = self.letters.first_key_value() {
            if self.bytes <= limits.dead_bytes_max.0 && clock::after(*at, limits.dead_retain.0) > now {
                break;
            }
            let oldest = letter.id;
            self.take(oldest);
            dropped.push(oldest);
        }
        dropped
    }

    pub(in crate::queue) fn get(&self, id: MessageId) -> Option<&Letter> {
        self.letters.get(self.places.get(&id)?)
    }

    /// Gives a letter another body.
    pub(in crate::queue) fn edit(&mut self, id: MessageId, body: Bytes) -> Option<()> {
        let letter = self.letters.get_mut(self.places.get(&id)?)?;
        self.bytes = self.bytes - letter.body.len() as u64 + body.len() as u64;
        letter.body = body;
        Some(())
    }

    pub(in crate::queue) fn take(&mut self, id: MessageId) -> Option<Letter> {
        self.lift(id).map(|(_, letter)| letter)
    }

    /// Takes a letter out, to be put back in its place perhaps.
    pub(in crate::queue) fn lift(&mut self, id: MessageId) -> Option<(DeadPlace, Letter)> {
        let place = self.places.remove(&id)?;
        let letter = self.letters.remove(&place)?;
        self.bytes -= letter.bytes();
        Some((place, letter))
    }

    pub(in crate::queue) fn put_back(&mut self, place: DeadPlace, letter: Letter) {
        self.bytes += letter.bytes();
        self.places.insert(letter.id, place);
        self.letters.insert(place, letter);
    }

    pub(in crate::queue) fn iter(&self) -> impl Iterator<Item = &Letter> {
        self.letters.values()
    }

    pub(in crate::queue) fn clear(&mut self) {
        *self = Self { ticket: self.ticket, ..Self::default() };
    }
}
