//! The events themselves, in the order of their positions: sealed segments that readers share, and one that still grows.
//!
//! A reader that comes to the growing one seals it, whatever its size: nothing is copied for readers, and however many
//! there are, the writer pays once. Segments that were sealed small are joined later, so each event moves at most once more.
//!
//! Positions may be missing: retention lets single events go. A segment then still stands for all of its positions, and
//! remembers of an event that is gone where its stream goes on.

use std::{
    iter,
    mem::{self, MaybeUninit},
    ops::Range,
    sync::Arc,
};

use crate::event::Envelope;

/// Events of the growing segment, after which it is sealed.
pub(super) const SEGMENT_EVENTS_MAX: usize = 1_024;
/// A segment sealed with fewer is joined with its neighbours once they add up to [`SEGMENT_EVENTS_MAX`].
pub(super) const SMALL: usize = 256;
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

/// In the order in which it is written, as [`Kept`](super::Kept) is.
#[repr(C)]
pub(super) struct Segments {
    growing: Growing,
    spare: Spare,
    sealed: Vec<Segment>,
    /// From here on, sealed segments are small.
    small_from: usize,
    /// Events and bytes of those that are sealed.
    events: u64,
    bytes: u64,
}

/// What stands at a position.
pub(super) enum Found<'s> {
    /// An event, and the position of the one before it in its stream.
    Event(&'s Envelope, u64),
    /// An event that was let go; the same position.
    Gone(u64),
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
    /// After its last position.
    end: u64,
    events: Arc<Vec<Envelope>>,
    /// For each event the position of the one before it in its stream, 0 for none.
    links: Vec<u64>,
    /// Positions of events that were let go here, with their links.
    gone: Vec<(u64, u64)>,
    bytes: u64,
}

struct Growing {
    first: u64,
    next: u64,
    events: Vec<Envelope>,
    links: Vec<u64>,
    bytes: u64,
}

/// A sealed segment, and where in it to look. It stands for the positions from `first` to before `end`.
pub(super) struct Part {
    pub(super) events: Arc<Vec<Envelope>>,
    pub(super) range: Range<usize>,
    pub(super) first: u64,
    pub(super) end: u64,
}

/// The place of a position among events, or of the first after it.
fn place(events: &[Envelope], first: u64, end: u64, position: u64) -> Result<usize, usize> {
    if events.len() as u64 == end - first {
        return Ok((position - first) as usize);
    }
    events.binary_search_by_key(&position, |envelope| envelope.position.0)
}

impl Segments {
    pub(super) fn starting_at(next: u64) -> Self {
        let growing = Growing::at(next, Room::new());
        Self { sealed: Vec::new(), small_from: 0, growing, spare: Spare::None, events: 0, bytes: 0 }
    }

    /// The position that the next event gets.
    pub(super) fn next(&self) -> u64 {
        self.growing.next
    }

    /// Where what is kept begins; the next event's position if none is kept.
    pub(super) fn oldest(&self) -> u64 {
        self.sealed.first().map_or(self.growing.first, |segment| segment.first)
    }

    pub(super) fn len(&self) -> u64 {
        self.events + self.growing.events.len() as u64
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes + self.growing.bytes
    }

    /// Adds an event, whose position must be the next one, or a later one: those between are missing.
    pub(super) fn push(&mut self, envelope: Envelope, link: u64) {
        let (position, bytes) = (envelope.position.0, weight(&envelope));
        self.push_with(position, bytes, link, || envelope);
    }

    /// The same of one that is made where it stays: it is large to be moved about under the lock.
    #[inline]
    pub(super) fn push_with(&mut self, position: u64, bytes: u64, link: u64, make: impl FnOnce() -> Envelope) {
        self.growing.next = position + 1;
        self.growing.bytes += bytes;
        self.growing.events.extend(iter::once_with(make));
        self.growing.links.push(link);
        if self.growing.events.len() >= SEGMENT_EVENTS_MAX {
            self.seal();
        }
    }

    /// Adds segments, which go on at the next position and are not small.
    pub(super) fn adopt(&mut self, segments: Vec<Segment>) {
        self.seal();
        self.join_small();
        for mut segment in segments {
            // It stands for positions before it, too, if nothing else does.
            segment.first = self.growing.first;
            (self.growing.first, self.growing.next) = (segment.end, segment.end);
            self.events += segment.events.len() as u64;
            self.bytes += segment.bytes;
            self.sealed.push(segment);
        }
        self.small_from = self.sealed.len();
    }

    /// Positions before one that have no event yet will have none.
    pub(super) fn leave_out_until(&mut self, next: u64) {
        self.growing.next = self.growing.next.max(next);
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

    /// What is at a position. `None` when that is not kept.
    pub(super) fn get(&self, position: u64) -> Option<Found<'_>> {
        if position >= self.growing.first {
            let Growing { first, next, events, links, .. } = &self.growing;
            let at = if position < *next { place(events, *first, *next, position).ok()? } else { return None };
            return Some(Found::Event(&events[at], links[at]));
        }
        let segment = &self.sealed[self.index(position)?];
        if let Ok(at) = segment.place(position) {
            return Some(Found::Event(&segment.events[at], segment.links[at]));
        }
        let at = segment.gone.binary_search_by_key(&position, |(position, _)| *position).ok()?;
        Some(Found::Gone(segment.gone[at].1))
    }

