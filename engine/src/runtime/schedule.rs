//! When a pipeline is due. Pure and clockless: a schedule is a function of its triggers, the moment of activation and a
//! moment, so there is nothing to lock, to store or to get stuck; after a crash it gives the same ticks again.
//!
//! Cron expressions are matched against the wall clock of their time zone; clock changes are handled here, on stretches of
//! constant offset (see `cron`).

mod cron;
mod error;
mod interval;
mod missed;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

use self::{cron::CronRule, interval::IntervalRule};
pub use self::{
    error::BadSchedule,
    missed::{CATCH_UP_MAX, Missed},
};
use crate::{
    event::pipeline::SkipReason,
    pipeline::definition::{CatchUp, Trigger},
};

/// The most ticks that [`Schedule::upcoming`] gives.
pub const UPCOMING_MAX: usize = 1_000;

/// A moment of the schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// The moment. For a time that a clock change left out: the moment of the change.
    pub at: Timestamp,
    /// Why no run is due then, although the triggers name the time: [`SkipReason::DstGap`]. `None`: a run is due.
    pub skipped: Option<SkipReason>,
}

impl Tick {
    fn due(at: Timestamp) -> Self {
        Self { at, skipped: None }
    }

    fn in_gap(at: Timestamp) -> Self {
        Self { at, skipped: Some(SkipReason::DstGap) }
    }
}

/// All triggers of a pipeline, checked.
#[derive(Debug, Clone, Default)]
pub struct Schedule {
    triggers: Vec<Checked>,
}

#[derive(Debug, Clone)]
struct Checked {
    rule: Rule,
    catch_up: Option<CatchUp>,
}

#[derive(Debug, Clone)]
enum Rule {
    Cron(Box<CronRule>),
    Interval(IntervalRule),
}

impl Rule {
    fn next_after(&self, after: Timestamp, anchor: Timestamp) -> Option<Tick> {
        match self {
            Self::Cron(rule) => rule.next_after(after),
            Self::Interval(rule) => rule.next_after(after, anchor),
        }
    }

    /// How many runs are due after one moment and not after another.
    fn count(&self, after: Timestamp, until: Timestamp, anchor: Timestamp) -> u64 {
        match self {
            Self::Cron(rule) => rule.count(after, until),
            Self::Interval(rule) => rule.count(after, until, anchor),
        }
    }
}

impl Schedule {
    /// Reads triggers; the first that cannot be read is the error.
    pub fn of(triggers: &[Trigger]) -> Result<Self, BadSchedule> {
        let triggers = triggers.iter().enumerate().map(|(at, trigger)| checked(at, trigger)).collect::<Result<_, _>>()?;
        Ok(Self { triggers })
    }

    /// Everything that is wrong with triggers; at most one thing for each.
    pub fn mistakes(triggers: &[Trigger]) -> Vec<BadSchedule> {
        triggers.iter().enumerate().filter_map(|(at, trigger)| checked(at, trigger).err()).collect()
    }

    /// Whether it has no triggers: only people start runs.
    pub fn is_manual(&self) -> bool {
        self.triggers.is_empty()
    }

    /// The next tick later than `after`, of all triggers. Intervals count from `anchor`, the moment of activation. Triggers
    /// that are due at the same moment give one tick; when only one of them is skipped, the run is due. `None`: never again.
    pub fn next_after(&self, after: Timestamp, anchor: Timestamp) -> Option<Tick> {
        let ticks = self.triggers.iter().filter_map(|trigger| trigger.rule.next_after(after, anchor));
        ticks.min_by_key(|tick| (tick.at, tick.skipped.is_some()))
    }

    /// The next moments after `now` at which runs are due, or, while it is not active, would be if it became so now.
    pub fn due(&self, now: Timestamp, active_since: Option<Timestamp>, count: usize) -> Vec<Timestamp> {
        // The activation itself is the first tick of an interval: one that is not active would be due at once.
        let (after, anchor) = match active_since {
            Some(anchor) => (now, anchor),
            None => (now.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(now), now),
        };
        self.upcoming(after, anchor, count).into_iter().filter(|tick| tick.skipped.is_none()).map(|tick| tick.at).collect()
    }

    /// The next `count` ticks (at most [`UPCOMING_MAX`]), skipped ones included.
    pub fn upcoming(&self, after: Timestamp, anchor: Timestamp, count: usize) -> Vec<Tick> {
        let next = |tick: &Tick| self.next_after(tick.at, anchor);
        std::iter::successors(self.next_after(after, anchor), next).take(count.min(UPCOMING_MAX)).collect()
    }
}

fn checked(at: usize, trigger: &Trigger) -> Result<Checked, BadSchedule> {
    match trigger {
        Trigger::Cron(cron) => Ok(Checked { rule: Rule::Cron(Box::new(CronRule::of(at, cron)?)), catch_up: cron.catch_up }),
        Trigger::Interval(interval) => {
            Ok(Checked { rule: Rule::Interval(IntervalRule::of(at, interval)?), catch_up: interval.catch_up })
        }
    }
}
