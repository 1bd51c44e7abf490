//! Which missed ticks are made good after a stop, and how many are not.

use jiff::Timestamp;

use super::{Checked, Rule, Schedule};

/// The most runs of one trigger that are made good at once, whatever its `catch_up.max` says.
pub const CATCH_UP_MAX: u32 = 1_000;

const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

/// What to do about the ticks of a time in which nobody looked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missed {
    /// Runs to start now, the oldest tick first.
    pub run: Vec<Timestamp>,
    /// How many other ticks there were; ticks of several triggers count each. Times that a clock change left out do not
    /// count: no run was due.
    pub skipped: u64,
    /// The newest of those.
    pub last_skipped: Option<Timestamp>,
}

impl Schedule {
    /// Decides on all ticks after `last` (the last tick that was handled, or the activation) up to and with `now`, by each
    /// trigger's own catch-up rule. The time it takes grows with the days in between, not with the ticks.
    pub fn missed(&self, last: Timestamp, now: Timestamp, anchor: Timestamp) -> Missed {
        let mut missed = Missed::default();
        for trigger in &self.triggers {
            let own = trigger.missed(last, now, anchor);
            missed.run.extend(own.run);
            missed.skipped += own.skipped;
            missed.last_skipped = missed.last_skipped.max(own.last_skipped);
        }
        missed.run.sort_unstable();
        missed.run.dedup();
        missed
    }
}

impl Checked {
    fn missed(&self, last: Timestamp, now: Timestamp, anchor: Timestamp) -> Missed {
        let run = self.catch_up.map_or_else(Vec::new, |catch_up| {
            let oldest = before(now, catch_up.window.0).max(last);
            newest(&self.rule, oldest, now, anchor, catch_up.max.min(CATCH_UP_MAX))
        });
        let skipped = self.rule.count(last, now, anchor).saturating_sub(run.len() as u64);
        let until = run.first().map_or(now, |first| before(*first, std::time::Duration::from_nanos(1)));
        let last_skipped = newest(&self.rule, last, until, anchor, 1).pop();
        Missed { run, skipped, last_skipped }
    }
}

/// The newest ticks after one moment and not after another, the oldest of them first.
///
/// Looks back from the end, each time twice as far, until there are enough, and then halves the way back to exactly so many.
fn newest(rule: &Rule, after: Timestamp, until: Timestamp, anchor: Timestamp, max: u32) -> Vec<Timestamp> {
    let enough = |start: Timestamp| rule.count(start, until, anchor) >= u64::from(max);
    if max == 0 || after >= until {
        return Vec::new();
    }
    let mut span = MINUTE;
    let mut start = before(until, span).max(after);
    while start > after && !enough(start) {
        span *= 2;
        start = before(until, span).max(after);
    }
    if enough(start) {
        start = last_where(start, until, enough);
    }
    let mut ticks = due(rule, start, until, anchor);
    ticks.drain(..ticks.len().saturating_sub(max as usize));
    ticks
}

/// The last whole second between two moments at which something holds that holds at the first and ends to hold once.
fn last_where(first: Timestamp, end: Timestamp, holds: impl Fn(Timestamp) -> bool) -> Timestamp {
    let (mut good, mut bad) = (first, end);
    while bad.as_second() - good.as_second() > 1 {
        let half = i64::midpoint(good.as_second(), bad.as_second());
        let middle = Timestamp::from_second(half).expect("it lies between two moments");
        if holds(middle) { good = middle } else { bad = middle }
    }
    good
}

fn due(rule: &Rule, after: Timestamp, until: Timestamp, anchor: Timestamp) -> Vec<Timestamp> {
    let ticks = std::iter::successors(rule.next_after(after, anchor), |tick| rule.next_after(tick.at, anchor));
    ticks.take_while(|tick| tick.at <= until).filter(|tick| tick.skipped.is_none()).map(|tick| tick.at).collect()
}

fn before(at: Timestamp, length: std::time::Duration) -> Timestamp {
    let back = jiff::SignedDuration::try_from(length).unwrap_or(jiff::SignedDuration::MAX);
    at.checked_sub(back).unwrap_or(Timestamp::MIN)
}
