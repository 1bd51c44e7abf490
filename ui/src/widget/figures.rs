//! Numbers as people read them in a live table: each kind has a greatest width, so that a column never jumps.

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};

/// The widest [`count`].
pub const COUNT_WIDTH: u16 = 6;
/// The widest [`rate`].
pub const RATE_WIDTH: u16 = 6;
/// The widest [`bytes`].
pub const BYTES_WIDTH: u16 = 8;
/// The widest [`duration`] and [`age`].
pub const DURATION_WIDTH: u16 = 6;

/// Like `999`, `12 034`, `120k`, `3.4M`.
pub fn count(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        1_000..100_000 => format!("{} {:03}", number / 1_000, number % 1_000),
        _ => scaled(number as f64, &["", "k", "M", "G", "T", "P", "E"], 1_000.0),
    }
}

/// A count with all its digits, in groups: for places with room.
pub fn exact(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// Per second, like `0`, `0.4`, `41`, `1 204`, `120k`. Not finite or below zero counts as 0.
pub fn rate(per_second: f64) -> String {
    match per_second {
        rate if !rate.is_finite() || rate < 0.005 => "0".into(),
        rate if rate < 0.095 => format!("{rate:.2}"),
        rate if rate < 9.95 => format!("{rate:.1}"),
        rate => count(rate.round() as u64),
    }
}

/// Like `512 B`, `1.2 KiB`, `61 MiB`.
pub fn bytes(number: u64) -> String {
    scaled(number as f64, &[" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"], 1_024.0)
}

/// A share of 1, like `0.0 %`, `12.5 %`.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share.clamp(0.0, 1.0) * 100.0)
}

/// Like `12ms`, `1.2s`, `48s`, `2m14s`, `3h04m`, `3d04h`, `412d`.
pub fn duration(length: Duration) -> String {
    let secs = length.as_secs();
    match secs {
        0 => format!("{}ms", length.subsec_millis()),
        1..10 => format!("{secs}.{}s", length.subsec_millis() / 100),
        10..60 => format!("{secs}s"),
        60..3_600 => format!("{}m{:02}s", secs / 60, secs % 60),
        3_600..86_400 => format!("{}h{:02}m", secs / 3_600, secs / 60 % 60),
        86_400..8_640_000 => format!("{}d{:02}h", secs / 86_400, secs / 3_600 % 24),
        _ => format!("{}d", (secs / 86_400).min(99_999)),
    }
}

/// The time between two moments; 0 when they are the wrong way round.
pub fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// How long ago, in one unit: `now`, `3s`, `2m`, `4h`, `3d`.
pub fn age(now: Timestamp, at: Timestamp) -> String {
    match between(at, now).as_secs() {
        0 => "now".into(),
        secs @ 1..60 => format!("{secs}s"),
        secs @ 60..3_600 => format!("{}m", secs / 60),
        secs @ 3_600..86_400 => format!("{}h", secs / 3_600),
        secs => format!("{}d", secs / 86_400),
    }
}

/// An age in a sentence: `just now`, `3s ago`.
pub fn ago(now: Timestamp, at: Timestamp) -> String {
    match age(now, at).as_str() {
        "now" => "just now".into(),
        age => format!("{age} ago"),
    }
}

/// How far off, like `in 2m14s`; `now` when it has passed.
pub fn until(now: Timestamp, at: Timestamp) -> String {
    match between(now, at) {
        left if left.as_secs() == 0 => "now".into(),
        left => format!("in {}", duration(Duration::from_secs(left.as_secs()))),
    }
}

/// The time of day in UTC, like `10:03:11`.
pub fn time(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// The time of day in UTC to the minute, as wide as [`time`]: a clock that rests.
pub fn minute(at: Timestamp) -> String {
    at.strftime("   %H:%M").to_string()
}

/// The time of day in UTC with milliseconds.
pub fn time_ms(at: Timestamp) -> String {
    at.strftime("%H:%M:%S%.3f").to_string()
}

/// A moment in UTC, like `2026-08-21 10:03:11Z`.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A moment where somebody lives, like `Fri 21 Aug 07:03:11 -03`.
pub fn moment_in(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %d %b %H:%M:%S %Z").to_string()
}

/// What becomes of what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drain {
    /// Nothing waits.
    Empty,
    /// Nothing goes in or out.
    Still,
    /// Less each second: empty after this time at the present rates.
    In(Duration),
    /// As much comes as goes.
    Steady,
    /// More comes than goes.
    Grows,
}

/// The longest time to drain that is worth telling.
const DRAIN_MAX: Duration = Duration::from_secs(99 * 86_400);

