//! Keeps the read models now and then, so that a start after a crash folds the end of the log and not all of it. What is kept
//! at a stop would be enough only for engines that are stopped.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use super::Shared;
use crate::{
    port::{clock::after, store::Condition},
    unit::Duration,
    vitals::Vitals,
};

/// Events after which read models are kept again: folding so many takes a tenth of a second.
pub const MODELS_KEPT_EVERY: u64 = 50_000;
/// How long it waits after a try that failed: what is in the way of it is not gone a second later.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// The task.
pub(super) struct Scribe {
    shared: Arc<Shared>,
    /// It looks at the log's head whenever figures are taken: waiting for it would cost every append, and a clock of its own
    /// would wake an engine that rests.
    vitals: watch::Receiver<Arc<Vitals>>,
}

impl Scribe {
    pub(super) fn new(shared: Arc<Shared>, vitals: watch::Receiver<Arc<Vitals>>) -> Self {
        Self { shared, vitals }
    }

    pub(super) async fn run(self) {
        let Self { shared, mut vitals } = self;
        let (engine, mut again_at) = (&shared.engine, Timestamp::MIN);
        loop {
            tokio::select! {
                () = shared.shutdown.cancelled() => return,
                taken = vitals.changed() => if taken.is_err() { return },
            }
            let is_due = engine.store().head().0.saturating_sub(engine.models_kept().0) >= MODELS_KEPT_EVERY;
            // A disk that takes no events has no room for these either.
            if !is_due || engine.clock().now() < again_at || engine.store().condition() != Condition::Writing {
                continue;
            }
            if let Err(refusal) = engine.keep_models().await {
                tracing::warn!(%refusal, again_after = %AGAIN_AFTER, "a start after a crash would take longer");
                again_at = after(engine.clock().now(), AGAIN_AFTER.0);
            }
        }
    }
}