    /// The rest of the segment that holds a position, from that position on. `None` when it is not kept.
    pub(super) fn from(&mut self, position: u64) -> Option<Part> {
        let segment = self.holding(position)?;
        let at = segment.place(position).unwrap_or_else(|after| after);
        Some(segment.part(at..segment.events.len()))
    }

    /// The segment that holds a position, up to and with that position. `None` when it is not kept.
    pub(super) fn up_to(&mut self, position: u64) -> Option<Part> {
        let segment = self.holding(position)?;
        let end = segment.place(position).map_or_else(|after| after, |at| at + 1);
        Some(segment.part(0..end))
    }

    /// Makes sure that what is before a position is sealed.
    pub(super) fn seal_before(&mut self, position: u64) {
        if self.growing.first < position {
            self.seal();
        }
    }

    /// The sealed segment that holds a position or is the first after it, if it begins before another one.
    pub(super) fn sealed_at(&self, position: u64, before: u64) -> Option<Part> {
        let at = self.sealed.partition_point(|segment| segment.end <= position);
        let segment = self.sealed.get(at).filter(|segment| segment.first < before)?;
        Some(segment.part(0..segment.events.len()))
    }

    /// Keeps only some of the events of a sealed segment; `left` are these, copied before. `None` when the segment has
    /// changed since; what it held otherwise, to be freed after the lock.
    pub(super) fn thin(&mut self, part: &Part, keep: &[bool], left: Vec<Envelope>) -> Option<Arc<Vec<Envelope>>> {
        let at = self.index(part.first)?;
        let segment = self.sealed.get_mut(at).filter(|segment| Arc::ptr_eq(&segment.events, &part.events))?;
        let mut links = Vec::with_capacity(left.len());
        for (at, link) in segment.links.iter().enumerate() {
            if keep[at] { links.push(*link) } else { segment.gone.push((segment.events[at].position.0, *link)) }
        }
        segment.gone.sort_unstable();
        let bytes: u64 = left.iter().map(weight).sum();
        self.events -= (segment.events.len() - left.len()) as u64;
        self.bytes = self.bytes + bytes + segment.gone_bytes() - segment.bytes;
        (segment.bytes, segment.links) = (bytes + segment.gone_bytes(), links);
        Some(mem::replace(&mut segment.events, Arc::new(left)))
    }

