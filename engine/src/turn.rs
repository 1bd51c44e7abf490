//! Long work on a thread that others share. A log in memory makes nobody wait, so whoever goes through much of it lets others
//! run of their own accord: now and then, because a turn of all others may take longer than a piece of the work.

use std::time::{Duration, Instant};

use tokio::task::yield_now;

/// How long one works on before others get their turn: answers wait for it. Tests see the end of every piece. By the processor's
/// clock and not the engine's, which tests move: it decides who runs, never what is done.
const LASTS: Duration = if cfg!(test) { Duration::ZERO } else { Duration::from_millis(1) };

/// One's own turn.
pub(crate) struct Turn {
    begun: Instant,
}

impl Turn {
    /// It begins now.
    pub(crate) fn begin() -> Self {
        Self { begun: Instant::now() }
    }

    /// After a piece of work: lets others run if the turn has lasted long enough.
    pub(crate) async fn pass(&mut self) {
        if self.begun.elapsed() >= LASTS {
            yield_now().await;
            *self = Self::begin();
        }
    }
}
