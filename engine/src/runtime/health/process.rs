//! The process and what it stands on.

use super::{LATE_FAIL, Sight, seconds, state_if, state_of};
use crate::{
    unit::Duration,
    vitals::{Bearing, CheckState, DiskVitals, Finding},
};

/// Figures taken so much later than planned mean that the process is held up.
const LAG_WARN: Duration = Duration::from_millis(250);
/// With less room than this the log will soon have no place for its next file.
const DISK_WARN: f64 = (2_u64 << 30) as f64;
/// With less room than this there is none for a few more.
const DISK_FAIL: f64 = (256_u64 << 20) as f64;

/// Each part works on its own; what one of them did is done by nobody once it has ended.
pub(super) fn parts(sight: &Sight<'_>) -> Finding {
    let ended: Vec<_> = sight.parts.iter().filter(|part| !part.works).map(|part| part.name).collect();
    let evidence = match ended.as_slice() {
        [] => format!("{} of {} work", sight.parts.len(), sight.parts.len()),
        ended => format!("ended and not started again: {}", ended.join(", ")),
    };
    let state = state_if(!ended.is_empty(), CheckState::Fail);
    let figure = ended.len() as f64;
    Finding::new("parts", state, evidence).bearing(Bearing::Life).figure(figure, "parts").limits(None, Some(1.0))
}

pub(super) fn event_loop(sight: &Sight<'_>) -> Finding {
    let (lag, worst) = (sight.lag, sight.lag_worst);
    let state = state_of(seconds(lag), seconds(LAG_WARN), seconds(LATE_FAIL));
    let evidence = format!("{lag} late, at worst {worst} within a minute");
    let finding = Finding::new("event loop", state, evidence).figure(seconds(lag), "seconds");
    finding.limits(Some(seconds(LAG_WARN)), Some(seconds(LATE_FAIL)))
}

pub(super) fn disk(disk: &Result<DiskVitals, String>) -> Finding {
    let disk = match disk {
        Ok(disk) => disk,
        Err(why) => return Finding::new("disk", CheckState::Fail, why.as_str()),
    };
    let free = disk.free_bytes as f64;
    let state = if free < DISK_FAIL { CheckState::Fail } else { state_if(free < DISK_WARN, CheckState::Warn) };
    let share = free / disk.total_bytes.max(1) as f64 * 100.0;
    let evidence = format!("{:.1} GiB ({share:.0} %) free where {} is", free / f64::from(1 << 30), disk.folder);
    Finding::new("disk", state, evidence).figure(free, "bytes").limits(Some(DISK_WARN), Some(DISK_FAIL))
}
