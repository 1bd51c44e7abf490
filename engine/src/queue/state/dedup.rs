//! Which deduplication keys were seen within the window.
//!
//! Keys are kept as the first half of their SHA-256: texts of any length cost the same, nobody outside can make two keys
//! collide, and the next process knows them again.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::{id::MessageId, port::clock, unit::Duration};

/// The most keys of one queue within its window; a message with one more is refused.
pub(in crate::queue) const KEYS_MAX: usize = 250_000;

/// Stands for a key's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::queue) struct KeyHash(pub(in crate::queue) [u8; 16]);

impl KeyHash {
    pub(in crate::queue) fn of(key: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        Self(*digest.first_chunk().expect("a half is shorter than the whole"))
    }
}

/// Keys of one queue, forgotten after the window.
#[derive(Debug, Default)]
pub(in crate::queue) struct Dedup {
    messages: HashMap<KeyHash, MessageId>,
    order: VecDeque<(Timestamp, KeyHash)>,
}

impl Dedup {
    /// Forgets what is older than the window.
    pub(in crate::queue) fn forget(&mut self, now: Timestamp, window: Duration) {
        while let Some((seen_at, key)) = self.order.front() {
            if clock::after(*seen_at, window.0) > now {
                break;
            }
            self.messages.remove(key);
            self.order.pop_front();
        }
    }

    pub(in crate::queue) fn seen(&self, key: KeyHash) -> Option<MessageId> {
        self.messages.get(&key).copied()
    }

    pub(in crate::queue) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(in crate::queue) fn room(&self) -> usize {
        KEYS_MAX.saturating_sub(self.messages.len())
    }

    pub(in crate::queue) fn remember(&mut self, now: Timestamp, key: KeyHash, message: MessageId) {
        self.messages.insert(key, message);
        self.order.push_back((now, key));
    }

    /// Takes a key back whose message was not sent after all.
    pub(in crate::queue) fn withdraw(&mut self, key: KeyHash) {
        self.messages.remove(&key);
        self.order.retain(|(_, other)| *other != key);
    }

    /// Every key, oldest first, with when it was seen and the message.
    pub(in crate::queue) fn iter(&self) -> impl Iterator<Item = (Timestamp, KeyHash, MessageId)> {
        self.order.iter().filter_map(|(at, key)| Some((*at, *key, self.seen(*key)?)))
    }
}
