//! Ticks of a cron expression in a time zone, over clock changes.
//!
//! A time zone is a row of stretches, each with one offset from UTC. Within a stretch the wall clock runs evenly, so croner
//! searches plain civil times there. What the clock change between two stretches does to the expression is decided here:
//!
//! - **gap** (the clock jumps forward): times that the jump left out come as one tick at the moment of the jump, which is
//!   due (`shift`) or skipped (`skip`).
//! - **fold** (the clock goes back): times of the repeated hour come at the first of the two (`first`) or at both (`both`).
//! - An expression that ticks in every hour is a rhythm, not a time of day: both rules leave it alone. Every quarter of an
//!   hour stays every quarter of an hour, without a hole, and without a burst.

use croner::{
    Cron,
    parser::{CronParser, Year},
};
use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone},
};

use super::{BadSchedule, Tick};
use crate::pipeline::definition::{CronTrigger, DstFold, DstGap, DstRule};

mod count;
mod written;

/// A checked cron trigger.
#[derive(Debug, Clone)]
pub(super) struct CronRule {
    cron: Cron,
    zone: TimeZone,
    dst: DstRule,
    /// It ticks in every hour.
    rhythm: bool,
    /// No day of any year matches, like 31 February: searching for it again and again would be in vain.
    never: bool,
}

/// No later time matches.
struct Exhausted;

/// A time in which the offset from UTC does not change.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    start: Timestamp,
    /// Not part of it.
    end: Timestamp,
    offset: Offset,
    /// The offset before it.
    before: Offset,
}

impl Stretch {
    fn civil_start(&self) -> DateTime {
        self.offset.to_datetime(self.start)
    }

    /// What a clock of before would show at its start: later than the start in a fold, earlier in a gap.
    fn old_start(&self) -> DateTime {
        self.before.to_datetime(self.start)
    }

    fn is_last(&self) -> bool {
        self.end == Timestamp::MAX
    }
}

impl CronRule {
    pub(super) fn of(trigger: usize, written: &CronTrigger) -> Result<Self, BadSchedule> {
        let zone = written::zone(trigger, &written.timezone)?;
        let cron = written::check(trigger, &written.cron)?;
        let rhythm = cron.pattern.hours.values().len() == 24;
        // The calendar repeats after 400 years; croner looks further than that.
        let never = cron.find_next_occurrence(&DateTime::constant(2000, 1, 1, 0, 0, 0, 0), true).is_err();
        Ok(Self { cron, zone, dst: written.dst, rhythm, never })
    }

    pub(super) fn next_after(&self, after: Timestamp) -> Option<Tick> {
        if self.never {
            return None;
        }
        let mut stretch = self.stretch(after);
        if let Some(tick) = self.next_within(&stretch, stretch.offset.to_datetime(after), false).ok()? {
            return Some(tick);
        }
        while !stretch.is_last() {
            stretch = self.stretch(stretch.end);
            let jumped = self.tick_of_gap(&stretch);
            let Ok(first) = self.next_within(&stretch, stretch.civil_start(), true) else { return jumped };
            // Of two at the same moment, the one that is due.
            let both = [first, jumped].into_iter().flatten();
            if let Some(tick) = both.min_by_key(|tick| (tick.at, tick.skipped.is_some())) {
                return Some(tick);
            }
        }
        None
    }

    /// The first tick of a stretch from a civil time on.
    fn next_within(&self, stretch: &Stretch, from: DateTime, inclusive: bool) -> Result<Option<Tick>, Exhausted> {
        let first = self.first_civil(stretch);
        let (from, inclusive) = if from < first { (first, true) } else { (from, inclusive) };
        let found = self.cron.find_next_occurrence(&from, inclusive).map_err(|_| Exhausted)?;
        let at = stretch.offset.to_timestamp(found).map_err(|_| Exhausted)?;
        Ok((at < stretch.end).then(|| Tick::due(at)))
    }

    /// From where on the wall clock counts in a stretch: after what a fold repeats, unless it counts twice.
    fn first_civil(&self, stretch: &Stretch) -> DateTime {
        if self.rhythm || self.dst.fold == DstFold::Both {
            return stretch.civil_start();
        }
        stretch.civil_start().max(stretch.old_start())
    }

    /// The tick at the jump before a stretch, when the jump left out a time of the expression.
    fn tick_of_gap(&self, stretch: &Stretch) -> Option<Tick> {
        let (from, to) = (stretch.old_start(), stretch.civil_start());
        if self.rhythm || from >= to {
            return None;
        }
        let left_out = self.cron.find_next_occurrence(&from, true).ok()? < to;
        left_out.then(|| match self.dst.gap {
            DstGap::Shift => Tick::due(stretch.start),
            DstGap::Skip => Tick::in_gap(stretch.start),
        })
    }

    fn stretch(&self, at: Timestamp) -> Stretch {
        let next = at.checked_add(jiff::SignedDuration::from_nanos(1)).unwrap_or(Timestamp::MAX);
        let start = self.zone.preceding(next).next().map_or(Timestamp::MIN, |change| change.timestamp());
        let end = self.zone.following(at).next().map_or(Timestamp::MAX, |change| change.timestamp());
        let earlier = start.checked_sub(jiff::SignedDuration::from_nanos(1)).unwrap_or(Timestamp::MIN);
        Stretch { start, end, offset: self.zone.to_offset(at), before: self.zone.to_offset(earlier) }
    }
}

fn parser() -> CronParser {
    CronParser::builder().year(Year::Disallowed).build()
}
