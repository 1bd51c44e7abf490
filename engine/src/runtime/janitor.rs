//! Keeps the log as small and as young as it is told: what lives is snapshotted, then the oldest events go; single events of
//! some types go earlier. And after a full disk finds out that there is room again: nobody writes to what takes nothing.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use super::{Shared, declare_runs_queue};
use crate::{
    id::Position,
    port::{clock::after, store::Condition},
    unit::Duration,
    vitals::Vitals,
};

/// How often the log's size is looked at while it grows: a look costs nothing, and a burst fills a small log within a second.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often the age of its events is.
const AGE_EVERY: Duration = Duration::from_secs(60);

/// How often it is tried whether a log or queues that take nothing do so again.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// The task.
pub(super) struct Janitor {
    shared: Arc<Shared>,
    vitals: watch::Receiver<Arc<Vitals>>,
}

impl Janitor {
    pub(super) fn new(shared: Arc<Shared>, vitals: watch::Receiver<Arc<Vitals>>) -> Self {
        Self { shared, vitals }
    }

    pub(super) async fn run(self) {
        let Self { shared, mut vitals } = self;
        let clock = shared.engine.clock().clone();
        let (mut next_age, mut next_try) = (clock.now(), clock.now());
        loop {
            // The head is marked before the log is looked at: what comes meanwhile is looked at next.
            let seen = shared.engine.store().head();
            tidy(&shared).await;
            next_age = age(&shared, next_age).await;
            next_try = try_again(&shared, next_try).await;
            let is_refused = refusing(&shared) != (false, false);
            let next = if is_refused { next_age.min(next_try) } else { next_age };
            tokio::select! {
                () = shared.shutdown.cancelled() => return,
                () = grows(&shared, seen) => {}
                () = clock.sleep_until(next) => {}
                () = refused(&mut vitals), if !is_refused => {}
            }
        }
    }
}

/// Resolves when there is more in the log, and a little later, because events come in bursts.
async fn grows(shared: &Shared, seen: Position) {
    shared.engine.store().wait_past(seen).await;
    shared.engine.clock().sleep(LOOK_EVERY.0).await;
}

/// Resolves when newer figures say that the log or the queues take nothing.
async fn refused(vitals: &mut watch::Receiver<Arc<Vitals>>) {
    while vitals.changed().await.is_ok() {
        if vitals.borrow_and_update().refuses.is_some() {
            return;
        }
    }
    // Nobody takes figures any more: the engine stops.
    std::future::pending::<()>().await;
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

/// Drops what is too old, if it is time to; when it is time again.
async fn age(shared: &Shared, next: Timestamp) -> Timestamp {
    let now = shared.engine.clock().now();
    if now < next {
        return next;
    }
    let (engine, settings) = (&shared.engine, &shared.settings);
    if settings.retain_age_max.is_none() && settings.retain_types.is_empty() {
        return Timestamp::MAX;
    }
    if let Some(age_max) = settings.retain_age_max
        && let Err(refusal) = engine.retain_for(age_max).await
    {
        tracing::warn!(%refusal, "events that are too old could not be dropped");
    }
    if !settings.retain_types.is_empty()
        && let Err(refusal) = engine.let_go(&settings.retain_types).await
    {
        tracing::warn!(%refusal, "events of types that are kept for less long could not be dropped");
    }
    after(now, AGE_EVERY.0)
}

/// Whether the log, and the queues, take nothing.
fn refusing(shared: &Shared) -> (bool, bool) {
    let refuses = |condition: &Condition| matches!(condition, Condition::Refusing { .. });
    (refuses(&shared.engine.store().condition()), refuses(&shared.engine.queues().condition()))
}

/// Writes something that changes nothing to what takes nothing, if it is time to; when it is time again.
async fn try_again(shared: &Shared, next: Timestamp) -> Timestamp {
    let ((log, queue), now) = (refusing(shared), shared.engine.clock().now());
    if now < next || !(log || queue) {
        return next;
    }
    // That they still take nothing is what health says.
    if log {
        drop(shared.engine.try_again().await);
    }
    if queue {
        drop(declare_runs_queue(&**shared.engine.queues()).await);
    }
    after(now, TRY_EVERY.0)
}
