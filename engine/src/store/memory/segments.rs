//! The events themselves, in the order of their positions: sealed segments that readers share, and one that still grows.
//!
//! A reader that comes to the growing one seals it, whatever its size: nothing is copied for readers, and however many
//! there are, the writer pays once. Segments that were sealed small are joined later, so each event moves at most once more.

use std::{
    mem::{self, MaybeUninit},
    ops::Range,
    sync::Arc,
};

use crate::event::Envelope;

/// Events of the growing segment, after which it is sealed.
pub(super) const SEGMENT_EVENTS_MAX: usize = 1_024;
/// A segment sealed with fewer is joined with its neighbours once they add up to [`SEGMENT_EVENTS_MAX`].
const SMALL: usize = 256;
/// With so many events growing, memory for the next segment is asked for.
const SPARE_FROM: usize = SEGMENT_EVENTS_MAX / 16;
/// The smallest page of the machines this runs on: larger ones are only written more than once.
const PAGE_BYTES: usize = 4_096;
/// What an event takes beside its data and type: the envelope, and the link to its predecessor in the stream.
const EVENT_BYTES: usize = size_of::<Envelope>() + size_of::<u64>();

/// What an event takes in memory, in bytes. Its stream's name is shared and not counted.
pub(super) fn bytes_of(data: usize, kind: usize) -> u64 {
    (EVENT_BYTES + data + kind) as u64
}

fn weight(envelope: &Envelope) -> u64 {
    bytes_of(envelope.event.data.len(), envelope.event.kind.as_str().len())
}

pub(super) struct Segments {
    sealed: Vec<Segment>,
    /// From here on, sealed segments are small.
    small_from: usize,
    growing: Growing,
    spare: Spare,
    bytes: u64,
}

/// Memory for the next segment.
enum Spare {
    None,
    /// A writer makes it.
    Ordered,
    Ready(Room),
}

/// Empty memory of a segment.
pub(super) struct Room {
    events: Vec<Envelope>,
    links: Vec<u64>,
}

/// Dropping one frees its events, which takes a while: not under a lock.
pub(in crate::store) struct Segment {
    first: u64,
    events: Arc<Vec<Envelope>>,
    /// For each event the position of the one before it in its stream, 0 for none.
    links: Vec<u64>,
    bytes: u64,
}

struct Growing {
    first: u64,
    events: Vec<Envelope>,
    links: Vec<u64>,
    bytes: u64,
}

/// A sealed segment, and where in it to look.
pub(super) struct Part {
    pub(super) events: Arc<Vec<Envelope>>,
    pub(super) range: Range<usize>,
}

impl Segments {
    pub(super) fn starting_at(next: u64) -> Self {
        Self { sealed: Vec::new(), small_from: 0, growing: Growing::at(next, Room::new()), spare: Spare::None, bytes: 0 }
    }

    /// The position that the next event gets.
    pub(super) fn next(&self) -> u64 {
        self.growing.first + self.growing.events.len() as u64
    }

    /// The oldest event's position; the next one's if none is kept.
    pub(super) fn oldest(&self) -> u64 {
        self.sealed.first().map_or(self.growing.first, |segment| segment.first)
    }

