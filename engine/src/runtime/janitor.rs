//! Keeps the log as small as it is told: what lives is snapshotted, then the oldest events go.

use std::sync::Arc;

use super::Shared;
use crate::unit::Duration;

/// How often the log's size is looked at: a look costs nothing, and a burst fills a small log within a second.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The task.
pub(super) struct Janitor {
    shared: Arc<Shared>,
}

impl Janitor {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(super) async fn run(self) {
        let shared = self.shared;
        loop {
            tokio::select! {
                () = shared.shutdown.cancelled() => return,
                () = shared.engine.clock().sleep(LOOK_EVERY.0) => tidy(&shared).await,
            }
        }
    }
}

async fn tidy(shared: &Shared) {
    let stats = shared.engine.store().stats();
    let events = stats.kept();
    let (events_max, bytes_max) = (shared.settings.retain_events_max, shared.settings.retain_bytes_max.0);
    if events <= events_max && stats.bytes <= bytes_max {
        return;
    }
    // Down to three quarters, so that this happens now and then and not at every look.
    let share = (bytes_max as f64 / stats.bytes.max(1) as f64).min(1.0);
    let keep = events_max.min((events as f64 * share) as u64) / 4 * 3;
    if let Err(refusal) = shared.engine.retain(keep).await {
        tracing::warn!(%refusal, "the log could not be made smaller");
    }
}
