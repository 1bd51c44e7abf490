//! Signs of life of a stream on which nothing happens. All streams give theirs at the same moments, so a console that reads
//! three of them wakes once, and so does the engine for all of them.

use std::{future::pending, sync::LazyLock, time::Duration};

use tokio::time::{Instant, sleep_until};

/// How often. Proxies cut what says nothing for a minute, some for half of that.
pub(in crate::http) const EVERY: Duration = Duration::from_secs(15);
/// Who has said something so shortly before is alive until the next time.
const LATELY: Duration = Duration::from_secs(1);

/// The first of these moments.
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Resolves when a sign of life is due, if nothing is said until then. `quiet`: never, its reader hears of the end otherwise.
pub(in crate::http) async fn due(quiet: bool) {
    if quiet {
        return pending().await;
    }
    sleep_until(next(*BEGUN, Instant::now())).await;
}

fn next(begun: Instant, now: Instant) -> Instant {
    let past = now.duration_since(begun) + LATELY;
    let times = past.as_secs() / EVERY.as_secs() + 1;
    begun + Duration::from_secs(times * EVERY.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn signs_of_all_streams_are_due_at_the_same_moments() {
        let begun = Instant::now();
        let after = |ms| next(begun, begun + Duration::from_millis(ms)) - begun;
        assert_eq!([after(0), after(7_000), after(13_999)], [EVERY; 3]);
        assert_eq!([after(14_000), after(15_000), after(16_000)], [EVERY * 2; 3], "what was said a moment ago was a sign");
        due(false).await;
        let first = Instant::now();
        tokio::join!(due(false), due(false));
        assert_eq!(Instant::now() - first, EVERY);
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_stream_gives_none() {
        assert!(tokio::time::timeout(EVERY * 100, due(true)).await.is_err());
    }
}
