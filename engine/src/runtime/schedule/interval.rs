//! Ticks at a fixed distance, the first at the moment of activation: elapsed time, whatever wall clocks do.

use jiff::{SignedDuration, Timestamp};

use super::{BadSchedule, Tick};
use crate::{pipeline::definition::IntervalTrigger, unit::Duration};

const INTERVAL_MIN: Duration = Duration::from_secs(1);

/// A checked interval.
#[derive(Debug, Clone)]
pub(super) struct IntervalRule {
    nanos: i128,
}

impl IntervalRule {
    pub(super) fn of(trigger: usize, written: &IntervalTrigger) -> Result<Self, BadSchedule> {
        let interval = written.interval;
        if interval < INTERVAL_MIN {
            let message = format!("an interval of {interval} is too short");
            let hint = format!("write at least {INTERVAL_MIN}; a pipeline of mode continuous runs without pause");
            return Err(BadSchedule { trigger, field: "interval", message, hint });
        }
        Ok(Self { nanos: interval.0.as_nanos().cast_signed() })
    }

    pub(super) fn next_after(&self, after: Timestamp, anchor: Timestamp) -> Option<Tick> {
        let number = self.number(after, anchor) + 1;
        let length = SignedDuration::try_from_nanos_i128(number * self.nanos)?;
        anchor.checked_add(length).ok().map(Tick::due)
    }

    pub(super) fn count(&self, after: Timestamp, until: Timestamp, anchor: Timestamp) -> u64 {
        (self.number(until, anchor) - self.number(after, anchor)).max(0) as u64
    }

    /// The number of the last tick up to a moment: the activation is number 0, before it there is none (-1).
    fn number(&self, at: Timestamp, anchor: Timestamp) -> i128 {
        (at.as_nanosecond() - anchor.as_nanosecond()).div_euclid(self.nanos).max(-1)
    }
}
