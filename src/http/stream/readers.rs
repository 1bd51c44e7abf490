//! Who reads streams: those that want the same share what they are sent.

use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use flexcore_engine::port::store::Filter;
use tokio::sync::Mutex as AsyncMutex;

use super::roll::Roll;

/// What a reader's turn may cost, about: a wake-up, sending what there is, and what the system does for it on both sides.
const TURN: Duration = Duration::from_micros(40);
/// Below it nobody need rest.
const REST_MIN: Duration = Duration::from_millis(1);
/// Nobody rests longer.
const REST_MAX: Duration = Duration::from_millis(100);

/// Shared by all streams of an API.
#[derive(Default)]
pub(in crate::http) struct Readers {
    kinds: Mutex<Vec<Weak<Kind>>>,
    count: AtomicU32,
}

/// Readers that want the same.
pub(super) struct Kind {
    pub(super) filter: Filter,
    pub(super) roll: AsyncMutex<Roll>,
}

impl Readers {
    /// One more reads, until it leaves.
    pub(super) fn enter(&self, filter: Filter) -> Arc<Kind> {
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.retain(|kind| kind.strong_count() > 0);
        let known = kinds.iter().filter_map(Weak::upgrade).find(|kind| kind.filter == filter);
        known.unwrap_or_else(|| {
            let kind = Arc::new(Kind { filter, roll: AsyncMutex::default() });
            kinds.push(Arc::downgrade(&kind));
            kind
        })
    }

    /// One less does.
    pub(super) fn leave(&self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }

    /// How long a reader rests after its turn, so that all of them together leave time for the rest of the engine: they get more
    /// at once then, and a thousand of them are behind by some hundredths of a second. A few need not rest.
    pub(super) fn rest(&self) -> Option<Duration> {
        let rest = TURN.saturating_mul(self.count.load(Ordering::Relaxed));
        (rest >= REST_MIN).then(|| rest.min(REST_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_who_want_the_same_share_and_only_many_rest() {
        let readers = Readers::default();
        let runs = || Filter { stream_prefix: Some("run/".into()), ..Filter::default() };
        let (one, two, other) = (readers.enter(runs()), readers.enter(runs()), readers.enter(Filter::default()));
        assert!(Arc::ptr_eq(&one, &two) && !Arc::ptr_eq(&one, &other));
        assert_eq!(readers.rest(), None);
        let many: Vec<_> = (3..1_000).map(|_| readers.enter(runs())).collect();
        assert_eq!(readers.rest(), Some(Duration::from_millis(40)));
        drop((one, two, many));
        (1..1_000).for_each(|_| readers.leave());
        drop(readers.enter(runs()));
        assert_eq!((readers.rest(), readers.kinds.lock().unwrap().len()), (None, 2));
    }
}
