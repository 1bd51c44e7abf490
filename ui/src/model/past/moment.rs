//! A moment as people type it: a time of day, how long ago, a date with or without a time, an event's position.

use flexcore_engine::{id::Position, unit::Duration};
use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};

use crate::link::At;

/// What typed text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meant {
    /// A point of the past.
    Past(At),
    /// The present.
    Now,
}

/// What can be written.
pub const FORMS: &str = "03:07  -15m  2026-01-31 03:07  #1234  now";

/// Reads a moment. Times without a zone are those of `zone`; a time of day is its last one that has passed. `newest` is the
/// newest event there is. `Err`: what is wrong, and what can be written.
pub fn read(text: &str, now: Timestamp, zone: &TimeZone, newest: Position) -> Result<Meant, String> {
    let text = text.trim();
    if text.is_empty() || text == "now" {
        return if text.is_empty() { Err(FORMS.into()) } else { Ok(Meant::Now) };
    }
    if let Some(position) = position(text) {
        return match position? {
            position if position > newest => Err(format!("there is no event #{position} yet: the newest is #{newest}")),
            position => Ok(Meant::Past(At::Position(position))),
        };
    }
    let at = moment(text, now, zone).ok_or_else(|| format!("`{text}` is no moment: write it like {FORMS}"))?;
    if at > now { Err(format!("{text} is in the future")) } else { Ok(Meant::Past(At::Moment(at))) }
}

/// `None`: not written like a position.
fn position(text: &str) -> Option<Result<Position, String>> {
    let (digits, marked) = text.strip_prefix('#').map_or((text, false), |digits| (digits, true));
    let digits: String = digits.chars().filter(|char| !matches!(char, ' ' | ',' | '_' | '.')).collect();
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) && digits == text;
    let wrong = |_| format!("`{text}` is not a position: write it like #1234");
    (marked || plain).then(|| digits.parse().map(Position).map_err(wrong))
}

fn moment(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    if let Some(length) = text.strip_prefix('-').or_else(|| text.strip_suffix("ago")) {
        let length: Duration = length.trim().parse().ok()?;
        return now.checked_sub(SignedDuration::try_from(length.0).ok()?).ok();
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let (text, zone) = text.strip_suffix(['Z', 'z']).map_or((text, zone.clone()), |text| (text, TimeZone::UTC));
    if let Some(time) = time_of_day(text) {
        return last(time, now, &zone);
    }
    let at = text.parse::<DateTime>().ok().or_else(|| Some(text.parse::<Date>().ok()?.to_datetime(Time::midnight())))?;
    Some(zone.to_zoned(at).ok()?.timestamp())
}

/// Only what has a colon: `2026` is no time of day.
fn time_of_day(text: &str) -> Option<Time> {
    let (hour, rest) = text.split_once(':')?;
    if hour.len() > 2 || hour.is_empty() || !hour.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{hour:0>2}:{rest}").parse().ok()
}

/// The last time of that name that has passed: today's, or yesterday's. A clock change may give a day two of them, or none.
fn last(time: Time, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let today = now.to_zoned(zone.clone()).date();
    let on = |date: Date| {
        let at = zone.to_ambiguous_zoned(date.to_datetime(time));
        let (earlier, later) = (at.clone().earlier().ok()?.timestamp(), at.later().ok()?.timestamp());
        [later, earlier].into_iter().find(|at| *at <= now)
    };
    on(today).or_else(|| on(today.yesterday().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-03-29T10:03:11Z";

    fn at(text: &str, zone: &TimeZone) -> Result<String, String> {
        match read(text, NOW.parse().unwrap(), zone, Position(5_678))? {
            Meant::Now => Ok("now".into()),
            Meant::Past(At::Position(position)) => Ok(format!("#{position}")),
            Meant::Past(At::Moment(at)) => Ok(at.to_string()),
        }
    }

    #[test]
    fn a_moment_is_read_as_people_write_it() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (text, moment) in [
            ("03:07Z", "2026-03-29T03:07:00Z"),
            ("9:05", "2026-03-29T07:05:00Z"),
            // Not yet today, so yesterday's, before the clock change of the night.
            ("12:30", "2026-03-28T11:30:00Z"),
            // Left out today by the clock change: the moment that clocks showed 03:30.
            ("02:30", "2026-03-29T01:30:00Z"),
            ("03:07:12.5", "2026-03-29T01:07:12.5Z"),
            ("-15m", "2026-03-29T09:48:11Z"),
            ("- 1h 30m", "2026-03-29T08:33:11Z"),
            ("2h ago", "2026-03-29T08:03:11Z"),
            ("2026-01-31 03:07", "2026-01-31T02:07:00Z"),
            ("2026-01-31T03:07:00Z", "2026-01-31T03:07:00Z"),
            ("2026-01-31T03:07:00-03:00", "2026-01-31T06:07:00Z"),
            ("2026-01-31", "2026-01-30T23:00:00Z"),
            ("#1234", "#1234"),
            ("# 1 234", "#1234"),
            ("1234", "#1234"),
            ("#0", "#0"),
            (" now ", "now"),
        ] {
            assert_eq!(at(text, &berlin).as_deref(), Ok(moment), "{text}");
        }
        assert_eq!(at("03:07", &TimeZone::UTC).as_deref(), Ok("2026-03-29T03:07:00Z"));
    }

    #[test]
    fn nonsense_says_what_can_be_written() {
        let wrong = |text| at(text, &TimeZone::UTC).unwrap_err();
        for text in ["", "soon", "25:00", "3:7", "-", "-soon", "2026-13-01", "-99999999d", "::", "é:07", "9999:07"] {
            assert!(wrong(text).ends_with(FORMS), "{text}: {}", wrong(text));
        }
        assert_eq!(wrong("#x"), "`#x` is not a position: write it like #1234");
        assert_eq!(wrong("#99999999999999999999999"), "`#99999999999999999999999` is not a position: write it like #1234");
        assert_eq!(wrong("#5679"), "there is no event #5679 yet: the newest is #5678");
        assert_eq!(wrong("2026-03-29T10:03:12Z"), "2026-03-29T10:03:12Z is in the future");
    }
}
