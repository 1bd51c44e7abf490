//! Where each stream stands. A stream's events are found by links backward from its head, so that an append touches one
//! entry and no list that grows; long streams have marks on the way.

use std::{collections::HashMap, hash::BuildHasher, sync::Arc};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::id::{Position, StreamName, Version};

use super::Stream;

/// A mark stands at every version that is a multiple of this, unless its event is missing.
const MARK_EVERY: u64 = 64;
/// A link to events that are lost: no event has this position.
const LOST: u64 = u64::MAX;
const HAS_HEAD: &str = "a place in the table has a head";

/// Heads stand in the order of their creation, and the table holds only their places: four bytes a stream, so that it
/// stays in the processor's cache. Each miss there would cost as much as the rest of an append.
#[derive(Default)]
pub(super) struct Heads {
    places: HashTable<u32>,
    row: Vec<Option<Head>>,
    free: Vec<u32>,
    /// Heads that go with their last events, and which that was when it was said: one that is written to since stays.
    going: HashMap<u32, u64, RandomState>,
    /// Versions and positions of the marks that are kept of a stream, the newest last. Short streams have none.
    marks: HashMap<u32, Vec<(u64, u64)>, RandomState>,
    hasher: RandomState,
}

/// Half a line of the processor's cache, never in two: an append touches one head, and what it seldom needs stands elsewhere.
#[repr(align(32))]
pub(super) struct Head {
    /// The one text that all events of the stream share.
    name: StreamName,
    version: u64,
    last: u64,
}