impl Drain {
    /// Judges a depth by its rates per second.
    pub fn of(depth: u64, rate_in: f64, rate_out: f64) -> Self {
        let net = rate_out - rate_in;
        match depth {
            0 => Self::Empty,
            _ if rate_in < 0.005 && rate_out < 0.005 => Self::Still,
            _ if net > 0.05 * rate_in.max(0.01) => {
                Self::In(Duration::try_from_secs_f64(depth as f64 / net).unwrap_or(DRAIN_MAX).min(DRAIN_MAX))
            }
            _ if -net > 0.05 * rate_in.max(0.01) => Self::Grows,
            _ => Self::Steady,
        }
    }

    /// At most eight columns.
    pub fn word(self) -> String {
        match self {
            Self::Empty => "empty".into(),
            Self::Still => "held".into(),
            Self::In(time) => duration(Duration::from_secs(time.as_secs().max(1))).replace(".0s", "s") + " ↓",
            Self::Steady => "steady".into(),
            Self::Grows => "grows ↑".into(),
        }
    }
}

fn scaled(number: f64, units: &[&str], step: f64) -> String {
    let mut value = number;
    let mut unit = 0;
    // 999.5 of a unit would be written as 1000 of it.
    while value >= step - 0.5 && unit + 1 < units.len() {
        value /= step;
        unit += 1;
    }
    if unit == 0 || value >= 9.95 { format!("{value:.0}{}", units[unit]) } else { format!("{value:.1}{}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counts_are_exact_while_they_fit() {
        let table = [(0, "0"), (999, "999"), (1_204, "1 204"), (99_999, "99 999"), (120_400, "120k"), (3_400_000, "3.4M")];
        for (number, text) in table {
            assert_eq!(count(number), text);
        }
        assert_eq!(exact(1_234_567), "1 234 567");
        assert_eq!(count(999_999), "1.0M");
    }

    #[test]
    fn rates_keep_a_digit_where_it_matters() {
        let table = [(0.0, "0"), (0.04, "0.04"), (0.42, "0.4"), (41.2, "41"), (1_204.0, "1 204"), (f64::NAN, "0"), (-3.0, "0")];
        for (rate_given, text) in table {
            assert_eq!(rate(rate_given), text);
        }
    }

    #[test]
    fn lengths_of_time_use_two_units_at_most() {
        let table = [
            (12, "12ms"),
            (1_250, "1.2s"),
            (48_000, "48s"),
            (134_000, "2m14s"),
            (11_040_000, "3h04m"),
            (273_600_000, "3d04h"),
            (35_596_800_000, "412d"),
        ];
        for (ms, text) in table {
            assert_eq!(duration(Duration::from_millis(ms)), text);
        }
    }

    #[test]
    fn moments_are_told_relative_and_absolute() {
        let at: Timestamp = "2026-08-21T10:03:11.120Z".parse().unwrap();
        let now: Timestamp = "2026-08-21T10:05:25Z".parse().unwrap();
        assert_eq!(age(now, at), "2m");
        assert_eq!(age(at, now), "now");
        assert_eq!(until(at, now), "in 2m13s");
        assert_eq!(time_ms(at), "10:03:11.120");
        assert_eq!(moment(at), "2026-08-21 10:03:11Z");
        assert_eq!(moment_in(at, &TimeZone::UTC), "Fri 21 Aug 10:03:11 UTC");
    }

    #[test]
    fn a_queue_drains_grows_or_is_held() {
        assert_eq!(Drain::of(0, 5.0, 5.0), Drain::Empty);
        assert_eq!(Drain::of(7, 0.0, 0.0).word(), "held");
        assert_eq!(Drain::of(1_204, 41.0, 55.0).word(), "1m26s ↓");
        assert_eq!(Drain::of(312, 12.0, 9.0).word(), "grows ↑");
        assert_eq!(Drain::of(312, 12.0, 12.1), Drain::Steady);
        assert_eq!(Drain::of(u64::MAX, 0.0, 0.01).word(), "99d00h ↓");
    }

    proptest! {
        #[test]
        fn no_figure_is_wider_than_its_column(number in any::<u64>(), ms in any::<u64>()) {
            prop_assert!(count(number).len() <= usize::from(COUNT_WIDTH));
            prop_assert!(rate(number as f64 / 1000.0).len() <= usize::from(RATE_WIDTH));
            prop_assert!(bytes(number).len() <= usize::from(BYTES_WIDTH));
            prop_assert!(duration(Duration::from_millis(ms)).len() <= usize::from(DURATION_WIDTH));
        }
    }
}
