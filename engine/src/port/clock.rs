//! Time, injected, so that tests decide when it passes.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::BoxFuture;

/// Time as the engine sees it.
pub trait Clock: Send + Sync + 'static {
    /// The moment it is, in UTC. May step (NTP); deadlines are moments, so a step moves them by as much.
    fn now(&self) -> Timestamp;

    /// Resolves when [`Clock::now`] has reached a moment; at once if it has.
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()>;

    /// Resolves after a length of time.
    fn sleep(&self, length: Duration) -> BoxFuture<'static, ()> {
        self.sleep_until(after(self.now(), length))
    }
}

/// A moment after another; the far end of time when that cannot be told.
pub fn after(at: Timestamp, length: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(length).ok().and_then(|length| at.checked_add(length).ok()).unwrap_or(Timestamp::MAX)
}

/// The time between two moments; zero if the second is not later.
pub fn between(start: Timestamp, end: Timestamp) -> Duration {
    end.duration_since(start).try_into().unwrap_or_default()
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl SystemClock {
    /// A shared one.
    pub fn shared() -> Arc<dyn Clock> {
        Arc::new(Self)
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        let length = between(Timestamp::now(), at);
        Box::pin(tokio::time::sleep(length))
    }
}
