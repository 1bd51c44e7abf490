//! How many runs a cron expression was due for, without going through them: ten years of every second are counted in the
//! time of ten years of days.

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Weekday},
};

use super::{CronRule, Stretch};
use crate::pipeline::definition::DstGap;

impl CronRule {
    /// Ticks that are due after one moment and not after another. Agrees with `next_after`.
    pub(in crate::runtime::schedule) fn count(&self, after: Timestamp, until: Timestamp) -> u64 {
        let (Some(from), Some(to)) = (next_second(after), next_second(until)) else { return 0 };
        if self.never || from >= to {
            return 0;
        }
        let mut stretch = self.stretch(from);
        let mut count = self.count_within(&stretch, from, to);
        while stretch.end < to {
            stretch = self.stretch(stretch.end);
            count += self.count_within(&stretch, from, to);
        }
        count
    }

    /// `from` counts, `to` does not; both are whole seconds.
    fn count_within(&self, stretch: &Stretch, from: Timestamp, to: Timestamp) -> u64 {
        let civil = |at: Timestamp| stretch.offset.to_datetime(at);
        let first = civil(from.max(stretch.start)).max(self.first_civil(stretch));
        let regular = self.count_civil(first, civil(to.min(stretch.end)));
        let opens = from <= stretch.start && stretch.start < to;
        regular + u64::from(opens && self.shifts_to(stretch))
    }

    /// Whether the gap before a stretch adds a run at its start that is not due there anyway.
    fn shifts_to(&self, stretch: &Stretch) -> bool {
        let (from, to) = (stretch.old_start(), stretch.civil_start());
        let applies = !self.rhythm && from < to && self.dst.gap == DstGap::Shift;
        applies && self.count_civil(from, to) > 0 && !self.cron.is_time_matching(&to).unwrap_or(false)
    }

    /// Matching wall clock times from one (inclusive) to another (exclusive).
    fn count_civil(&self, from: DateTime, to: DateTime) -> u64 {
        if from >= to {
            return 0;
        }
        let times = Times::of(self);
        let until_midnight =
            |day: Date, second: u32| if self.matches(day) { times.below(86_400) - times.below(second) } else { 0 };
        let since_midnight = |day: Date, second: u32| if self.matches(day) { times.below(second) } else { 0 };
        if from.date() == to.date() {
            return since_midnight(from.date(), second_of(to)) - since_midnight(from.date(), second_of(from));
        }
        let between = std::iter::successors(from.date().tomorrow().ok(), |day| day.tomorrow().ok());
        let whole = between.take_while(|day| *day < to.date()).filter(|day| self.matches(*day)).count() as u64;
        until_midnight(from.date(), second_of(from)) + whole * times.below(86_400) + since_midnight(to.date(), second_of(to))
    }

    fn matches(&self, day: Date) -> bool {
        let (year, month) = (i32::from(day.year()), day.month().unsigned_abs().into());
        let (number, weekday) = (day.day().unsigned_abs().into(), weekday(day.weekday()));
        let pattern = &self.cron.pattern;
        pattern.month_match(month).unwrap_or(false) && pattern.day_match(year, month, number, weekday).unwrap_or(false)
    }
}

/// The times of day of an expression.
struct Times {
    hours: Vec<u16>,
    minutes: Vec<u16>,
    seconds: Vec<u16>,
}

impl Times {
    fn of(rule: &CronRule) -> Self {
        let pattern = &rule.cron.pattern;
        Self { hours: pattern.hours.values(), minutes: pattern.minutes.values(), seconds: pattern.seconds.values() }
    }

    /// How many of them are before a second of the day.
    fn below(&self, second: u32) -> u64 {
        let below = |values: &[u16], limit: u32| values.iter().filter(|value| u32::from(**value) < limit).count() as u64;
        let holds = |values: &[u16], value: u32| u64::from(values.iter().any(|own| u32::from(*own) == value));
        let (hour, minute) = (second / 3_600, second / 60 % 60);
        let (per_hour, per_minute) = ((self.minutes.len() * self.seconds.len()) as u64, self.seconds.len() as u64);
        let in_minute = holds(&self.minutes, minute) * below(&self.seconds, second % 60);
        below(&self.hours, hour) * per_hour + holds(&self.hours, hour) * (below(&self.minutes, minute) * per_minute + in_minute)
    }
}

fn second_of(at: DateTime) -> u32 {
    u32::from(at.hour().unsigned_abs()) * 3_600
        + u32::from(at.minute().unsigned_abs()) * 60
        + u32::from(at.second().unsigned_abs())
}

/// The first whole second later than a moment.
fn next_second(at: Timestamp) -> Option<Timestamp> {
    Timestamp::from_second(at.as_nanosecond().div_euclid(1_000_000_000) as i64 + 1).ok()
}

fn weekday(day: Weekday) -> croner::Weekday {
    match day {
        Weekday::Sunday => croner::Weekday::Sunday,
        Weekday::Monday => croner::Weekday::Monday,
        Weekday::Tuesday => croner::Weekday::Tuesday,
        Weekday::Wednesday => croner::Weekday::Wednesday,
        Weekday::Thursday => croner::Weekday::Thursday,
        Weekday::Friday => croner::Weekday::Friday,
        Weekday::Saturday => croner::Weekday::Saturday,
    }
}
