//! What a read answers with. It may share the store's own memory, so that a hundred readers of the same events cost no
//! more than one; reads like a slice.

use std::{fmt, ops::Deref, ops::Range, sync::Arc, vec};

use crate::event::Envelope;

/// Events in the order of their positions; `&events` is a slice of them.
#[derive(Clone)]
pub struct Events {
    held: Arc<Vec<Envelope>>,
    range: Range<usize>,
}

impl Events {
    /// Part of what a store keeps, not copied.
    ///
    /// # Panics
    /// When the range is not inside.
    pub fn shared(held: Arc<Vec<Envelope>>, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= held.len(), "{range:?} is not inside of {} events", held.len());
        Self { held, range }
    }
}

impl Deref for Events {
    type Target = [Envelope];
    fn deref(&self) -> &[Envelope] {
        &self.held[self.range.clone()]
    }
}

impl Default for Events {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl From<Vec<Envelope>> for Events {
    fn from(events: Vec<Envelope>) -> Self {
        let range = 0..events.len();
        Self { held: Arc::new(events), range }
    }
}

/// Moves the events out; copies those that others share.
impl From<Events> for Vec<Envelope> {
    fn from(events: Events) -> Self {
        let Events { held, range } = events;
        match Arc::try_unwrap(held) {
            Ok(mut own) => {
                own.truncate(range.end);
                own.drain(..range.start);
                own
            }
            Err(shared) => shared[range].to_vec(),
        }
    }
}

impl IntoIterator for Events {
    type Item = Envelope;
    type IntoIter = vec::IntoIter<Envelope>;
    fn into_iter(self) -> Self::IntoIter {
        Vec::from(self).into_iter()
    }
}

impl<'a> IntoIterator for &'a Events {
    type Item = &'a Envelope;
    type IntoIter = std::slice::Iter<'a, Envelope>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl PartialEq for Events {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}
