//! The log: whether it takes appends, stays within its limits, and is read by those who live on it.

use super::{Sight, ago, state_if};
use crate::{
    port::store::Condition,
    unit::Duration,
    vitals::{AppendVitals, Bearing, CheckState, Finding, ReaderVitals},
};

/// A reader that has not moved for so long although it is behind needs a look.
const STUCK_WARN: Duration = Duration::from_secs(5);
/// Beyond this it does not work.
const STUCK_FAIL: Duration = Duration::from_secs(60);

/// What the log says of itself, and how the last append went: both, because a log that nobody writes to says nothing.
pub(super) fn writable(sight: &Sight<'_>) -> Finding {
    let appends = sight.appends;
    let (state, evidence) = match (&sight.condition, failing(appends)) {
        (Condition::Failed { reason } | Condition::Refusing { reason, .. }, _) => (CheckState::Fail, reason.clone()),
        (Condition::Writing, Some((at, reason))) => {
            (CheckState::Fail, format!("the last append failed {} ago: {reason}", ago(at, sight.now)))
        }
        (Condition::Writing, None) => match appends.last_at {
            None => (CheckState::Unknown, "nothing was appended yet".to_owned()),
            Some(at) => (CheckState::Ok, format!("last append {} ago{}", ago(at, sight.now), pace(appends))),
        },
    };
    let finding = Finding::new("log writable", state, evidence).bearing(Bearing::Readiness);
    match appends.took.within(0.99) {
        Some(bound) => finding.figure(bound.as_secs_f64(), "seconds"),
        None => finding,
    }
}

/// Nothing was appended since an append failed.
fn failing(appends: &AppendVitals) -> Option<(jiff::Timestamp, &str)> {
    let (at, reason) = appends.last_failure.as_ref()?;
    appends.last_at.is_none_or(|taken| taken < *at).then_some((*at, reason))
}

fn pace(appends: &AppendVitals) -> String {
    match appends.took.within(0.99) {
        Some(bound) => format!(", 99 of 100 within {bound:?}"),
        None => String::new(),
    }
}

/// The janitor keeps it below one; well above that it does not keep up, and appends will be refused.
pub(super) fn retention(sight: &Sight<'_>) -> Finding {
    const WARN: f64 = 1.1;
    const FAIL: f64 = 1.5;
    let (stats, settings) = (sight.store, sight.settings);
    let events = stats.kept();
    let of_events = events as f64 / settings.retain_events_max as f64;
    let share = of_events.max(stats.bytes as f64 / settings.retain_bytes_max.0 as f64);
    let evidence = format!(
        "head {}, {events} events kept, {:.0} % of the limit{}",
        stats.head,
        share * 100.0,
        dropped(stats.oldest.0.saturating_sub(1), stats.gone)
    );
    Finding::new("log", super::state_of(share, WARN, FAIL), evidence).figure(share, "ratio").limits(Some(WARN), Some(FAIL))
}

/// What is no longer there: at the beginning of the log, and in between.
fn dropped(oldest: u64, single: u64) -> String {
    match (oldest, single) {
        (0, 0) => String::new(),
        (oldest, 0) => format!(", retention dropped the first {oldest}"),
        (0, single) => format!(", retention dropped {single} of single types"),
        (oldest, single) => format!(", retention dropped the first {oldest} and {single} of single types"),
    }
}

/// Those who act on events: one that does not move while it is behind holds up everything that depends on it.
pub(super) fn readers(sight: &Sight<'_>) -> Finding {
    let stuck = |reader: &&ReaderVitals| reader.stuck_since.is_some();
    let longest = sight.readers.iter().filter(stuck).min_by_key(|reader| reader.stuck_since);
    let held = longest.and_then(|reader| reader.stuck_since).map_or(Duration::default(), |since| ago(since, sight.now));
    let evidence = match longest.filter(|_| held >= STUCK_WARN) {
        Some(reader) => format!("{} has stood {} events behind for {held}", reader.name, reader.lag),
        None => format!("{} readers, the last {} events behind", sight.readers.len(), most_behind(sight.readers)),
    };
    let state = if held >= STUCK_FAIL { CheckState::Fail } else { state_if(held >= STUCK_WARN, CheckState::Warn) };
    Finding::new("subscriptions", state, evidence).figure(most_behind(sight.readers) as f64, "events")
}

fn most_behind(readers: &[ReaderVitals]) -> u64 {
    readers.iter().map(|reader| reader.lag).max().unwrap_or_default()
}
