//! What is kept: the events, where streams stand, and their snapshots. Whoever holds it looks at or changes all of it at
//! once; the memory log keeps it under one lock, the journal also builds it anew from its files.

use std::{collections::HashMap, hash::BuildHasher};

use foldhash::fast::RandomState;

use crate::{
    event::{Envelope, NewEvent},
    id::{Position, StreamName, Version},
    port::store::{AppendError, Expected, Snapshot, StreamAppend},
    turn::Turn,
};

use super::{
    Limits,
    draft::{Draft, Outset},
    fit::{Weight, unfit},
    heads::{Head, Heads, Place},
    segments::{Segment, Segments, bytes_of},
};

/// In the order in which it is written, and what every append writes first: it stands in the same lines of the processor's
/// cache as the lock before it, and there are few of them to go from core to core.
#[repr(C)]
pub(in crate::store) struct Kept {
    pub(super) segments: Segments,
    pub(super) heads: Heads,
    snapshots: HashMap<StreamName, Snapshot>,
    snapshot_bytes: u64,
}

/// An append to one stream.
pub(super) struct One {
    hash: u64,
    /// `None` once it is taken.
    stream: Option<StreamName>,
    expected: Expected,
    events: Vec<NewEvent>,
}

impl One {
    /// With the hasher of the heads it is for.
    pub(super) fn new(append: StreamAppend, hasher: &RandomState) -> Self {
        let StreamAppend { stream, expected, events } = append;
        Self { hash: hasher.hash_one(&stream), stream: Some(stream), expected, events }
    }
}

/// What was taken out. Freeing it takes longer than taking it out did: to be dropped where nobody waits.
pub(in crate::store) struct Dropped {
    segments: Vec<Segment>,
    heads: Vec<Head>,
    snapshots: Vec<Snapshot>,
}

impl Dropped {
    /// Frees it a piece at a time and lets others run in between.
    pub(super) async fn free(self) {
        let Self { segments, heads, snapshots } = self;
        let mut turn = Turn::begin();
        for segment in segments {
            drop(segment);
            turn.pass().await;
        }
        drop((heads, snapshots));
    }
}

/// Where a stream stands.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) struct Stream {
    pub(in crate::store) name: StreamName,
    pub(in crate::store) version: Version,
    /// Its last event.
    pub(in crate::store) last: Position,
    /// It goes with its last event.
    pub(in crate::store) forget: bool,
}

impl Kept {
    /// Nothing, before an event of this position.
    pub(in crate::store) fn starting_at(next: u64) -> Self {
        Self { segments: Segments::starting_at(next), heads: Heads::default(), snapshots: HashMap::new(), snapshot_bytes: 0 }
    }

    /// The position that the next event gets.
    pub(in crate::store) fn next(&self) -> u64 {
        self.segments.next()
    }

    /// Events.
    pub(in crate::store) fn len(&self) -> u64 {
        self.segments.len()
    }

    pub(in crate::store) fn oldest(&self) -> u64 {
        self.segments.oldest()
    }

    pub(in crate::store) fn version(&self, stream: &StreamName) -> Version {
        self.heads.version(stream)
    }

    pub(in crate::store) fn snapshot(&self, stream: &StreamName) -> Option<&Snapshot> {
        self.snapshots.get(stream)
    }

    pub(in crate::store) fn streams(&self) -> impl Iterator<Item = Stream> {
        self.heads.iter()
    }

    pub(in crate::store) fn snapshots(&self) -> impl Iterator<Item = (&StreamName, &Snapshot)> {
        self.snapshots.iter()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.segments.bytes() + self.snapshot_bytes
    }

    pub(super) fn is_over(&self, limits: Limits) -> bool {
        let streams = self.heads.len() as u64;
        self.segments.len().max(streams) > limits.events_max || self.bytes() > limits.bytes_max
    }

