//! The newest events, bounded twice: by number and by bytes. Each is described once, when it comes.

use std::{collections::VecDeque, sync::Arc};

use flexcore_engine::{
    event::Envelope,
    id::Position,
    projection::describe::{Description, describe},
};

/// The most events kept.
pub const EVENTS_MAX: usize = 10_000;
/// The most bytes of event data kept; the oldest go first.
pub const EVENT_BYTES_MAX: usize = 16 << 20;

/// An event with its description.
#[derive(Debug, Clone)]
pub struct EventLine {
    /// The event.
    pub envelope: Envelope,
    /// In one line.
    pub description: Description,
}

impl EventLine {
    fn bytes(&self) -> usize {
        self.envelope.event.data.len() + self.description.text.len() + 256
    }
}

/// Room for one more, which does not grow beyond what is ever needed: of a queue that doubles, a third would stay empty.
pub(super) fn make_room<T>(queue: &mut VecDeque<T>) {
    if queue.len() == queue.capacity() {
        let most = (queue.len() * 2).clamp(64, (EVENTS_MAX + 1).max(queue.len() + 1));
        queue.reserve_exact(most - queue.len());
    }
}

/// The newest events, by position.
#[derive(Debug, Clone, Default)]
pub struct EventRing {
    lines: VecDeque<Arc<EventLine>>,
    bytes: usize,
}

impl EventRing {
    /// Adds an event that is newer than all here; others are ignored.
    pub fn push(&mut self, envelope: Envelope) -> bool {
        let description = describe(&envelope);
        self.push_line(EventLine { envelope, description })
    }

    /// Adds an event that was described before, if it is newer than all here.
    pub fn push_line(&mut self, line: impl Into<Arc<EventLine>>) -> bool {
        let line = line.into();
        if self.newest().is_some_and(|newest| line.envelope.position <= newest) {
            return false;
        }
        self.bytes += line.bytes();
        make_room(&mut self.lines);
        self.lines.push_back(line);
        while self.lines.len() > EVENTS_MAX || (self.bytes > EVENT_BYTES_MAX && self.lines.len() > 1) {
            self.bytes -= self.lines.pop_front().map_or(0, |line| line.bytes());
        }
        true
    }

    /// Forgets what came after a position: the past before it is shown.
    pub fn forget_after(&mut self, position: Position) {
        while self.newest().is_some_and(|newest| newest > position) {
            self.bytes -= self.lines.pop_back().map_or(0, |line| line.bytes());
        }
    }

    /// What came after a position, oldest first; `None`: what came right after it is not here any more.
    pub fn after(&self, position: Position) -> Option<impl Iterator<Item = &EventLine>> {
        let reaches = self.lines.front().is_some_and(|line| line.envelope.position <= position.next());
        let at = self.lines.partition_point(|line| line.envelope.position <= position);
        reaches.then(|| self.lines.iter().skip(at).map(|line| &**line))
    }

    /// The newest position here.
    pub fn newest(&self) -> Option<Position> {
        self.lines.back().map(|line| line.envelope.position)
    }

    /// How many are here.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether none is here.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &EventLine> + ExactSizeIterator {
        self.lines.iter().map(|line| &**line)
    }

    /// The event at a position, if it is still here.
    pub fn get(&self, position: Position) -> Option<&EventLine> {
        let at = self.lines.partition_point(|line| line.envelope.position < position);
        self.lines.get(at).map(|line| &**line).filter(|line| line.envelope.position == position)
    }

    /// Forgets everything: another log.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
