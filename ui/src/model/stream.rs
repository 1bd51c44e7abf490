//! The event pane: which of the newest events are shown, and whether the view follows them.

use std::collections::{BTreeSet, VecDeque};

use flexcore_engine::{
    id::{CorrelationId, Position},
    port::clock::between,
    projection::describe::Severity,
    unit::Duration,
};
use jiff::Timestamp;

use super::{
    events::{EventLine, EventRing, make_room},
    filter::{RowFilter, Sieve},
};
use crate::{keymap::Action, link::Predicate, widget::Window};

/// How times are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeFormat {
    /// The time of day in UTC.
    #[default]
    Utc,
    /// The time of day where the console runs.
    Local,
    /// How long ago.
    Ago,
}

/// The event pane.
#[derive(Clone)]
pub struct Stream {
    /// Positions of what is shown, oldest first; never more than the ring holds.
    pub shown: VecDeque<Position>,
    /// Which part is seen.
    pub window: Window,
    /// Whether the newest is always in view.
    pub following: bool,
    /// Events that came and pass, since following stopped.
    pub new: u64,
    /// What is filtered.
    pub filter: RowFilter,
    /// The compiled jq predicate of the filter.
    pub predicate: Option<Predicate>,
    /// Types that are left out.
    pub excluded: BTreeSet<String>,
    /// Only what belongs to this.
    pub correlation: Option<CorrelationId>,
    /// Marked lines.
    pub marks: BTreeSet<Position>,
    /// How times are shown.
    pub times: TimeFormat,
    /// Whether events a minute are drawn above.
    pub histogram: bool,
    /// Events in the ring that do not pass.
    pub hidden: usize,
    range: Option<Duration>,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            shown: VecDeque::new(),
            window: Window::default(),
            following: true,
            new: 0,
            filter: RowFilter::default(),
            predicate: None,
            excluded: BTreeSet::new(),
            correlation: None,
            marks: BTreeSet::new(),
            times: TimeFormat::default(),
            histogram: false,
            hidden: 0,
            range: None,
        }
    }
}

impl Stream {
    /// How far back it looks; `None`: as far as the ring goes.
    pub fn range(&self) -> Option<Duration> {
        self.range
    }

    /// Looks so far back, and no further; the ring is to be looked at again.
    pub fn look_back(&mut self, range: Option<Duration>) {
        self.range = range;
    }

    /// Whether anything but the ring's end limits what is shown.
    pub fn is_limited(&self) -> bool {
        !self.filter.is_none() || !self.excluded.is_empty() || self.correlation.is_some() || self.range.is_some()
    }

    /// The event under the cursor.
    pub fn selected(&self) -> Option<Position> {
        self.window.selected(self.shown.len()).and_then(|at| self.shown.get(at)).copied()
    }

    fn passes(&self, line: &EventLine, sieve: &mut Sieve<'_>, now: Timestamp) -> bool {
        let event = &line.envelope.event;
        if self.excluded.contains(event.kind.as_str()) || self.correlation.is_some_and(|wanted| wanted != event.correlation) {
            return false;
        }
        if self.range.is_some_and(|range| between(event.at, now) > range.0) {
            return false;
        }
        if self.filter.jq().is_some() {
            return self.predicate.as_ref().is_none_or(|predicate| predicate(&line.envelope) != self.filter.is_inverse());
        }
        sieve.passes_made(|| format!("{} {} {}", event.kind, line.description.subject, line.description.text))
    }

    /// Looks at the whole ring again: the filter changed.
    pub fn refill(&mut self, ring: &EventRing, now: Timestamp) {
        let at = self.selected();
        let filter = self.filter.clone();
        let mut sieve = filter.sieve();
        self.shown = ring.iter().filter(|line| self.passes(line, &mut sieve, now)).map(|line| line.envelope.position).collect();
        self.hidden = ring.len() - self.shown.len();
        match at {
            Some(position) if !self.following => self.window.select(self.shown.partition_point(|known| *known < position)),
            _ => self.window.bottom(self.shown.len()),
        }
    }

