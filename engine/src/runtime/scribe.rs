//! Keeps the read models now and then, so that a start after a crash folds the end of the log and not all of it. What is kept
//! at a stop would be enough only for engines that are stopped.

use std::sync::Arc;

use super::Shared;
use crate::{port::store::Condition, unit::Duration};

/// Events after which read models are kept again: folding so many takes a tenth of a second.
pub const MODELS_KEPT_EVERY: u64 = 50_000;
/// How often the log's head is looked at, which costs nothing; waiting for it would cost every append.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long it waits after a try that failed: what is in the way of it is not gone a second later.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// The task.
pub(super) struct Scribe {
    shared: Arc<Shared>,
}

impl Scribe {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(super) async fn run(self) {
        let (engine, mut wait) = (&self.shared.engine, LOOK_EVERY);
        loop {
            tokio::select! {
                () = self.shared.shutdown.cancelled() => return,
                () = engine.clock().sleep(wait.0) => {}
            }
            wait = LOOK_EVERY;
            let is_due = engine.store().head().0.saturating_sub(engine.models_kept().0) >= MODELS_KEPT_EVERY;
            // A disk that takes no events has no room for these either.
            if !is_due || engine.store().condition() != Condition::Writing {
                continue;
            }
            if let Err(refusal) = engine.keep_models().await {
                tracing::warn!(%refusal, again_after = %AGAIN_AFTER, "a start after a crash would take longer");
                wait = AGAIN_AFTER;
            }
        }
    }
}
