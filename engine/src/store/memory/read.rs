//! Reading: the lock is held to find a segment, never to look through it.

use crate::{
    event::Envelope,
    id::{Position, StreamName, Version},
    port::store::{Events, Filter, Page, READ_EVENTS_MAX, ReadError, Store},
};

use super::{
    MemoryLog,
    segments::{Found, Part, Segments},
};

/// Links that are followed before others get the lock.
const HOPS_MAX: usize = 256;

impl MemoryLog {
    pub(super) fn read_now(&self, after: Position, filter: &Filter, max: usize) -> Result<Page, ReadError> {
        let (max, head) = (max.min(READ_EVENTS_MAX), self.head());
        let mut page = self.read_some_now(after, filter, max)?;
        if page.events.len() >= max || page.seen >= head {
            return Ok(page);
        }
        let mut events = Vec::from(page.events);
        while events.len() < max && page.seen < head {
            // What retention drops in the meantime is for the next read to tell.
            let Ok(more) = self.read_some_now(page.seen, filter, max - events.len()) else { break };
            page.seen = more.seen;
            events.extend_from_slice(&more.events);
        }
        Ok(Page { events: events.into(), seen: page.seen })
    }

    /// What one segment holds of it.
    pub(super) fn read_some_now(&self, after: Position, filter: &Filter, max: usize) -> Result<Page, ReadError> {
        let mut kept = self.kept();
        let next = after.0.saturating_add(1);
        if next >= kept.segments.next() || max == 0 {
            return Ok(Page { events: Events::default(), seen: after });
        }
        let Some(part) = kept.segments.from(next) else { return Err(truncated(&kept.segments)) };
        drop(kept);
        Ok(forward(part, filter, max.min(READ_EVENTS_MAX)))
    }

    pub(super) fn read_back_now(&self, before: Position, filter: &Filter, max: usize) -> Result<Page, ReadError> {
        let max = max.min(READ_EVENTS_MAX);
        let start = before.0.min(self.head().0 + 1);
        let (mut seen, mut backward) = (start, Vec::new());
        while backward.len() < max && seen > 1 {
            match self.part_before(seen) {
                Ok(part) => seen = back(&part, filter, max, &mut backward),
                Err(error) if seen == start => return Err(error),
                Err(_) => break,
            }
        }
        backward.reverse();
        Ok(Page { events: backward.into(), seen: Position(seen) })
    }

    pub(super) fn read_stream_now(&self, stream: &StreamName, after: Version, max: usize) -> Result<Vec<Envelope>, ReadError> {
        let Some(mut walk) = self.walk(stream, after, max.min(READ_EVENTS_MAX)) else { return Ok(Vec::new()) };
        while walk.version > after.0 {
            let kept = self.kept();
            if !walk.back(&kept.segments) {
                return Err(truncated(&kept.segments));
            }
        }
        walk.found.reverse();
        Ok(walk.found)
    }

    fn part_before(&self, position: u64) -> Result<Part, ReadError> {
        let mut kept = self.kept();
        kept.segments.up_to(position - 1).ok_or_else(|| truncated(&kept.segments))
    }

    /// `None` when there is nothing to find.
    fn walk(&self, stream: &StreamName, after: Version, max: usize) -> Option<Walk> {
        let kept = self.kept();
        let place = kept.heads.find(stream)?;
        let last = kept.heads.version_at(Some(place));
        if last <= after || max == 0 {
            return None;
        }
        let newest = after.0.saturating_add(max as u64).min(last.0);
        let (version, position) = kept.heads.near(place, newest);
        Some(Walk { version, position, newest, after: after.0, found: Vec::new() })
    }
}

/// From a place in a stream back to the first event that is wanted.
struct Walk {
    version: u64,
    position: u64,
    newest: u64,
    after: u64,
    found: Vec<Envelope>,
}

impl Walk {
    /// A stretch of the way; whether what it came to is kept.
    fn back(&mut self, segments: &Segments) -> bool {
        for _ in 0..HOPS_MAX {
            if self.version <= self.after {
                return true;
            }
            match segments.get(self.position) {
                Some(Found::Event(envelope, link)) => {
                    let version = envelope.version.0;
                    self.found.extend((self.after < version && version <= self.newest).then(|| envelope.clone()));
                    (self.version, self.position) = (version - 1, link);
                }
                Some(Found::Gone(link)) => (self.version, self.position) = (self.version.saturating_sub(1), link),
                None => return false,
            }
            // Before the first event there is nothing, even when it was let go.
            if self.position == 0 {
                self.version = 0;
            }
        }
        true
    }
}

fn truncated(segments: &Segments) -> ReadError {
    ReadError::Truncated { oldest: Position(segments.oldest()) }
}

/// Shares the segment when all of it passes, which is the case that must be fast; copies what passes otherwise.
fn forward(part: Part, filter: &Filter, max: usize) -> Page {
    let Part { events, range, end: part_end, .. } = part;
    let passes_all = filter.stream_prefix.is_none() && filter.types.is_empty();
    let (mut found, mut end) = (Vec::new(), range.start);
    if passes_all {
        end = range.end.min(range.start.saturating_add(max));
    } else {
        while end < range.end && found.len() < max {
            found.extend(filter.passes(&events[end]).then(|| events[end].clone()));
            end += 1;
        }
    }
    let seen = if end == range.end { Position(part_end - 1) } else { events[end - 1].position };
    let events = if passes_all { Events::shared(events, range.start..end) } else { found.into() };
    Page { events, seen }
}

/// Gathers what passes, the newest first, and answers with the position it got to.
fn back(part: &Part, filter: &Filter, max: usize, found: &mut Vec<Envelope>) -> u64 {
    for envelope in part.events[part.range.clone()].iter().rev() {
        found.extend(filter.passes(envelope).then(|| envelope.clone()));
        if found.len() >= max {
            return envelope.position.0;
        }
    }
    part.first
}
