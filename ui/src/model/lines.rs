//! Lines of events that consoles in one process share: each event is described once, and kept once, for all of them.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use flexcore_engine::{event::Envelope, id::Position, projection::describe::Description};

use super::events::EventLine;

/// The most lines that are known; what was made before is not shared with consoles that come later.
const LINES_MAX: usize = 20_000;

/// Lines that somebody keeps, by position. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Known>>);

type Known = VecDeque<(Position, Weak<EventLine>)>;

impl Lines {
    /// The line of an event: the one that another console keeps, or one that is made now.
    pub fn line(&self, envelope: Envelope, describe: impl FnOnce(&Envelope) -> Description) -> Arc<EventLine> {
        if let Some(line) = self.known(&envelope) {
            return line;
        }
        let description = describe(&envelope);
        let line = Arc::new(EventLine { envelope, description });
        self.keep(&line);
        line
    }

    fn known(&self, envelope: &Envelope) -> Option<Arc<EventLine>> {
        let lines = self.all();
        let at = lines.binary_search_by_key(&envelope.position, |(position, _)| *position).ok()?;
        // A console elsewhere may see another log after a break.
        lines[at].1.upgrade().filter(|line| line.envelope.event.id == envelope.event.id)
    }

    fn keep(&self, line: &Arc<EventLine>) {
        let (position, weak) = (line.envelope.position, Arc::downgrade(line));
        let mut lines = self.all();
        match lines.binary_search_by_key(&position, |(known, _)| *known) {
            Ok(at) => lines[at].1 = weak,
            Err(at) => lines.insert(at, (position, weak)),
        }
        while lines.len() > LINES_MAX || lines.front().is_some_and(|(_, line)| line.strong_count() == 0) {
            lines.pop_front();
        }
    }

    fn all(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lines").field(&self.all().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use flexcore_engine::projection::describe::describe;

    use super::*;
    use crate::testing::facts::event;

    #[test]
    fn what_one_console_keeps_the_next_one_shares_and_what_none_keeps_is_forgotten() {
        let lines = Lines::default();
        let made = |position| lines.clone().line(event(position, "order.paid", "orders/7", "{}"), describe);
        let first = made(1);
        assert!(Arc::ptr_eq(&first, &made(1)));
        let second = made(2);
        drop(first);
        let again = lines.line(event(1, "order.paid", "orders/7", "{}"), describe);
        assert_eq!(again.envelope.position, Position(1));
        drop(again);
        let _third = made(3);
        assert_eq!(lines.all().len(), 2, "the first is nobody's");
        assert!(Arc::ptr_eq(&second, &made(2)));
    }

    #[test]
    fn an_event_of_another_log_has_a_line_of_its_own() {
        let lines = Lines::default();
        let ours = lines.line(event(1, "order.paid", "orders/7", "{}"), describe);
        let mut other = event(1, "order.lost", "orders/7", "{}");
        other.event.id = flexcore_engine::id::EventId::fresh();
        let theirs = lines.line(other, describe);
        assert_eq!((ours.envelope.event.kind.as_str(), theirs.envelope.event.kind.as_str()), ("order.paid", "order.lost"));
    }

    #[test]
    fn there_is_a_most() {
        let lines = Lines::default();
        let kept: Vec<_> = (0..LINES_MAX as u64 + 5).map(|at| lines.line(event(at, "a.b", "s", "{}"), describe)).collect();
        let known = lines.all();
        assert_eq!((known.len(), known[0].0, kept.len()), (LINES_MAX, Position(5), LINES_MAX + 5));
    }
}
