//! Alerts: whenever new figures are taken, the rules are evaluated, and what begins or ends is submitted. The log knows what is
//! raised, so a process that begins anew raises nothing twice, and resolves what ended meanwhile once it knows.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use tokio::sync::watch;

use super::{SAMPLE_EVERY, Shared};
use crate::{
    alert::{AlertId, Evaluator, Rule, Wanted, figures},
    command::{AlertCommand, Command},
    handle::Refusal,
    id::Position,
    port::store::{Filter, READ_EVENTS_MAX, ReadError},
    subscription::readers::Reading,
    vitals::Vitals,
};

/// Alerts that begin or end at once; more wait for the next figures.
const CHANGES_MAX: usize = 200;

/// The task.
pub(super) struct Watcher {
    shared: Arc<Shared>,
    vitals: watch::Receiver<Arc<Vitals>>,
    rules: watch::Receiver<Vec<Rule>>,
    evaluator: Evaluator,
    /// When figures must be looked at again although nothing happens.
    looks: watch::Sender<Timestamp>,
}

/// Up to where events were taken in.
struct Place {
    after: Position,
    reading: Reading,
}

impl Watcher {
    pub(super) fn new(
        shared: Arc<Shared>,
        vitals: watch::Receiver<Arc<Vitals>>,
        mut rules: watch::Receiver<Vec<Rule>>,
        looks: watch::Sender<Timestamp>,
    ) -> Self {
        let evaluator = Evaluator::new(rules.borrow_and_update().clone(), shared.engine.clock().now());
        Self { shared, vitals, rules, evaluator, looks }
    }

    pub(super) async fn run(mut self) {
        let shutdown = self.shared.shutdown.clone();
        let mut place = self.begin().await;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                changed = self.vitals.changed() => if changed.is_err() { return },
            }
            if self.rules.has_changed().unwrap_or_default() {
                self.evaluator.exchange(self.rules.borrow_and_update().clone());
                place = self.begin().await;
            }
            let vitals = self.vitals.borrow_and_update().clone();
            self.read(&mut place).await;
            self.evaluate(&vitals).await;
        }
    }

    /// What rules count of the past is read back from the log, and what is raised stays so until it is known to be over.
    async fn begin(&mut self) -> Place {
        let engine = &self.shared.engine;
        let evaluator = &mut self.evaluator;
        engine.view(|models| evaluator.resume(models.alerts.raised().map(|(id, row)| (id, row.since)))).await;
        let since = engine.clock().now().checked_sub(self.evaluator.looks_back().0).unwrap_or(Timestamp::MIN);
        let first = engine.first_since(since).await.unwrap_or_else(|_| engine.store().head().next());
        let after = Position(first.0.saturating_sub(1));
        Place { after, reading: engine.readers().enter("alerts", after) }
    }

    async fn read(&mut self, place: &mut Place) {
        let store = self.shared.engine.store().clone();
        while store.head() > place.after {
            match store.read_some(place.after, &Filter::default(), READ_EVENTS_MAX).await {
                Ok(page) => {
                    let evaluator = &mut self.evaluator;
                    let observe = |models: &_| page.events.iter().for_each(|envelope| evaluator.observe(envelope, models));
                    self.shared.engine.view(observe).await;
                    place.after = page.seen;
                }
                Err(ReadError::Truncated { oldest }) => place.after = Position(oldest.0.saturating_sub(1)),
                Err(ReadError::Unavailable { reason, .. }) => {
                    return tracing::warn!(reason, "alerts cannot read the log; they try again");
                }
            }
            place.reading.seen(place.after);
        }
    }

    async fn evaluate(&mut self, vitals: &Vitals) {
        let readings = self.shared.engine.view(|models| figures(vitals, models)).await;
        let wanted = self.evaluator.evaluate(&readings, vitals.at);
        let rests = vitals.newer_within > SAMPLE_EVERY;
        let look_at = if rests { self.evaluator.moves_at(&readings, vitals.at) } else { Timestamp::MAX };
        self.looks.send_if_modified(|known| std::mem::replace(known, look_at) != look_at);
        let raised: BTreeSet<AlertId> =
            self.shared.engine.view(|models| models.alerts.raised().map(|(id, _)| id.clone()).collect()).await;
        let evaluator = &self.evaluator;
        for (id, command) in changes(wanted, &raised, |id| evaluator.keeps(id)).into_iter().take(CHANGES_MAX) {
            match self.shared.submit(Command::Alert(id, command)).await {
                Ok(_) | Err(Refusal::Rejected(_)) => {}
                Err(refusal) => return tracing::warn!(%refusal, "an alert is not on record; it is tried again"),
            }
        }
    }
}

/// What begins, and what is over.
fn changes(wanted: Wanted, raised: &BTreeSet<AlertId>, keeps: impl Fn(&AlertId) -> bool) -> Vec<(AlertId, AlertCommand)> {
    let over = raised.iter().filter(|id| !wanted.contains_key(*id) && !keeps(id)).cloned().collect::<Vec<_>>();
    let begins = wanted.into_iter().filter(|(id, _)| !raised.contains(id));
    let raise = begins.map(|(id, firing)| (id, AlertCommand::Raise { firing }));
    let resolve = over.into_iter().map(|id| (id, AlertCommand::Resolve { reason: "it is no longer so".into() }));
    resolve.chain(raise).collect()
}
