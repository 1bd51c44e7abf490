//! Which deduplication keys were seen within the window.
//!
//! Keys are kept as 128 bits of two keyed hashes: texts of any length cost the same, and nobody outside can make two keys
//! collide.

use std::{
    collections::{HashMap, VecDeque, hash_map::RandomState},
    hash::BuildHasher,
};

use jiff::Timestamp;

use crate::{id::MessageId, port::clock, unit::Duration};

/// The most keys of one queue within its window; a message with one more is refused.
pub(in crate::queue) const KEYS_MAX: usize = 250_000;

/// Stands for a key's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::queue) struct KeyHash(u64, u64);

/// Keys of one queue, forgotten after the window.
#[derive(Debug, Default)]
pub(in crate::queue) struct Dedup {
    hashers: (RandomState, RandomState),
    messages: HashMap<KeyHash, MessageId>,
    order: VecDeque<(Timestamp, KeyHash)>,
}

impl Dedup {
    pub(in crate::queue) fn hash(&self, key: &str) -> KeyHash {
        KeyHash(self.hashers.0.hash_one(key), self.hashers.1.hash_one(key))
    }

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

    pub(in crate::queue) fn room(&self) -> usize {
        KEYS_MAX - self.messages.len()
    }

    pub(in crate::queue) fn remember(&mut self, now: Timestamp, key: KeyHash, message: MessageId) {
        self.messages.insert(key, message);
        self.order.push_back((now, key));
    }
}
