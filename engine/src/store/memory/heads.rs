//! Where each stream stands. A stream's events are found by links backward from its head, so that an append touches one
//! entry and no list that grows; long streams have marks on the way.

use std::{hash::BuildHasher, sync::Arc};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::id::{Position, StreamName, Version};

use super::Stream;

/// A mark stands at every version that is a multiple of this, unless its event is missing.
const MARK_EVERY: u64 = 64;
/// A link to events that are lost: no event has this position.
const LOST: u64 = u64::MAX;

/// Heads stand in the order of their creation, and the table holds only their places: four bytes a stream, so that it
/// stays in the processor's cache. Each miss there would cost as much as the rest of an append.
#[derive(Default)]
pub(super) struct Heads {
    places: HashTable<u32>,
    row: Vec<Option<Head>>,
    free: Vec<u32>,
    /// Heads that go with their last events, and heads that have marks: so that a truncation looks at these alone. A place may
    /// be here twice, or no longer belong here.
    going: Vec<u32>,
    marked: Vec<u32>,
    hasher: RandomState,
}

/// Aligned to one line of the processor's cache: an append touches one head, and never two lines for it.
#[repr(align(64))]
pub(super) struct Head {
    /// The one text that all events of the stream share.
    name: StreamName,
    version: u64,
    last: u64,
    /// Versions and positions of the marks that are kept, the newest last.
    marks: Vec<(u64, u64)>,
    /// Goes with its last event.
    forget: bool,
    /// It is among the heads that have marks.
    is_marked: bool,
}

/// Where a head stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place(u32);

impl Heads {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn find(&self, stream: &StreamName) -> Option<Place> {
        self.find_hashed(self.hasher.hash_one(stream), stream)
    }

    /// By the hash of its name, which need not be taken under a lock.
    pub(super) fn find_hashed(&self, hash: u64, stream: &StreamName) -> Option<Place> {
        let is_it = |place: &u32| self.at(*place).is_some_and(|head| head.name == *stream);
        self.places.find(hash, is_it).copied().map(Place)
    }

    /// What hashes are taken with; always the same.
    pub(super) fn hasher(&self) -> RandomState {
        self.hasher.clone()
    }

    pub(super) fn get(&self, stream: &StreamName) -> Option<&Head> {
        self.find(stream).and_then(|Place(place)| self.at(place))
    }

    pub(super) fn version_at(&self, place: Option<Place>) -> Version {
        Version(place.and_then(|Place(place)| self.at(place)).map_or(0, |head| head.version))
    }

    /// 0 for a stream that does not exist.
    pub(super) fn version(&self, stream: &StreamName) -> Version {
        self.version_at(self.find(stream))
    }

    /// The head at a place, or a new one for a stream that has none.
    pub(super) fn of_writer(&mut self, place: Option<Place>, stream: &StreamName) -> (Place, &mut Head) {
        let place = place.unwrap_or_else(|| self.add(stream));
        (place, self.row[place.0 as usize].as_mut().expect("a place in the table has a head"))
    }

