//! How many consoles may be attached, and how often: each leaves two events in the log, whoever it is.

use std::{sync::Arc, time::Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::rate::Rate;

/// Consoles attached at once; more of them work, and are not on record.
const ATTACHED_MAX: usize = 1_000;
/// Consoles of one caller that attach in a second, and as many at once.
const RATE_MAX: u32 = 20;

/// Places for consoles that are attached.
pub(super) struct Attachments {
    places: Arc<Semaphore>,
    rate: Option<Rate>,
}

impl Default for Attachments {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(ATTACHED_MAX)), rate: Rate::per_second(RATE_MAX) }
    }
}

impl Attachments {
    /// A place, for as long as it is kept. `Err`: why there is none.
    pub(super) fn take(&self, caller: &str, now: Instant) -> Result<OwnedSemaphorePermit, String> {
        if self.rate.as_ref().is_some_and(|rate| rate.take(caller, now).is_err()) {
            return Err(format!("more than {RATE_MAX} consoles of yours were attached in this second"));
        }
        let place = self.places.clone().try_acquire_owned();
        place.map_err(|_| format!("{ATTACHED_MAX} consoles are attached: this one is not on record"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_by_number_and_by_second() {
        let (attachments, now) = (Attachments::default(), Instant::now());
        let taken: Vec<_> = (0..RATE_MAX).map(|_| attachments.take("ana", now).unwrap()).collect();
        assert!(attachments.take("ana", now).unwrap_err().contains("in this second"));
        let others: Vec<_> = (taken.len()..ATTACHED_MAX).map(|at| attachments.take(&at.to_string(), now).unwrap()).collect();
        assert!(attachments.take("ben", now).unwrap_err().contains("not on record"));
        drop(others);
        assert!(attachments.take("ben", now).is_ok());
    }
}