    /// Takes out whole segments that end before a position.
    pub(super) fn take_before(&mut self, position: u64) -> Vec<Segment> {
        if position >= self.next() {
            self.seal();
        }
        let count = self.sealed.partition_point(|segment| segment.end <= position);
        self.small_from = self.small_from.saturating_sub(count);
        let taken: Vec<_> = self.sealed.drain(..count).collect();
        self.bytes -= taken.iter().map(|segment| segment.bytes).sum::<u64>();
        self.events -= taken.iter().map(|segment| segment.events.len() as u64).sum::<u64>();
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
            self.events -= (first.events.len() - rest.events.len()) as u64;
            taken.push(mem::replace(first, rest));
        }
        taken
    }

    fn holding(&mut self, position: u64) -> Option<&Segment> {
        if position >= self.growing.first {
            self.seal();
        }
        Some(&self.sealed[self.index(position)?]).filter(|segment| position < segment.end)
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
            return self.extend_last();
        }
        let segment = self.growing.take(&mut self.spare);
        self.events += segment.events.len() as u64;
        self.bytes += segment.bytes;
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

    /// Nothing but missing positions: the last segment stands for them, too.
    fn extend_last(&mut self) {
        if let Some(last) = self.sealed.last_mut() {
            last.end = self.growing.next;
            self.growing.first = self.growing.next;
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
    /// Events without a gap, with their links.
    pub(super) fn of(first: u64, events: Vec<Envelope>, links: Vec<u64>) -> Self {
        let (end, bytes) = (first + events.len() as u64, events.iter().map(weight).sum());
        Self { first, end, events: Arc::new(events), links, gone: Vec::new(), bytes }
    }

    /// The positions that it stands for.
    pub(super) fn positions(&self) -> Range<u64> {
        self.first..self.end
    }

    fn place(&self, position: u64) -> Result<usize, usize> {
        place(&self.events, self.first, self.end, position)
    }

    fn part(&self, range: Range<usize>) -> Part {
        Part { events: self.events.clone(), range, first: self.first, end: self.end }
    }

    fn gone_bytes(&self) -> u64 {
        (self.gone.len() * size_of::<(u64, u64)>()) as u64
    }

    /// The events from a position inside of it on.
    fn from(&self, position: u64) -> Self {
        let at = self.place(position).unwrap_or_else(|after| after);
        let events = self.events[at..].to_vec();
        let gone = self.gone[self.gone.partition_point(|(gone, _)| *gone < position)..].to_vec();
        let bytes = events.iter().map(weight).sum();
        let links = self.links[at..].to_vec();
        let mut rest = Self { first: position, end: self.end, events: Arc::new(events), links, gone, bytes };
        rest.bytes += rest.gone_bytes();
        rest
    }

    /// Moves the events of the second behind those of the first; copies where a reader still holds either.
    fn join(self, other: Self) -> Self {
        let mut events = Arc::unwrap_or_clone(self.events);
        events.reserve(SEGMENT_EVENTS_MAX.saturating_sub(events.len()));
        match Arc::try_unwrap(other.events) {
            Ok(mut own) => events.append(&mut own),
            Err(shared) => events.extend_from_slice(&shared),
        }
        let (mut links, mut gone) = (self.links, self.gone);
        links.extend(other.links);
        gone.extend(other.gone);
        Self { first: self.first, end: other.end, events: Arc::new(events), links, gone, bytes: self.bytes + other.bytes }
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
        Self { first, next: first, events, links, bytes: 0 }
    }

    /// What has grown. A full one is handed over; a smaller one is moved to memory of its size, so that none is wasted.
    fn take(&mut self, spare: &mut Spare) -> Segment {
        let Self { first, next, .. } = *self;
        let sealed =
            |events, links, bytes| Segment { first, end: next, events: Arc::new(events), links, gone: Vec::new(), bytes };
        if self.events.len() == self.events.capacity() {
            let full = mem::replace(self, Self::at(next, spare.take().unwrap_or_else(Room::new)));
            return sealed(full.events, full.links, full.bytes);
        }
        self.first = next;
        let (events, links) = (self.events.drain(..).collect(), self.links.drain(..).collect());
        sealed(events, links, mem::take(&mut self.bytes))
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

    /// The position of the event at a position, and its link.
    fn at_position(segments: &Segments, position: u64) -> Option<(u64, u64)> {
        match segments.get(position)? {
            Found::Event(envelope, link) => Some((envelope.position.0, link)),
            Found::Gone(_) => None,
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
        assert!((1..segments.next()).all(|at| at_position(&segments, at) == Some((at, at - 1))));
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
            assert_eq!(at_position(&segments, position), (position < 2_060).then_some((position, position - 1)));
            assert!(segments.get(position - 1).is_none());
        }
    }

    /// Every third event is let go.
    fn thinned(count: usize) -> Segments {
        let mut segments = Segments::starting_at(1);
        push(&mut segments, count);
        segments.seal();
        let mut position = 1;
        while let Some(part) = segments.sealed_at(position, u64::MAX) {
            let keep: Vec<bool> = part.events.iter().map(|envelope| envelope.position.0 % 3 != 0).collect();
            let left = part.events.iter().filter(|envelope| envelope.position.0 % 3 != 0).cloned().collect();
            assert!(segments.thin(&part, &keep, left).is_some());
            position = part.end;
        }
        segments
    }

    #[test]
    fn an_event_that_is_let_go_leaves_a_gap_and_the_way_through_it() {
        let mut segments = thinned(3_000);
        assert_eq!((segments.len(), segments.oldest(), segments.next()), (2_000, 1, 3_001));
        assert_eq!((at_position(&segments, 1_500), at_position(&segments, 1_501)), (None, Some((1_501, 1_500))));
        assert!(matches!(segments.get(1_500), Some(Found::Gone(1_499))));
        let part = segments.from(1_500).unwrap();
        assert_eq!(part.events[part.range.start].position, Position(1_501));
        let part = segments.up_to(1_500).unwrap();
        assert_eq!(part.events[part.range.end - 1].position, Position(1_499));
        push(&mut segments, 1);
        assert_eq!(at_position(&segments, 3_001), Some((3_001, 3_000)));
        drop(segments.take_all_before(1_500));
        assert_eq!((segments.oldest(), segments.len()), (1_500, 1_001));
        let gone = 501 * size_of::<(u64, u64)>() as u64;
        assert_eq!(segments.bytes(), segments.len() * bytes_of(2, 6) + gone);
    }

    #[test]
    fn positions_may_be_left_out_from_the_beginning() {
        let mut segments = Segments::starting_at(1);
        for position in [2, 3, 7, 2_000, 2_001] {
            segments.push(envelope(position), 0);
        }
        segments.leave_out_until(3_000);
        assert_eq!((segments.next(), segments.len()), (3_000, 5));
        assert_eq!((at_position(&segments, 7), at_position(&segments, 8)), (Some((7, 0)), None));
        let part = segments.from(2_002).unwrap();
        assert_eq!((part.range.len(), part.end), (0, 3_000));
        push(&mut segments, 1);
        assert_eq!(at_position(&segments, 3_000), Some((3_000, 2_999)));
    }
}