    pub(super) fn len(&self) -> u64 {
        self.next() - self.oldest()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds an event, whose position must be the next one.
    pub(super) fn push(&mut self, envelope: Envelope, link: u64) {
        let bytes = weight(&envelope);
        self.bytes += bytes;
        self.growing.bytes += bytes;
        self.growing.events.push(envelope);
        self.growing.links.push(link);
        if self.growing.events.len() >= SEGMENT_EVENTS_MAX {
            self.seal();
        }
    }

    /// Whether the caller is to make [`Room::touched`] outside the lock and give it. Said once for each.
    pub(super) fn orders_room(&mut self) -> bool {
        let orders = self.growing.events.len() >= SPARE_FROM && matches!(self.spare, Spare::None);
        if orders {
            self.spare = Spare::Ordered;
        }
        orders
    }

    /// Keeps what was ordered.
    pub(super) fn give(&mut self, room: Room) {
        self.spare = Spare::Ready(room);
    }

    /// The event at a position and the link to the one before it in its stream. `None` when it is not kept.
    pub(super) fn get(&self, position: u64) -> Option<(&Envelope, u64)> {
        if let Some(at) = position.checked_sub(self.growing.first) {
            let at = at as usize;
            return self.growing.events.get(at).map(|envelope| (envelope, self.growing.links[at]));
        }
        let segment = &self.sealed[self.index(position)?];
        let at = (position - segment.first) as usize;
        Some((&segment.events[at], segment.links[at]))
    }

    /// The rest of the segment that holds a position, from that position on. `None` when it is not kept.
    pub(super) fn from(&mut self, position: u64) -> Option<Part> {
        let (segment, at) = self.holding(position)?;
        Some(Part { range: at..segment.events.len(), events: segment.events.clone() })
    }

    /// The segment that holds a position, up to and with that position. `None` when it is not kept.
    pub(super) fn up_to(&mut self, position: u64) -> Option<Part> {
        let (segment, at) = self.holding(position)?;
        Some(Part { range: 0..at + 1, events: segment.events.clone() })
    }

    /// Takes out whole segments that end before a position.
    pub(super) fn take_before(&mut self, position: u64) -> Vec<Segment> {
        if position >= self.next() {
            self.seal();
        }
        let count = self.sealed.partition_point(|segment| segment.end() <= position);
        self.small_from = self.small_from.saturating_sub(count);
        let taken: Vec<_> = self.sealed.drain(..count).collect();
        self.bytes -= taken.iter().map(|segment| segment.bytes).sum::<u64>();
        taken
    }

    /// Takes out everything before a position, and splits the segment that holds it.
    pub(super) fn take_all_before(&mut self, position: u64) -> Vec<Segment> {
        let mut taken = self.take_before(position);
        if position > self.growing.first {
            self.seal();
        }
        if let Some(first) = self.sealed.first_mut().filter(|segment| segment.first < position) {
            let rest = first.from(position);
            self.bytes -= first.bytes - rest.bytes;
            taken.push(mem::replace(first, rest));
        }
        taken
    }

    fn holding(&mut self, position: u64) -> Option<(&Segment, usize)> {
        if position >= self.growing.first {
            self.seal();
        }
        let segment = &self.sealed[self.index(position)?];
        let at = (position - segment.first) as usize;
        (at < segment.events.len()).then_some((segment, at))
    }

    /// Which sealed segment begins at or before a position: mostly the last one, for most readers are near the head.
    fn index(&self, position: u64) -> Option<usize> {
        match self.sealed.last() {
            Some(last) if last.first <= position => Some(self.sealed.len() - 1),
            _ => self.sealed.partition_point(|segment| segment.first <= position).checked_sub(1),
        }
    }

    fn seal(&mut self) {
        if self.growing.events.is_empty() {
            return;
        }
        let segment = self.growing.take(&mut self.spare);
        let is_small = segment.events.len() < SMALL;
        if !is_small {
            self.join_small();
        }
        self.sealed.push(segment);
        if !is_small {
            self.small_from = self.sealed.len();
        } else if self.growing.first - self.sealed[self.small_from].first >= SEGMENT_EVENTS_MAX as u64 {
            self.join_small();
        }
    }

    fn join_small(&mut self) {
        if let Some(joined) = self.sealed.drain(self.small_from..).reduce(Segment::join) {
            self.sealed.push(joined);
        }
        self.small_from = self.sealed.len();
    }
}

impl Segment {
    fn end(&self) -> u64 {
        self.first + self.events.len() as u64
    }

    /// The events from a position inside of it on.
    fn from(&self, position: u64) -> Self {
        let at = (position - self.first) as usize;
        let events = self.events[at..].to_vec();
        let bytes = events.iter().map(weight).sum();
        Self { first: position, events: Arc::new(events), links: self.links[at..].to_vec(), bytes }
    }

    /// Moves the events of the second behind those of the first; copies where a reader still holds either.
    fn join(self, other: Self) -> Self {
        let mut events = Arc::unwrap_or_clone(self.events);
        events.reserve(SEGMENT_EVENTS_MAX.saturating_sub(events.len()));
        match Arc::try_unwrap(other.events) {
            Ok(mut own) => events.append(&mut own),
            Err(shared) => events.extend_from_slice(&shared),
        }
        let mut links = self.links;
        links.extend(other.links);
        Self { first: self.first, events: Arc::new(events), links, bytes: self.bytes + other.bytes }
    }
}

impl Spare {
    /// What is ready; one that is still in the making stays ordered.
    fn take(&mut self) -> Option<Room> {
        if matches!(self, Self::Ordered) {
            return None;
        }
        match mem::replace(self, Self::None) {
            Self::Ready(room) => Some(room),
            Self::Ordered | Self::None => None,
        }
    }
}

impl Room {
    fn new() -> Self {
        Self { events: Vec::with_capacity(SEGMENT_EVENTS_MAX), links: Vec::with_capacity(SEGMENT_EVENTS_MAX) }
    }

    /// Every page is written once, because the system gives memory only then. That takes longer than the appends that fill
    /// the segment, and under the lock all writers would wait for it.
    pub(super) fn touched() -> Self {
        let mut room = Self::new();
        for slot in room.events.spare_capacity_mut().iter_mut().step_by(PAGE_BYTES / size_of::<Envelope>()) {
            *slot = MaybeUninit::zeroed();
        }
        for slot in room.links.spare_capacity_mut().iter_mut().step_by(PAGE_BYTES / size_of::<u64>()) {
            *slot = MaybeUninit::zeroed();
        }
        room
    }
}

impl Growing {
    fn at(first: u64, Room { events, links }: Room) -> Self {
        Self { first, events, links, bytes: 0 }
    }