    pub(in crate::store) fn admit(&self, more: Weight, limits: Limits) -> Result<(), AppendError> {
        let (events, bytes) = (self.segments.len().max(self.heads.len() as u64) + more.events, self.bytes() + more.bytes);
        if events <= limits.events_max.saturating_mul(2) && bytes <= limits.bytes_max.saturating_mul(2) {
            return Ok(());
        }
        let Limits { events_max, bytes_max } = limits;
        let reason = format!(
            "with this it would hold {events} events or streams and {bytes} bytes in memory, more than twice its limits of \
             {events_max} and {bytes_max}; raise the limits, or let retention drop old events"
        );
        Err(AppendError::Unavailable { reason, source: None })
    }

    /// Whether a snapshot fits a stream that is at a version. A full log still takes snapshots: without them nothing can be
    /// dropped.
    pub(in crate::store) fn admit_snapshot(
        &self,
        stream: &StreamName,
        snapshot: &Snapshot,
        at: Version,
        limits: Limits,
    ) -> Result<(), AppendError> {
        if at == Version(0) {
            return Err(unfit(format!("a snapshot of stream `{stream}`, which does not exist")));
        }
        let Snapshot { version, data, .. } = snapshot;
        if *version > at {
            return Err(unfit(format!("a snapshot of stream `{stream}` as of version {version}, but it is at {at}")));
        }
        let (held, bytes, bytes_max) = (self.snapshot_bytes, data.len() as u64, limits.bytes_max.saturating_mul(2));
        if held + bytes <= bytes_max {
            return Ok(());
        }
        let reason = format!("snapshots take {held} bytes of memory and this one {bytes}, of {bytes_max}; raise the limit");
        Err(AppendError::Unavailable { reason, source: None })
    }

    /// One stream, which is nearly every append. What it does not take is left where it is, to be freed after the lock.
    pub(super) fn commit_one(&mut self, one: &mut One) -> Result<(), AppendError> {
        let name = one.stream.as_ref().expect("it is taken once");
        let place = self.heads.find_hashed(one.hash, name);
        let actual = self.heads.version_at(place);
        if !is_met(one.expected, actual) {
            return Err(AppendError::Conflict { stream: name.clone(), actual });
        }
        let place = self.heads.of_writer(place, name);
        if one.events.len() > 1 {
            let earlier = one.events.len() - 1;
            one.events.drain(..earlier).for_each(|event| self.push_event(place, event));
        }
        let Some(last) = one.events.last() else { return Ok(()) };
        let (position, bytes) = (self.segments.next(), bytes_of(last.data.len(), last.kind.as_str().len()));
        let (head, version, link) = self.heads.push(place, position);
        self.segments.push_with(position, bytes, link, || Envelope {
            position: Position(position),
            // Where the writer names the stream by the text that is kept, that one is shared once more and once less: neither is
            // done.
            stream: one.stream.take_if(|name| head.shares(name)).unwrap_or_else(|| head.name()),
            version,
            event: one.events.pop().expect("it was looked at"),
        });
        Ok(())
    }

    /// All checks, then all events.
    pub(in crate::store) fn commit(&mut self, batch: &mut [StreamAppend]) -> Result<(), AppendError> {
        batch.iter().try_for_each(|append| self.expect(append).map(drop))?;
        for append in batch {
            let place = self.heads.find(&append.stream);
            self.push(place, append);
        }
        Ok(())
    }

    /// Where an append to a stream would go on.
    pub(in crate::store) fn outset(&self, stream: &StreamName) -> Outset {
        let (stream, version, last) = self.heads.stand(stream);
        Outset { stream, next: self.next(), version, last }
    }

    /// Takes in what was made as of now.
    pub(in crate::store) fn commit_draft(&mut self, draft: Draft) {
        let Draft { stream, segments } = draft;
        let place = self.heads.find(&stream);
        let place = self.heads.of_writer(place, &stream);
        for position in segments.iter().flat_map(Segment::positions) {
            self.heads.push(place, position);
        }
        self.segments.adopt(segments);
    }

