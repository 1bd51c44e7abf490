//! A moment as an operator says it: `-15m`, `03:07`, `2026-11-22`, RFC 3339, or a position of the log. One place reads them,
//! so that a flag and a key of the console understand the same.

use jiff::{Timestamp, ToSpan, Zoned, civil};

use crate::{
    id::Position,
    port::store::{Filter, ReadError, Store},
    unit::{BadDuration, Duration},
};

/// A place in the log, by its position or by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The event of this position.
    Position(Position),
    /// What happened up to or since then.
    At(Timestamp),
}

/// Text that names no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no moment: write it like -15m, 03:07, 2026-11-22, 2026-11-22 03:07, RFC 3339, or a position like 1234")]
pub struct BadMoment(pub String);

impl Moment {
    /// Reads a moment. Times without a zone are those of the zone of `now`; a time of day is the last one that has been.
    pub fn parse(text: &str, now: &Zoned) -> Result<Self, BadMoment> {
        let text = text.trim();
        let bad = || BadMoment(text.to_owned());
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(|position| Self::Position(Position(position))).map_err(|_| bad());
        }
        if text == "now" {
            return Ok(Self::At(now.timestamp()));
        }
        ago(text, now).or_else(|| text.parse().ok()).or_else(|| civil_time(text, now)).map(Self::At).ok_or_else(bad)
    }
}

/// The first event at or after a moment; the position after the head when there is none. Clocks are believed to go forward:
/// a few looks find it in any log.
pub async fn first_since(store: &dyn Store, at: Timestamp) -> Result<Position, ReadError> {
    let stats = store.stats();
    let (mut low, mut high) = (stats.oldest.0.max(1), stats.head.0 + 1);
    while low < high {
        let middle = u64::midpoint(low, high);
        let page = store.read(Position(middle - 1), &Filter::default(), 1).await?;
        match page.events.first() {
            Some(envelope) if envelope.event.at < at => low = envelope.position.0.max(middle) + 1,
            _ => high = middle,
        }
    }
    Ok(Position(low))
}

/// `-15m`; without the sign it means the same. A length of time may also be written like a time of day, which it is here.
fn ago(text: &str, now: &Zoned) -> Option<Timestamp> {
    if text.contains(':') {
        return None;
    }
    let length: Result<Duration, BadDuration> = text.strip_prefix('-').unwrap_or(text).parse();
    now.timestamp().checked_sub(length.ok()?.0).ok()
}

fn civil_time(text: &str, now: &Zoned) -> Option<Timestamp> {
    let at = |time: civil::DateTime| time.to_zoned(now.time_zone().clone()).ok().map(|zoned| zoned.timestamp());
    // A date alone would also pass for a date and time.
    if let Ok(date) = text.parse::<civil::Date>() {
        if let Some(time) = text.parse::<civil::DateTime>().ok().filter(|_| text.contains(':')) {
            return at(time);
        }
        return at(date.to_datetime(civil::Time::midnight()));
    }
    let time: civil::Time = text.parse().ok()?;
    let today = at(now.date().to_datetime(time))?;
    if today <= now.timestamp() { Some(today) } else { at(now.date().checked_sub(1.day()).ok()?.to_datetime(time)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> String {
        let now: Zoned = "2026-11-22T10:00:00+01:00[Europe/Berlin]".parse().unwrap();
        match Moment::parse(text, &now) {
            Ok(Moment::At(at)) => at.to_string(),
            Ok(Moment::Position(position)) => format!("position {position}"),
            Err(bad) => bad.to_string(),
        }
    }

    #[test]
    fn moments_are_read_as_people_write_them() {
        let cases = [
            ("1234", "position 1234"),
            ("0", "position 0"),
            ("-15m", "2026-11-22T08:45:00Z"),
            ("10m", "2026-11-22T08:50:00Z"),
            ("-1h30m", "2026-11-22T07:30:00Z"),
            ("now", "2026-11-22T09:00:00Z"),
            ("03:07", "2026-11-22T02:07:00Z"),
            ("03:07:09.5", "2026-11-22T02:07:09.5Z"),
            ("23:30", "2026-11-21T22:30:00Z"),
            ("2026-11-01", "2026-10-31T23:00:00Z"),
            ("2026-07-01 12:00", "2026-07-01T10:00:00Z"),
            ("2026-07-01T12:00:30", "2026-07-01T10:00:30Z"),
            ("2026-07-01T12:00:30Z", "2026-07-01T12:00:30Z"),
            ("2026-07-01T12:00:30+05:00", "2026-07-01T07:00:30Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(at(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_told_how_to_write_one() {
        for text in ["", "-", "yesterday", "25:00", "99999999999999999999", "-15", "2026-13-01"] {
            assert!(at(text).starts_with(&format!("`{text}` is no moment: write it like -15m")), "{text}: {}", at(text));
        }
    }
}
