//! Holds a step to its `rate`, and hands it its records in portions that the rate allows.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::{
    pipeline::{Step, rate::Rate},
    port::clock::{Clock, after, between},
};

use super::edge::{Batch, Inlet};

/// Records that may go at once after a pause: a tenth of a second's worth, at least one.
const BURST_SECONDS: f64 = 0.1;

/// Counts what may go. Cancel-safe: nothing is spent until it is granted.
pub(super) struct Throttle {
    rate: Rate,
    clock: Arc<dyn Clock>,
    /// When the next record may go, in the steady pace.
    next_at: Timestamp,
}

impl Throttle {
    pub(super) fn of(step: &Step, clock: &Arc<dyn Clock>) -> Option<Self> {
        let rate = step.rate.as_deref()?.parse().ok()?;
        Some(Self { rate, clock: clock.clone(), next_at: clock.now() })
    }

    /// Waits until some of `wanted` records may go; says how many.
    pub(super) async fn grant(&mut self, wanted: usize) -> usize {
        let gap = Duration::from_secs_f64(1.0 / self.rate.per_second);
        if self.clock.now() < self.next_at {
            self.clock.sleep_until(self.next_at).await;
        }
        let burst = (self.rate.per_second * BURST_SECONDS).max(1.0) as usize;
        let now = self.clock.now();
        // What was not used long ago is not saved up.
        let saved = (between(self.next_at, now).as_secs_f64() * self.rate.per_second) as usize;
        let granted = wanted.min(saved.clamp(1, burst));
        let start = if saved >= burst { now } else { self.next_at };
        self.next_at = after(start, gap * granted as u32);
        granted
    }
}

/// What a step takes its records from.
pub(super) struct Intake {
    inlet: Inlet,
    throttle: Option<Throttle>,
    rest: Option<Batch>,
}

impl Intake {
    pub(super) fn new(inlet: Inlet, throttle: Option<Throttle>) -> Self {
        Self { inlet, throttle, rest: None }
    }

    /// Up to `room` records; `None` at the end. Cancel-safe.
    pub(super) async fn next(&mut self, room: usize) -> Option<Batch> {
        if self.rest.is_none() {
            self.rest = Some(self.inlet.next().await?);
        }
        let wanted = self.rest.as_ref().map_or(0, |rest| rest.records.len()).min(room);
        let count = match &mut self.throttle {
            Some(throttle) => throttle.grant(wanted).await,
            None => wanted,
        };
        self.take(count)
    }

    /// Up to `room` records that are there and may go now.
    pub(super) fn next_now(&mut self, room: usize) -> Option<Batch> {
        if self.throttle.is_some() {
            return None;
        }
        if self.rest.is_none() {
            self.rest = self.inlet.next_now();
        }
        let count = self.rest.as_ref()?.records.len().min(room);
        self.take(count)
    }

    fn take(&mut self, count: usize) -> Option<Batch> {
        let mut batch = self.rest.take()?;
        if count >= batch.records.len() {
            return Some(batch);
        }
        let front = batch.split_front(count);
        self.rest = Some(batch);
        Some(front)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::clock::ManualClock;

    #[tokio::test]
    async fn a_rate_is_kept_and_pauses_are_not_saved_up() {
        let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
        let mut throttle = Throttle { rate: "10/s".parse().unwrap(), clock: clock.shared(), next_at: clock.now() };
        assert_eq!(throttle.grant(500).await, 1);
        let mut second = Box::pin(throttle.grant(500));
        assert!(futures_util::poll!(&mut second).is_pending());
        clock.advance(Duration::from_millis(100));
        assert_eq!(second.await, 1);
        clock.advance(Duration::from_secs(60));
        assert_eq!(throttle.grant(500).await, 1);
        assert!(futures_util::poll!(Box::pin(throttle.grant(1))).is_pending());
    }
}
