//! How often one token or address may ask: a bucket each, in a table of bounded size. The algorithm is a dozen lines (GCRA:
//! one moment a key); what a library would bring is a table without a maximum.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The most keys remembered; beyond it those that are at rest are forgotten, and then all.
pub(crate) const KEYS_MAX: usize = 20_000;

/// Buckets that all have one rate.
pub(crate) struct Rate {
    each: Duration,
    burst: Duration,
    next: Mutex<HashMap<String, Instant>>,
}

impl Rate {
    /// So many a second, and as many at once. `None`: no limit.
    pub(crate) fn per_second(rate: u32) -> Option<Self> {
        let each = Duration::from_secs(1).checked_div(rate)?;
        Some(Self { each, burst: Duration::from_secs(1), next: Mutex::default() })
    }

    /// Takes one. `Err`: how long to wait.
    pub(crate) fn take(&self, key: &str, now: Instant) -> Result<(), Duration> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if next.len() >= KEYS_MAX && !next.contains_key(key) {
            next.retain(|_, due| *due > now);
            if next.len() >= KEYS_MAX {
                next.clear();
            }
        }
        let due = next.get(key).copied().filter(|due| *due > now).unwrap_or(now);
        let ahead = (due + self.each).saturating_duration_since(now);
        if let Some(wait) = ahead.checked_sub(self.burst).filter(|wait| !wait.is_zero()) {
            return Err(wait);
        }
        match next.get_mut(key) {
            Some(moment) => *moment = due + self.each,
            None => drop(next.insert(key.to_owned(), due + self.each)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_rate_and_does_not_disturb_others() {
        let rate = Rate::per_second(2).unwrap();
        let start = Instant::now();
        assert!(rate.take("a", start).is_ok() && rate.take("a", start).is_ok());
        assert_eq!(rate.take("a", start), Err(Duration::from_millis(500)));
        assert!(rate.take("b", start).is_ok());
        assert!(rate.take("a", start + Duration::from_millis(500)).is_ok());
        assert!(rate.take("a", start + Duration::from_millis(500)).is_err());
        assert!(Rate::per_second(0).is_none());
    }

    #[test]
    fn the_table_does_not_grow_beyond_its_maximum() {
        let rate = Rate::per_second(1).unwrap();
        let start = Instant::now();
        for key in 0..=2 * KEYS_MAX {
            let _ = rate.take(&key.to_string(), start);
        }
        assert!(rate.next.lock().unwrap().len() <= KEYS_MAX);
    }
}
