//! Where each stream stands. A stream's events are found by links backward from its head, so that an append touches one
//! entry and no list that grows; long streams have marks on the way.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::id::{StreamName, Version};

/// A mark stands at every version that is a multiple of this.
const MARK_EVERY: u64 = 64;

#[derive(Default)]
pub(super) struct Heads {
    by_name: HashMap<StreamName, Head, RandomState>,
}

#[derive(Default)]
pub(super) struct Head {
    version: u64,
    last: u64,
    /// Positions of the marks that are kept, the newest last.
    marks: Vec<u64>,
    /// Goes with its last event.
    forget: bool,
}

impl Heads {
    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(super) fn get(&self, stream: &StreamName) -> Option<&Head> {
        self.by_name.get(stream)
    }

    /// 0 for a stream that does not exist.
    pub(super) fn version(&self, stream: &StreamName) -> Version {
        Version(self.get(stream).map_or(0, |head| head.version))
    }

    /// The head, and the one text that all events of the stream share as its name.
    pub(super) fn of_writer(&mut self, stream: &StreamName) -> (&mut Head, StreamName) {
        let entry = self.by_name.entry(stream.clone());
        let name = entry.key().clone();
        (entry.or_default(), name)
    }

    pub(super) fn forget_with_last_event(&mut self, streams: &[StreamName]) {
        for stream in streams {
            if let Some(head) = self.by_name.get_mut(stream) {
                head.forget = true;
            }
        }
    }

    /// Lets go of what belongs to dropped events. Whether a stream went.
    pub(super) fn trim(&mut self, oldest: u64) -> bool {
        let before = self.len();
        self.by_name.retain(|_, head| {
            head.trim(oldest);
            !head.forget || head.last >= oldest
        });
        self.len() < before
    }
}

impl Head {
    /// Counts one more event at a position; its version, and the position of the one before it.
    pub(super) fn push(&mut self, position: u64) -> (Version, u64) {
        let link = std::mem::replace(&mut self.last, position);
        self.version += 1;
        self.forget = false;
        if self.version.is_multiple_of(MARK_EVERY) {
            self.marks.push(position);
        }
        (Version(self.version), link)
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// A version not before the one asked for, and its position: from there it is a short walk back.
    pub(super) fn near(&self, version: u64) -> (u64, u64) {
        let marked = version.next_multiple_of(MARK_EVERY);
        if marked > self.version {
            return (self.version, self.last);
        }
        let after = (self.version / MARK_EVERY - marked / MARK_EVERY) as usize;
        let at = self.marks.len().checked_sub(after + 1);
        // A mark that was let go stood at a dropped event: position 0 is not kept either.
        (marked, at.map_or(0, |at| self.marks[at]))
    }

    fn trim(&mut self, oldest: u64) {
        let dropped = self.marks.partition_point(|position| *position < oldest);
        self.marks.drain(..dropped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_shorten_the_walk_and_go_with_their_events() {
        let mut head = Head::default();
        for position in 1..=1_000 {
            assert_eq!(head.push(position * 10), (Version(position), (position - 1) * 10));
        }
        assert_eq!((head.near(1), head.near(64), head.near(65)), ((64, 640), (64, 640), (128, 1_280)));
        assert_eq!((head.near(960), head.near(961), head.near(1_000)), ((960, 9_600), (1_000, 10_000), (1_000, 10_000)));
        head.trim(1_000);
        assert_eq!((head.near(64), head.near(65)), ((64, 0), (128, 1_280)));
        head.trim(u64::MAX);
        assert_eq!((head.near(960), head.near(961)), ((960, 0), (1_000, 10_000)));
    }
}