/// Where a head stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        let is_it = |place: &u32| self.at(*place).is_some_and(|head| head.shares(stream) || head.name == *stream);
        self.places.find(hash, is_it).copied().map(Place)
    }

    /// What hashes are taken with; always the same.
    pub(super) fn hasher(&self) -> RandomState {
        self.hasher.clone()
    }

    pub(super) fn version_at(&self, place: Option<Place>) -> Version {
        Version(place.and_then(|Place(place)| self.at(place)).map_or(0, |head| head.version))
    }

    /// Where a stream stands: the text that its events share, its version, and the position of its last event.
    pub(super) fn stand(&self, stream: &StreamName) -> (StreamName, Version, u64) {
        let head = self.find(stream).and_then(|Place(place)| self.at(place));
        head.map_or_else(|| (stream.clone(), Version(0), 0), |head| (head.name(), Version(head.version), head.last))
    }

    /// 0 for a stream that does not exist.
    pub(super) fn version(&self, stream: &StreamName) -> Version {
        self.version_at(self.find(stream))
    }

    /// The place that was found, or a new one for a stream that has none.
    pub(super) fn of_writer(&mut self, place: Option<Place>, stream: &StreamName) -> Place {
        place.unwrap_or_else(|| self.add(stream))
    }

    /// Counts one more event at a position: the head, the event's version, and the position of the one before it.
    pub(super) fn push(&mut self, place: Place, position: u64) -> (&Head, Version, u64) {
        let head = self.row[place.0 as usize].as_mut().expect(HAS_HEAD);
        let link = std::mem::replace(&mut head.last, position);
        head.version += 1;
        if head.version.is_multiple_of(MARK_EVERY) {
            self.marks.entry(place.0).or_default().push((head.version, position));
        }
        (head, Version(head.version), link)
    }

    /// Goes to just before a version. Events between that are not there are lost: nobody reads past them. `false` when it is
    /// past that version already.
    pub(super) fn skip_before(&mut self, place: Place, version: Version) -> bool {
        let head = self.row[place.0 as usize].as_mut().expect(HAS_HEAD);
        let Some(skipped) = version.0.checked_sub(head.version + 1) else { return false };
        if skipped > 0 {
            (head.version, head.last) = (version.0 - 1, LOST);
            self.marks.remove(&place.0);
        }
        true
    }

    /// Goes on to a version. Events between were let go: whoever reads goes past them to what was before. `false` when the
    /// first of them does not come next.
    pub(super) fn let_go(&mut self, place: Place, first: Version, last: Version) -> bool {
        let head = self.row[place.0 as usize].as_mut().expect(HAS_HEAD);
        if head.version == 0 && first.0 > 1 {
            head.last = LOST;
        } else if first.0 != head.version + 1 {
            return false;
        }
        head.version = last.0;
        last >= first
    }

    /// A version not before the one asked for, and its position: from there it is a short walk back.
    pub(super) fn near(&self, Place(place): Place, version: u64) -> (u64, u64) {
        let mark = self.marks.get(&place).and_then(|marks| {
            let at = marks.partition_point(|(marked, _)| *marked < version);
            marks.get(at).copied()
        });
        mark.or_else(|| self.at(place).map(|head| (head.version, head.last))).unwrap_or_default()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Stream> {
        let places = self.row.iter().enumerate();
        places.filter_map(|(place, head)| {
            let head = head.as_ref()?;
            let forget = self.going.get(&(place as u32)) == Some(&head.last);
            Some(Stream { name: head.name(), version: Version(head.version), last: Position(head.last), forget })
        })
    }

    /// Puts a stream back of which no event is kept.
    pub(super) fn restore(&mut self, stream: &Stream) {
        let place = self.find(&stream.name);
        let Place(place) = self.of_writer(place, &stream.name);
        if let Some(head) = &mut self.row[place as usize] {
            (head.version, head.last) = (stream.version.0, stream.last.0);
        }
        self.going.extend(stream.forget.then_some((place, stream.last.0)));
    }

    pub(super) fn forget_with_last_event(&mut self, streams: &[StreamName]) {
        for stream in streams {
            if let Some(Place(place)) = self.find(stream)
                && let Some(head) = &self.row[place as usize]
            {
                self.going.insert(place, head.last);
            }
        }
    }

    /// Lets go of what belongs to dropped events; the heads that went.
    pub(super) fn trim(&mut self, oldest: u64) -> Vec<Head> {
        let row = &self.row;
        self.going.retain(|place, last| row[*place as usize].as_ref().is_some_and(|head| head.last == *last));
        let gone: Vec<u32> = self.going.extract_if(|_, last| *last < oldest).map(|(place, _)| place).collect();
        let gone = gone.into_iter().filter_map(|place| self.remove(place)).collect();
        self.marks.retain(|_, marks| {
            marks.drain(..marks.partition_point(|(_, position)| *position < oldest));
            !marks.is_empty()
        });
        gone
    }

    fn at(&self, place: u32) -> Option<&Head> {
        self.row[place as usize].as_ref()
    }

    fn add(&mut self, stream: &StreamName) -> Place {
        let head = Head { name: stream.clone(), version: 0, last: 0 };
        let place = self.free.pop().unwrap_or_else(|| {
            self.row.push(None);
            u32::try_from(self.row.len() - 1).expect("memory ends before four billion streams")
        });
        self.row[place as usize] = Some(head);
        let Self { places, row, hasher, .. } = self;
        let hash_at = |place: &u32| hasher.hash_one(row[*place as usize].as_ref().map(|head| &head.name).expect(HAS_HEAD));
        places.insert_unique(hash_at(&place), place, hash_at);
        Place(place)
    }

    fn remove(&mut self, place: u32) -> Option<Head> {
        let head = self.row[place as usize].take()?;
        if let Ok(entry) = self.places.find_entry(self.hasher.hash_one(&head.name), |found| *found == place) {
            entry.remove();
        }
        self.marks.remove(&place);
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_shorten_the_walk_and_go_with_their_events() {
        let mut heads = Heads::default();
        let place = heads.of_writer(None, &StreamName("s".into()));
        for position in 1..=1_000 {
            let (_, version, link) = heads.push(place, position * 10);
            assert_eq!((version, link), (Version(position), (position - 1) * 10));
        }
        let near = |heads: &Heads, version| heads.near(place, version);
        assert_eq!((near(&heads, 1), near(&heads, 64), near(&heads, 65)), ((64, 640), (64, 640), (128, 1_280)));
        assert_eq!((near(&heads, 960), near(&heads, 961)), ((960, 9_600), (1_000, 10_000)));
        assert_eq!(near(&heads, 1_000), (1_000, 10_000));
        heads.trim(1_000);
        assert_eq!((near(&heads, 64), near(&heads, 65)), ((128, 1_280), (128, 1_280)));
        heads.trim(u64::MAX);
        assert_eq!((near(&heads, 960), near(&heads, 961)), ((1_000, 10_000), (1_000, 10_000)));
        assert!(heads.marks.is_empty());
    }

    #[test]
    fn a_place_that_is_used_again_has_no_marks_of_the_stream_before() {
        let mut heads = Heads::default();
        let (old, new) = (StreamName("old".into()), StreamName("new".into()));
        let place = heads.of_writer(None, &old);
        for position in 1..=100 {
            heads.push(place, position);
        }
        heads.forget_with_last_event(&[old]);
        assert_eq!(heads.trim(u64::MAX).len(), 1);
        assert_eq!(heads.of_writer(None, &new), place);
        heads.push(place, 101);
        assert_eq!(heads.near(place, 1), (1, 101));
    }

    #[test]
    fn places_of_forgotten_streams_are_used_again() {
        let mut heads = Heads::default();
        let name = |at: u64| StreamName(format!("s{at}").into());
        for round in 0..10 {
            for at in 0..100 {
                let stream = name(round * 100 + at);
                let place = heads.find(&stream);
                let place = heads.of_writer(place, &stream);
                heads.push(place, round * 100 + at + 1);
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
            let place = heads.of_writer(place, &stream);
            heads.push(place, position);
        }
        assert_eq!((heads.marks.len(), heads.going.len()), (1, 0));
        // One that lives on, one that is named twice, one whose last event stays.
        heads.forget_with_last_event(&[name(1), name(2), name(2), name(899)]);
        let going = |heads: &Heads| heads.iter().filter(|stream| stream.forget).count();
        assert_eq!(going(&heads), 3);
        let place = heads.find(&name(1)).unwrap();
        heads.push(place, 1_001);
        assert_eq!(going(&heads), 2);
        assert_eq!(heads.trim(500).iter().map(Head::name).collect::<Vec<_>>(), [name(2)]);
        assert_eq!((heads.len(), heads.marks.len(), heads.going.len()), (899, 1, 1));
        assert_eq!(heads.trim(2_000).iter().map(Head::name).collect::<Vec<_>>(), [name(899)]);
        assert_eq!((heads.len(), heads.marks.len(), heads.going.len()), (898, 0, 0));
    }
}
