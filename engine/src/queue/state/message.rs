//! A message in memory, and where its id comes from. Ids are minted from the injected clock and a counter: asking the
//! system for time and randomness at every message would cost more than the rest of a send.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Builder;

use crate::id::MessageId;

/// A message that waits or is leased.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::queue) struct Message {
    pub(in crate::queue) id: MessageId,
    pub(in crate::queue) body: Bytes,
    pub(in crate::queue) priority: u8,
    /// Deliveries of its whole life: no two leases ever have the same receipt.
    pub(in crate::queue) deliveries: u32,
    /// Deliveries that count against the queue's limit.
    pub(in crate::queue) attempts: u32,
    pub(in crate::queue) sent_at: Timestamp,
    /// Dropped then, unless delivered before.
    pub(in crate::queue) expires_at: Option<Timestamp>,
}

/// Makes ids of version 7: time in front, then a counter that began at a random number.
#[derive(Debug)]
pub(in crate::queue) struct Mint {
    next: AtomicU64,
    salt: u16,
}

impl Mint {
    pub(in crate::queue) fn new() -> Self {
        let (high, low) = MessageId::fresh().0.as_u64_pair();
        // Room for 2^61 ids before the counter wraps and order within a millisecond is lost.
        Self { next: AtomicU64::new(low >> 3), salt: high as u16 }
    }

    /// So many ids in a row, of one moment.
    pub(in crate::queue) fn ids(&self, now: Timestamp, count: usize) -> impl Iterator<Item = MessageId> + use<> {
        let first = self.next.fetch_add(count as u64, Ordering::Relaxed);
        let (millis, salt) = (now.as_millisecond().max(0) as u64, self.salt.to_be_bytes());
        (0..count as u64).map(move |offset| {
            let mut tail = [0; 10];
            tail[..2].copy_from_slice(&salt);
            tail[2..].copy_from_slice(&first.wrapping_add(offset).to_be_bytes());
            MessageId(Builder::from_unix_timestamp_millis(millis, &tail).into_uuid())
        })
    }
}

/// A map by message. Its keys are ids that were minted here, so nobody outside can choose them to collide.
pub(in crate::queue) type ById<T> = HashMap<MessageId, T, BuildHasherDefault<IdHasher>>;

/// Multiplies: the counter in an id already tells neighbours apart.
#[derive(Default)]
pub(in crate::queue) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        let rest = rest.iter().fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
        for word in words.iter().map(|word| u64::from_be_bytes(*word)).chain((rest > 0).then_some(rest)) {
            self.0 = (self.0.rotate_left(26) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        self.0 ^= self.0 >> 32;
    }

    fn write_usize(&mut self, _: usize) {
        // The length of an id is always the same.
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_distinct_ordered_and_of_version_7() {
        let mint = Mint::new();
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let ids: Vec<_> = mint.ids(now, 3).chain(mint.ids(now, 2)).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
        assert!(ids.iter().all(|id| id.0.get_version_num() == 7));
        assert_ne!(ids[0].short(), ids[1].short());
    }
}
