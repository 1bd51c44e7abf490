//! How long things took, in buckets of fixed bounds: the same for every histogram, so that they can be compared and added.

use serde::{Deserialize, Serialize};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Upper bounds of the buckets, in microseconds; one more bucket holds what took longer than the last.
pub const BOUNDS_US: [u64; 18] = [
    10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    10_000_000,
];

const BUCKETS: usize = BOUNDS_US.len() + 1;

/// Counts as it is told; without locks, from any thread.
#[derive(Debug, Default)]
pub struct LatencyMeter {
    counts: [AtomicU64; BUCKETS],
    sum_ns: AtomicU64,
}

impl LatencyMeter {
    /// Takes one in.
    pub fn record(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.partition_point(|bound| *bound < us);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_ns.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// What was taken in so far.
    pub fn read(&self) -> Latencies {
        let mut counts = [0; BUCKETS];
        for (count, meter) in counts.iter_mut().zip(&self.counts) {
            *count = meter.load(Ordering::Relaxed);
        }
        Latencies { counts, sum_ns: self.sum_ns.load(Ordering::Relaxed) }
    }
}

/// How long things took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Latencies {
    /// How many fell into each bucket; the last one is for what took longer than the last bound.
    pub counts: [u64; BUCKETS],
    /// All together, in nanoseconds.
    pub sum_ns: u64,
}

impl Latencies {
    /// How many.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The bound that a share of all stayed within; `None` when there were none, or when they took longer than the last bound.
    pub fn within(&self, share: f64) -> Option<Duration> {
        let wanted = (self.count() as f64 * share).ceil() as u64;
        let mut seen = 0;
        let mut buckets = BOUNDS_US.iter().zip(self.counts);
        let bound = buckets.find(|(_, count)| {
            seen += count;
            wanted > 0 && seen >= wanted
        });
        bound.map(|(bound, _)| Duration::from_micros(*bound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_as_long_as_a_bound_is_within_it() {
        let meter = LatencyMeter::default();
        for us in [1, 10, 11, 25, 1_000, 20_000_000] {
            meter.record(Duration::from_micros(us));
        }
        let read = meter.read();
        assert_eq!((read.counts[0], read.counts[1], read.counts[6], read.counts[18]), (2, 2, 1, 1));
        assert_eq!((read.count(), read.sum_ns), (6, 20_001_047_000));
        assert_eq!(read.within(0.5), Some(Duration::from_micros(25)));
        assert_eq!(read.within(0.8), Some(Duration::from_millis(1)));
        assert_eq!(read.within(0.99), None);
        assert_eq!(Latencies::default().within(0.5), None);
    }
}
