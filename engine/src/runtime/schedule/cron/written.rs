//! Reading what an author wrote in a cron trigger, with errors that name the part that is wrong.

use croner::Cron;
use jiff::tz::{self, TimeZone};

use super::{BadSchedule, parser};
use crate::pipeline::mistake::nearest;

/// The parts of an expression of six fields: name, and what may stand there.
const PARTS: [(&str, &str); 6] = [
    ("a second", "0 to 59"),
    ("a minute", "0 to 59"),
    ("an hour", "0 to 23"),
    ("a day of the month", "1 to 31, or L for the last"),
    ("a month", "1 to 12, or jan to dec"),
    ("a weekday", "0 to 7 (0 and 7 are Sunday), or sun to sat"),
];

pub(super) fn zone(trigger: usize, name: &str) -> Result<TimeZone, BadSchedule> {
    TimeZone::get(name).map_err(|_| {
        let known: Vec<String> = tz::db().available().map(|zone| zone.to_string()).collect();
        let hint = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write an IANA name such as Europe/Berlin, or UTC".into(),
        };
        BadSchedule { trigger, field: "timezone", message: format!("there is no time zone `{name}`"), hint }
    })
}

pub(super) fn check(trigger: usize, text: &str) -> Result<Cron, BadSchedule> {
    let bad = |message: String, hint: String| BadSchedule { trigger, field: "cron", message, hint };
    let fields: Vec<&str> = text.split_whitespace().collect();
    if !matches!(fields.len(), 5 | 6) {
        let message = format!("`{text}` has {} fields", fields.len());
        let hint = "write five (minute hour day month weekday), or six with seconds first: `15 2 * * *` is 02:15 every day";
        return Err(bad(message, hint.into()));
    }
    if let Some(((name, allowed), field)) = first_wrong(&fields) {
        let hint = format!("write {allowed}; * is all, 1,15 a list, 1-5 a range, */15 steps");
        return Err(bad(format!("`{field}` is not {name}"), hint));
    }
    let whole = |error| bad(format!("`{text}` cannot be read: {error}"), "write it like `15 2 * * *`".into());
    parser().parse(text).map_err(whole)
}

/// The first field that cannot be read when all others are `*`.
fn first_wrong<'a>(fields: &[&'a str]) -> Option<((&'static str, &'static str), &'a str)> {
    let parts = &PARTS[PARTS.len() - fields.len()..];
    let offset = PARTS.len() - parts.len();
    let reads = |at: usize, field: &str| {
        let mut alone = ["*"; PARTS.len()];
        alone[offset + at] = field;
        parser().parse(&alone.join(" ")).is_ok()
    };
    fields.iter().enumerate().find(|(at, field)| !reads(*at, field)).map(|(at, field)| (parts[at], *field))
}
