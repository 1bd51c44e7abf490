//! Letting single events go, by type and position. Segments are copied without them while nobody waits: the lock is held to
//! find a segment and to exchange it, never to look through it.

use crate::{event::Envelope, port::store::Expired};

use super::MemoryLog;

/// What was let go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::store) struct Thinned {
    /// Events.
    pub(in crate::store) events: u64,
    /// Where they were, oldest first: how many within which positions, the second not included.
    pub(in crate::store) within: Vec<(u64, u64, u64)>,
}

impl MemoryLog {
    /// Lets go of what is expired.
    pub(in crate::store) fn let_go_now(&self, expired: &[Expired]) -> Thinned {
        let before = expired.iter().map(|expired| expired.before.0).max().unwrap_or(0);
        let (mut position, mut thinned) = (0, Thinned::default());
        self.kept().segments.seal_before(before);
        loop {
            let Some(part) = self.kept().segments.sealed_at(position, before) else { return thinned };
            position = part.end;
            let keep: Vec<bool> = part.events.iter().map(|envelope| !is_expired(envelope, expired)).collect();
            let count = keep.iter().filter(|keep| !**keep).count() as u64;
            if count == 0 {
                continue;
            }
            let left: Vec<Envelope> =
                part.events.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(event, _)| event.clone()).collect();
            let taken = self.kept().segments.thin(&part, &keep, left);
            match taken {
                Some(_) => {
                    thinned.events += count;
                    thinned.within.push((part.first, part.end, count));
                }
                // It was joined with another one in the meantime.
                None => position = part.first,
            }
        }
    }
}

/// Whether an event need not be kept.
pub(in crate::store) fn is_expired(envelope: &Envelope, expired: &[Expired]) -> bool {
    let kind = envelope.event.kind.as_str();
    expired.iter().any(|expired| envelope.position < expired.before && kind == expired.kind)
}
