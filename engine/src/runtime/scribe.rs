//! Keeps the read models now and then, so that a start after a crash folds the end of the log and not all of it. What is kept
//! at a stop would be enough only for engines that are stopped.

use std::sync::Arc;

use super::Shared;
use crate::unit::Duration;

/// Events after which read models are kept again: folding so many takes a tenth of a second.
pub const MODELS_KEPT_EVERY: u64 = 50_000;
/// How often the log's head is looked at, which costs nothing; waiting for it would cost every append.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The task.
pub(super) struct Scribe {
    shared: Arc<Shared>,
}

impl Scribe {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(super) async fn run(self) {
        let engine = &self.shared.engine;
        loop {
            tokio::select! {
                () = self.shared.shutdown.cancelled() => return,
                () = engine.clock().sleep(LOOK_EVERY.0) => {}
            }
            if engine.store().head().0.saturating_sub(engine.models_kept().0) < MODELS_KEPT_EVERY {
                continue;
            }
            if let Err(refusal) = engine.keep_models().await {
                tracing::warn!(%refusal, "a start after a crash would take longer");
            }
        }
    }
}