    /// Takes in what came: the ring's events after what was seen before.
    pub fn extend(&mut self, ring: &EventRing, after: Position, now: Timestamp) {
        let filter = self.filter.clone();
        let mut sieve = filter.sieve();
        let fresh: Vec<_> = ring.iter().rev().take_while(|line| line.envelope.position > after).collect();
        for line in fresh.into_iter().rev() {
            if self.passes(line, &mut sieve, now) {
                make_room(&mut self.shown);
                self.shown.push_back(line.envelope.position);
                self.new += u64::from(!self.following);
            }
        }
        self.forget_gone(ring);
        self.hidden = ring.len().saturating_sub(self.shown.len());
        if self.following {
            self.window.bottom(self.shown.len());
        }
    }

    /// What the ring dropped goes here too; the cursor stays on its event.
    fn forget_gone(&mut self, ring: &EventRing) {
        let oldest = ring.iter().next().map(|line| line.envelope.position);
        let selected = self.window.selected(self.shown.len()).unwrap_or(0);
        let gone = self.shown.iter().take_while(|position| oldest.is_none_or(|oldest| **position < oldest)).count();
        self.shown.drain(..gone);
        self.window.select(selected.saturating_sub(gone));
    }

    /// Follows, or stops.
    pub fn follow(&mut self, following: bool) {
        self.following = following;
        if following {
            self.new = 0;
            self.window.bottom(self.shown.len());
        }
    }

    /// Moves the cursor. Moving up stops following; reaching the end by `G` follows again.
    pub fn act(&mut self, action: Action) -> bool {
        let len = self.shown.len();
        match action {
            Action::Up => self.window.step(-1, len),
            Action::Down => self.window.step(1, len),
            Action::Top => self.window.top(),
            Action::HalfUp => self.window.page(-1, true, len),
            Action::HalfDown => self.window.page(1, true, len),
            Action::PageUp => self.window.page(-1, false, len),
            Action::PageDown => self.window.page(1, false, len),
            Action::Bottom => {
                self.follow(true);
                return true;
            }
            _ => return false,
        }
        let goes_up = matches!(action, Action::Up | Action::Top | Action::HalfUp | Action::PageUp);
        if goes_up && len > 0 {
            self.following = false;
        }
        true
    }

    /// Puts the cursor on an event that is shown, and stops following.
    pub fn select(&mut self, position: Position) {
        self.following = false;
        self.window.select(self.shown.partition_point(|known| *known < position));
    }

    /// The next failure after the cursor, or the one before it.
    pub fn failure(&self, ring: &EventRing, forward: bool) -> Option<Position> {
        let at = self.window.selected(self.shown.len())?;
        let fails = |position: &&Position| ring.get(**position).is_some_and(|line| line.description.severity == Severity::Error);
        if forward {
            self.shown.iter().skip(at + 1).find(fails).copied()
        } else {
            self.shown.iter().take(at).rfind(fails).copied()
        }
    }

    /// Shows times another way.
    pub fn next_times(&mut self) {
        self.times = match self.times {
            TimeFormat::Utc => TimeFormat::Local,
            TimeFormat::Local => TimeFormat::Ago,
            TimeFormat::Ago => TimeFormat::Utc,
        };
    }

    /// Clears one thing that limits what is shown, the narrowest first. `false`: nothing did.
    pub fn clear(&mut self) -> bool {
        if self.correlation.take().is_some() {
            return true;
        }
        if !self.filter.is_none() {
            (self.filter, self.predicate) = (RowFilter::default(), None);
            return true;
        }
        let limited = !self.excluded.is_empty() || self.range.is_some() || !self.marks.is_empty();
        self.excluded.clear();
        self.marks.clear();
        self.range = None;
        limited
    }
}