    /// What has grown. A full one is handed over; a smaller one is moved to memory of its size, so that none is wasted.
    fn take(&mut self, spare: &mut Spare) -> Segment {
        let (first, count) = (self.first, self.events.len());
        let next = first + count as u64;
        if count == self.events.capacity() {
            let full = mem::replace(self, Self::at(next, spare.take().unwrap_or_else(Room::new)));
            return Segment { first, events: Arc::new(full.events), links: full.links, bytes: full.bytes };
        }
        self.first = next;
        let (events, links) = (self.events.drain(..).collect(), self.links.drain(..).collect());
        Segment { first, events: Arc::new(events), links, bytes: mem::take(&mut self.bytes) }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::{
        event::{EventType, NewEvent},
        id::{Actor, CorrelationId, EventId, Position, StreamName, Version},
    };

    fn envelope(position: u64) -> Envelope {
        let event = NewEvent {
            id: EventId(Uuid::nil()),
            kind: EventType("tested".into()),
            data: Bytes::from_static(b"{}"),
            at: Timestamp::UNIX_EPOCH,
            actor: Actor::Engine,
            correlation: CorrelationId(Uuid::nil()),
            cause: None,
        };
        Envelope { position: Position(position), stream: StreamName("s".into()), version: Version(position), event }
    }

    fn push(segments: &mut Segments, count: usize) {
        for _ in 0..count {
            let next = segments.next();
            segments.push(envelope(next), next - 1);
        }
    }

    fn sizes(segments: &Segments) -> Vec<usize> {
        segments.sealed.iter().map(|segment| segment.events.len()).collect()
    }

    #[test]
    fn a_reader_of_each_event_does_not_leave_a_segment_for_each() {
        let mut segments = Segments::starting_at(1);
        for at in 1..=SEGMENT_EVENTS_MAX as u64 * 2 + 1 {
            push(&mut segments, 1);
            assert_eq!(segments.from(at).unwrap().range.len(), 1);
        }
        assert_eq!(sizes(&segments), [SEGMENT_EVENTS_MAX, SEGMENT_EVENTS_MAX, 1]);
        assert!((1..segments.next()).all(|at| segments.get(at).unwrap().0.position == Position(at)));
    }

    #[test]
    fn joining_leaves_readers_what_they_hold() {
        let mut segments = Segments::starting_at(1);
        push(&mut segments, 3);
        let held = segments.from(2).unwrap();
        push(&mut segments, SEGMENT_EVENTS_MAX + 1);
        push(&mut segments, SEGMENT_EVENTS_MAX);
        assert_eq!(held.events[held.range].iter().map(|envelope| envelope.position.0).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(segments.from(2).unwrap().events[1].position, Position(2));
    }

    #[test]
    fn room_is_ordered_once_and_used_for_the_next_segment() {
        let mut segments = Segments::starting_at(1);
        push(&mut segments, SPARE_FROM - 1);
        assert!(!segments.orders_room());
        push(&mut segments, 1);
        assert!(segments.orders_room() && !segments.orders_room());
        let room = Room::touched();
        let given = room.events.as_ptr();
        segments.give(room);
        push(&mut segments, SEGMENT_EVENTS_MAX - SPARE_FROM);
        assert_eq!((segments.growing.events.len(), segments.growing.events.as_ptr()), (0, given));
        push(&mut segments, SPARE_FROM);
        assert!(segments.orders_room());
    }

    #[test]
    fn room_that_comes_late_is_for_the_segment_after() {
        let mut segments = Segments::starting_at(1);
        push(&mut segments, SPARE_FROM);
        assert!(segments.orders_room());
        push(&mut segments, SEGMENT_EVENTS_MAX);
        assert!(!segments.orders_room());
        segments.give(Room::touched());
        assert!(matches!(segments.spare, Spare::Ready(_)) && !segments.orders_room());
    }

    #[test]
    fn bytes_are_those_of_what_is_kept() {
        let mut segments = Segments::starting_at(1);
        push(&mut segments, SEGMENT_EVENTS_MAX + 10);
        assert_eq!(segments.bytes(), segments.len() * bytes_of(2, 6));
        let taken = segments.take_before(SEGMENT_EVENTS_MAX as u64 + 5);
        assert_eq!((taken.len(), segments.oldest(), segments.len()), (1, SEGMENT_EVENTS_MAX as u64 + 1, 10));
        assert_eq!(segments.bytes(), segments.len() * bytes_of(2, 6));
        segments.take_before(u64::MAX);
        assert_eq!((segments.oldest(), segments.len(), segments.bytes()), (segments.next(), 0, 0));
    }

    #[test]
    fn a_cut_is_where_it_is_asked_for() {
        for position in [1, 2, 700, 1_024, 1_025, 1_500, 2_060] {
            let mut segments = Segments::starting_at(1);
            push(&mut segments, SEGMENT_EVENTS_MAX * 2 + 11);
            drop(segments.take_all_before(position));
            assert_eq!((segments.oldest(), segments.len()), (position, 2_060 - position), "{position}");
            assert_eq!(segments.bytes(), segments.len() * bytes_of(2, 6));
            assert_eq!(segments.get(position).map(|(envelope, link)| (envelope.position.0, link)), {
                (position < 2_060).then_some((position, position - 1))
            });
            assert!(segments.get(position - 1).is_none());
        }
    }
}