    fn expect(&self, append: &StreamAppend) -> Result<Option<Place>, AppendError> {
        let place = self.heads.find(&append.stream);
        let actual = self.heads.version_at(place);
        if is_met(append.expected, actual) { Ok(place) } else { Err(conflict(append, actual)) }
    }

    /// Takes the events out of the append, but leaves its memory to be freed after the lock.
    fn push(&mut self, place: Option<Place>, append: &mut StreamAppend) {
        let place = self.heads.of_writer(place, &append.stream);
        append.events.drain(..).for_each(|event| self.push_event(place, event));
    }

    fn push_event(&mut self, place: Place, event: NewEvent) {
        let position = self.segments.next();
        let (head, version, link) = self.heads.push(place, position);
        self.segments.push(Envelope { position: Position(position), stream: head.name(), version, event }, link);
    }

    pub(in crate::store) fn put(&mut self, stream: &StreamName, snapshot: Snapshot) {
        let older = self.snapshots.get(stream).map(|kept| (kept.version, kept.data.len() as u64));
        if older.is_some_and(|(version, _)| version > snapshot.version) {
            return;
        }
        self.snapshot_bytes -= older.map_or(0, |(_, bytes)| bytes);
        self.snapshot_bytes += snapshot.data.len() as u64;
        self.snapshots.insert(stream.clone(), snapshot);
    }

    /// Everything before a position, not less: what is left is the same however often it was read in between. What it takes
    /// out is to be freed after the lock.
    pub(in crate::store) fn truncate_exactly(&mut self, before: u64, forget: &[StreamName]) -> Dropped {
        self.heads.forget_with_last_event(forget);
        let segments = self.segments.take_all_before(before);
        let heads = self.heads.trim(before);
        let snapshots = if self.snapshots.is_empty() { Vec::new() } else { self.take_snapshots(&heads) };
        Dropped { segments, heads, snapshots }
    }

    fn take_snapshots(&mut self, heads: &[Head]) -> Vec<Snapshot> {
        let taken: Vec<Snapshot> = heads.iter().filter_map(|head| self.snapshots.remove(&head.name())).collect();
        self.snapshot_bytes -= taken.iter().map(|snapshot| snapshot.data.len() as u64).sum::<u64>();
        taken
    }

    /// Puts an event back that was here before; its position must be the next one, or a later one where those between are
    /// missing. Whether its stream can be there.
    pub(in crate::store) fn replay(&mut self, mut envelope: Envelope) -> bool {
        let place = self.heads.find(&envelope.stream);
        let place = self.heads.of_writer(place, &envelope.stream);
        if !self.heads.skip_before(place, envelope.version) {
            return false;
        }
        let (head, _, link) = self.heads.push(place, envelope.position.0);
        envelope.stream = head.name();
        self.segments.push(envelope, link);
        true
    }

    /// Positions before one that have no event will have none.
    pub(in crate::store) fn leave_out_until(&mut self, next: u64) {
        self.segments.leave_out_until(next);
    }

    /// Takes in that events of a stream were let go, from a version to another. Whether they come next.
    pub(in crate::store) fn let_go(&mut self, stream: &StreamName, first: Version, last: Version) -> bool {
        let place = self.heads.find(stream);
        let place = self.heads.of_writer(place, stream);
        self.heads.let_go(place, first, last)
    }

    /// Puts a stream back whose events are no longer kept.
    pub(in crate::store) fn restore(&mut self, stream: &Stream) {
        self.heads.restore(stream);
    }

    /// Forgets the events, not where the streams stand, and goes on at a position.
    pub(in crate::store) fn skip_to(&mut self, next: u64) {
        self.segments = Segments::starting_at(next);
    }
}

/// Whether a writer's belief about a stream holds.
pub(in crate::store) fn is_met(expected: Expected, actual: Version) -> bool {
    match expected {
        Expected::Any => true,
        Expected::NoStream => actual == Version(0),
        Expected::Exact(version) => actual == version,
    }
}

fn conflict(append: &StreamAppend, actual: Version) -> AppendError {
    AppendError::Conflict { stream: append.stream.clone(), actual }
}