    /// To be told when a head that was written to [has new marks](Head::has_new_marks).
    pub(super) fn note_marks(&mut self, place: Place) {
        if let Some(head) = &mut self.row[place.0 as usize] {
            head.is_marked = true;
            self.marked.push(place.0);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Stream> {
        self.row.iter().flatten().map(|head| Stream {
            name: head.name(),
            version: Version(head.version),
            last: Position(head.last),
            forget: head.forget,
        })
    }

    /// Puts a stream back of which no event is kept.
    pub(super) fn restore(&mut self, stream: &Stream) {
        let place = self.find(&stream.name);
        let (Place(place), head) = self.of_writer(place, &stream.name);
        (head.version, head.last, head.forget) = (stream.version.0, stream.last.0, stream.forget);
        self.going.extend(stream.forget.then_some(place));
    }

    pub(super) fn forget_with_last_event(&mut self, streams: &[StreamName]) {
        for stream in streams {
            if let Some(place) = self.find(stream) {
                self.of_writer(Some(place), stream).1.forget = true;
                self.going.push(place.0);
            }
        }
    }

    /// Lets go of what belongs to dropped events; the heads that went.
    pub(super) fn trim(&mut self, oldest: u64) -> Vec<Head> {
        let mut going = std::mem::take(&mut self.going);
        going.sort_unstable();
        going.dedup();
        let mut gone = Vec::new();
        going.retain(|place| match self.at(*place) {
            Some(head) if head.forget && head.last < oldest => {
                gone.extend(self.remove(*place));
                false
            }
            head => head.is_some_and(|head| head.forget),
        });
        self.going = going;
        let Self { marked, row, .. } = self;
        marked.retain(|place| row[*place as usize].as_mut().is_some_and(|head| head.trim(oldest)));
        gone
    }

    fn at(&self, place: u32) -> Option<&Head> {
        self.row[place as usize].as_ref()
    }

    fn add(&mut self, stream: &StreamName) -> Place {
        let head = Head { name: stream.clone(), version: 0, last: 0, marks: Vec::new(), forget: false, is_marked: false };
        let place = self.free.pop().unwrap_or_else(|| {
            self.row.push(None);
            u32::try_from(self.row.len() - 1).expect("memory ends before four billion streams")
        });
        self.row[place as usize] = Some(head);
        let Self { places, row, hasher, .. } = self;
        let hash_at = |place: &u32| hasher.hash_one(row[*place as usize].as_ref().map(|head| &head.name).expect("it has a head"));
        places.insert_unique(hash_at(&place), place, hash_at);
        Place(place)
    }

    fn remove(&mut self, place: u32) -> Option<Head> {
        let head = self.row[place as usize].take()?;
        if let Ok(entry) = self.places.find_entry(self.hasher.hash_one(&head.name), |found| *found == place) {
            entry.remove();
        }
        self.free.push(place);
        Some(head)
    }
}

impl Head {
    pub(super) fn name(&self) -> StreamName {
        self.name.clone()
    }

    /// Whether a name is the very text that is kept.
    pub(super) fn shares(&self, name: &StreamName) -> bool {
        Arc::ptr_eq(&self.name.0, &name.0)
    }

    /// Counts one more event at a position; its version, and the position of the one before it.
    pub(super) fn push(&mut self, position: u64) -> (Version, u64) {
        let link = std::mem::replace(&mut self.last, position);
        self.version += 1;
        self.forget = false;
        if self.version.is_multiple_of(MARK_EVERY) {
            self.marks.push((self.version, position));
        }
        (Version(self.version), link)
    }

    /// Goes to just before a version. Events between that are not there are lost: nobody reads past them. `false` when it is
    /// past that version already.
    pub(super) fn skip_before(&mut self, version: Version) -> bool {
        let Some(skipped) = version.0.checked_sub(self.version + 1) else { return false };
        if skipped > 0 {
            (self.version, self.last) = (version.0 - 1, LOST);
            self.marks.clear();
        }
        true
    }

    /// Goes on to a version. Events between were let go: whoever reads goes past them to what was before. `false` when the
    /// first of them does not come next.
    pub(super) fn let_go(&mut self, first: Version, last: Version) -> bool {
        if self.version == 0 && first.0 > 1 {
            self.last = LOST;
        } else if first.0 != self.version + 1 {
            return false;
        }
        self.version = last.0;
        last >= first
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// A version not before the one asked for, and its position: from there it is a short walk back.
    pub(super) fn near(&self, version: u64) -> (u64, u64) {
        let at = self.marks.partition_point(|(marked, _)| *marked < version);
        self.marks.get(at).copied().unwrap_or((self.version, self.last))
    }

    /// Whether a truncation has to be told of its marks.
    pub(super) fn has_new_marks(&self) -> bool {
        !self.is_marked && !self.marks.is_empty()
    }

    /// Lets go of marks; whether there are any left.
    fn trim(&mut self, oldest: u64) -> bool {
        let dropped = self.marks.partition_point(|(_, position)| *position < oldest);
        self.marks.drain(..dropped);
        self.is_marked &= !self.marks.is_empty();
        self.is_marked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_shorten_the_walk_and_go_with_their_events() {
        let mut heads = Heads::default();
        let (_, head) = heads.of_writer(None, &StreamName("s".into()));
        for position in 1..=1_000 {
            assert_eq!(head.push(position * 10), (Version(position), (position - 1) * 10));
        }
        assert_eq!((head.near(1), head.near(64), head.near(65)), ((64, 640), (64, 640), (128, 1_280)));
        assert_eq!((head.near(960), head.near(961), head.near(1_000)), ((960, 9_600), (1_000, 10_000), (1_000, 10_000)));
        assert!(head.has_new_marks());
        head.trim(1_000);
        assert_eq!((head.near(64), head.near(65)), ((128, 1_280), (128, 1_280)));
        head.trim(u64::MAX);
        assert_eq!((head.near(960), head.near(961)), ((1_000, 10_000), (1_000, 10_000)));
    }

    #[test]
    fn places_of_forgotten_streams_are_used_again() {
        let mut heads = Heads::default();
        let name = |at: u64| StreamName(format!("s{at}").into());
        for round in 0..10 {
            for at in 0..100 {
                let stream = name(round * 100 + at);
                let place = heads.find(&stream);
                heads.of_writer(place, &stream).1.push(round * 100 + at + 1);
            }
            heads.forget_with_last_event(&(0..50).map(|at| name(round * 100 + at)).collect::<Vec<_>>());
            assert_eq!((heads.trim(u64::MAX).len(), heads.going.len()), (50, 0));
        }
        assert_eq!((heads.len(), heads.row.len()), (500, 550));
        assert!((0..1_000).all(|at| heads.version(&name(at)) == Version(u64::from(at % 100 >= 50))));
    }

    #[test]
    fn a_truncation_looks_at_nothing_but_what_it_may_change() {
        let mut heads = Heads::default();
        let name = |at: u64| StreamName(format!("s{at}").into());
        for position in 1..=1_000 {
            let stream = name(position.min(900));
            let place = heads.find(&stream);
            let (place, head) = heads.of_writer(place, &stream);
            head.push(position);
            if head.has_new_marks() {
                heads.note_marks(place);
            }
        }
        assert_eq!((heads.marked.len(), heads.going.len()), (1, 0));
        // One that lives on, one that is named twice, one whose last event stays.
        heads.forget_with_last_event(&[name(1), name(2), name(2), name(899)]);
        let place = heads.find(&name(1));
        heads.of_writer(place, &name(1)).1.push(1_001);
        assert_eq!(heads.trim(500).iter().map(Head::name).collect::<Vec<_>>(), [name(2)]);
        assert_eq!((heads.len(), heads.marked.len(), heads.going.len()), (899, 1, 1));
        assert_eq!(heads.trim(2_000).iter().map(Head::name).collect::<Vec<_>>(), [name(899)]);
        assert_eq!((heads.len(), heads.marked.len(), heads.going.len()), (898, 0, 0));
    }
}
