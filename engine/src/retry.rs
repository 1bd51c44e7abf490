//! How long to wait after a failure. Pure: the caller brings the random number, so that tests and replays agree.

use std::time::Duration;

use crate::pipeline::definition::Retry;

/// The wait after the `failures`-th failure in a row (from 1; 0 counts as 1): exponential, never longer than `retry.max`.
///
/// `random` is from 0 to 1; it spreads the wait evenly over ± `retry.jitter`. What the spread would put above `max` is
/// mirrored below it, so that many waiters at the maximum do not come back at the same moment.
pub fn backoff(retry: &Retry, failures: u32, random: f64) -> Duration {
    let max = retry.max.0.as_secs_f64();
    let steps = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
    let grown = sane(retry.factor, 1.0).powi(steps);
    let first = retry.backoff.0.as_secs_f64();
    // Zero times infinity is not a number; a wait that begins at zero stays there.
    let base = if first == 0.0 { 0.0 } else { (first * grown).min(max) };
    let spread = sane(retry.jitter, 0.0).min(1.0) * (2.0 * sane(random, 0.5).min(1.0) - 1.0);
    let wait = base * (1.0 + spread);
    let mirrored = if wait > max { 2.0 * max - wait } else { wait };
    Duration::try_from_secs_f64(mirrored.max(0.0)).unwrap_or(retry.max.0)
}

fn sane(value: f64, otherwise: f64) -> f64 {
    if value.is_nan() || value < 0.0 { otherwise } else { value }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::unit;

    fn retry(backoff_ms: u64, factor: f64, max_ms: u64, jitter: f64) -> Retry {
        let (backoff, max) = (unit::Duration::from_millis(backoff_ms), unit::Duration::from_millis(max_ms));
        Retry { attempts: 0, backoff, factor, max, jitter }
    }

    #[test]
    fn each_wait_is_a_factor_longer_until_the_maximum() {
        let retry = retry(1_000, 2.0, 10_000, 0.0);
        let waits: Vec<u64> = (0..=6).map(|failures| backoff(&retry, failures, 0.9).as_secs()).collect();
        assert_eq!(waits, [1, 1, 2, 4, 8, 10, 10]);
        assert_eq!(backoff(&retry, u32::MAX, 0.5), Duration::from_secs(10));
    }

    #[test]
    fn jitter_spreads_a_wait_to_both_sides_and_below_the_maximum_at_it() {
        let free = retry(1_000, 2.0, 60_000, 0.2);
        let ends = [0.0, 0.5, 1.0].map(|random| backoff(&free, 1, random).as_millis());
        assert_eq!(ends, [800, 1_000, 1_200]);
        let capped = retry(10_000, 2.0, 10_000, 0.2);
        let ends = [0.0, 0.5, 0.75, 1.0].map(|random| backoff(&capped, 9, random).as_millis());
        assert_eq!(ends, [8_000, 10_000, 9_000, 8_000]);
    }

    #[test]
    fn a_wait_of_zero_stays_zero() {
        assert_eq!(backoff(&retry(0, 10.0, 60_000, 0.5), u32::MAX, 1.0), Duration::ZERO);
    }

    #[test]
    fn figures_that_are_no_numbers_do_not_matter() {
        for broken in [f64::NAN, f64::NEG_INFINITY, -1.0] {
            assert_eq!(backoff(&retry(1_000, broken, 60_000, broken), 3, broken), Duration::from_secs(1));
        }
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_the_maximum(
            first in 0_u64..u64::MAX / 2, max in 0_u64..u64::MAX / 2, factor: f64, jitter: f64, failures: u32, random in 0.0..1.0,
        ) {
            let retry = retry(first, factor, max, jitter);
            // Half a nanosecond of rounding per second of wait is what an f64 leaves.
            let slack = Duration::from_millis(max / 1_000_000_000_000 + 1);
            prop_assert!(backoff(&retry, failures, random) <= retry.max.0 + slack);
        }
    }
}
