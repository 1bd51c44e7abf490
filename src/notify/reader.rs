//! Follows the log and says who is to be told of what. What becomes of an event for a target, also that nobody is told, goes
//! through that target's courier: so everything up to a position is settled when the log says that the position is.

use std::{collections::HashMap, sync::Arc};

use flexcore_engine::{
    alert::{About, AlertId, Severity},
    event::{
        Envelope, Event,
        alert::AlertNotified,
        pipeline::{Outcome, SkipReason},
    },
    id::{PipelineName, Position, Version},
    pipeline::definition::Occasion,
    port::{
        clock::between,
        store::{Filter, ReadError},
    },
    projection::{ReadModels, board::PipelineRow},
    subscription::Subscription,
};
use jiff::Timestamp;
use tokio::sync::watch;

use super::{
    AGE_MAX, Office,
    courier::{Address, Courier, Item, Letter},
    message::Message,
};
use crate::alerts::{Webhook, eight, ten_seconds};

/// What there may be to tell of.
const KINDS: [&str; 4] = ["alert.raised", "alert.resolved", "pipeline.run_ended", "pipeline.tick_skipped"];

/// Follows the log.
pub(super) struct Reader {
    pub(super) office: Arc<Office>,
    pub(super) webhooks: watch::Receiver<Vec<Webhook>>,
    /// Those that have begun: one that was set a moment ago is told of nothing before.
    pub(super) begun: Vec<Webhook>,
    /// Of each target that something waits for.
    pub(super) couriers: HashMap<String, Courier>,
}

impl Reader {
    pub(super) async fn run(mut self) {
        let engine = self.office.engine.clone();
        self.begin().await;
        let after = self.first().await;
        let filter = Filter { types: KINDS.map(str::to_owned).to_vec(), ..Filter::default() };
        let log = Subscription::new(engine.store().clone(), after, filter);
        let mut log = log.named(engine.readers(), "notify").resting(engine.clock().clone());
        loop {
            tokio::select! {
                changed = self.webhooks.changed() => match changed {
                    Ok(()) => self.begin().await,
                    Err(_) => return,
                },
                page = log.next() => match page {
                    Ok(page) => {
                        for envelope in &page.events {
                            self.tell(envelope).await;
                        }
                    }
                    Err(ReadError::Truncated { .. }) => {
                        let skipped = log.skip_to_oldest();
                        tracing::warn!(skipped, "retention dropped events before webhooks were told of them");
                    }
                    Err(ReadError::Unavailable { reason, .. }) => {
                        tracing::warn!(reason, "the log cannot be read; webhooks are told later");
                        engine.clock().sleep(std::time::Duration::from_secs(5)).await;
                    }
                },
            }
        }
    }

    /// A webhook that is new is told of what comes, not of what was; one that was taken out and is set again is new.
    async fn begin(&mut self) {
        let webhooks = self.webhooks.borrow_and_update().clone();
        let is_set = |target: &str| target.contains('/') || webhooks.iter().any(|webhook| webhook.name == target);
        let engine = self.office.engine.clone();
        let told = engine.view(|models| models.alerts.told.keys().cloned().collect::<Vec<_>>()).await;
        for target in told.iter().filter(|target| !is_set(target)) {
            // Before it is on record: what a courier still notes would bring the target back.
            if let Some(courier) = self.couriers.remove(target) {
                courier.end().await;
            }
            self.office.record(target, engine.store().head(), AlertNotified::REMOVED).await;
        }
        self.couriers.retain(|target, _| is_set(target));
        for webhook in webhooks.iter().filter(|webhook| !told.contains(&webhook.name)) {
            self.office.record(&webhook.name, engine.store().head(), "begun").await;
        }
        self.begun = webhooks;
    }

    /// From where on there may be something that nobody was told of.
    async fn first(&self) -> Position {
        let engine = &self.office.engine;
        let since = engine.clock().now().checked_sub(AGE_MAX.0).unwrap_or(Timestamp::MIN);
        let first = engine.first_since(since).await.unwrap_or_else(|_| engine.store().head().next());
        Position(first.0.saturating_sub(1))
    }

    async fn tell(&mut self, envelope: &Envelope) {
        if between(envelope.event.at, self.office.engine.clock().now()) > AGE_MAX.0 {
            return;
        }
        match envelope.decode() {
            Some(Ok(event @ (Event::AlertRaised(_) | Event::AlertResolved(_)))) => self.of_alert(envelope, &event).await,
            Some(Ok(Event::RunEnded(ended))) => match ended.outcome {
                Outcome::Failed => self.of_pipeline(envelope, Occasion::Failed).await,
                // Whether anybody is to be told is asked first: of most runs nobody is, and there may be a million of them.
                Outcome::Succeeded
                    if self.is_wanted(envelope, Occasion::Recovered).await && self.failed_before(envelope).await =>
                {
                    self.of_pipeline(envelope, Occasion::Recovered).await;
                }
                Outcome::Succeeded | Outcome::Cancelled => {}
            },
            Some(Ok(Event::TickSkipped(skip))) if skip.reason == SkipReason::Missed => {
                self.of_pipeline(envelope, Occasion::Missed).await;
            }
            _ => {}
        }
    }

    async fn of_alert(&mut self, envelope: &Envelope, event: &Event) {
        let id = envelope.stream.as_str().strip_prefix("alert/").and_then(|id| id.parse::<AlertId>().ok());
        let Some(id) = id else { return };
        let (now, known) = (self.office.engine.clock().now(), id.clone());
        let row = self.office.engine.view(move |models| models.alerts.rows.get(&known).cloned()).await.unwrap_or_default();
        let severity = if let Event::AlertRaised(raised) = event { raised.severity } else { row.severity };
        let webhooks = self.begun.clone();
        let message = Message::of_alert(&self.office.node, envelope, event, &id, &row);
        for webhook in webhooks.into_iter().filter(|webhook| webhook.wants(&id, severity)) {
            let letter = || Item::Letter(Arc::new(Letter::new(envelope, &message, vec![Address::of(&webhook)])));
            let item = if row.is_silenced(now) { Item::Settled("silenced") } else { letter() };
            self.hand_over(&webhook.name, envelope.position, item).await;
        }
        let is_of_letters = id.rule() == "dead-letters" && matches!(event, Event::AlertRaised(_));
        if let (true, About::Pipeline(_)) = (is_of_letters, &row.about) {
            self.of_pipeline(envelope, Occasion::DeadLetters).await;
        }
    }

    /// What its file says, if it said so already when it happened.
    async fn of_pipeline(&mut self, envelope: &Envelope, occasion: Occasion) {
        let at = envelope.event.at;
        let found = self.office.engine.view(|models| {
            let name = pipeline_of(envelope, models)?;
            let row = models.board.pipelines.get(&name).filter(|row| row.current().at <= at)?;
            let wanted = row.definition().notify.iter().filter(|notify| notify.on.contains(&occasion));
            let addresses: Vec<Address> = wanted.map(|notify| Address::of_pipeline(&notify.webhook)).collect();
            let message = Message::of_pipeline(&self.office.node, envelope, occasion, &name, models);
            (!addresses.is_empty()).then_some((name, addresses, message))
        });
        let found = found.await;
        if let Some((name, addresses, message)) = found {
            let letter = Item::Letter(Arc::new(Letter::new(envelope, &message, addresses)));
            self.hand_over(&format!("pipeline/{name}"), envelope.position, letter).await;
        }
    }

    /// Whether a pipeline's own event is one that its file wants to be told of.
    async fn is_wanted(&self, envelope: &Envelope, occasion: Occasion) -> bool {
        let name = envelope.stream.as_str().strip_prefix("pipeline/").unwrap_or_default();
        let wants = |row: &PipelineRow| row.definition().notify.iter().any(|notify| notify.on.contains(&occasion));
        self.office.engine.view(|models| models.board.pipelines.get(name).is_some_and(wants)).await
    }

    /// Whether the run before this one of the same pipeline failed; those that somebody cancelled do not count. Its stream is
    /// gone back event by event: the answer is among the last few, however much else there is in the log.
    async fn failed_before(&self, envelope: &Envelope) -> bool {
        let store = self.office.engine.store();
        for before in (0..envelope.version.0.saturating_sub(1)).rev() {
            let Ok(events) = store.read_stream(&envelope.stream, Version(before), 1).await else { return false };
            match events.first().and_then(Envelope::decode) {
                Some(Ok(Event::RunEnded(ended))) if ended.outcome != Outcome::Cancelled => {
                    return ended.outcome == Outcome::Failed;
                }
                _ => {}
            }
        }
        false
    }

    async fn is_told(&self, target: &str, position: Position) -> bool {
        let target = target.to_owned();
        self.office.engine.view(move |models| models.alerts.told.get(&target).is_some_and(|told| *told >= position)).await
    }

    async fn hand_over(&mut self, target: &str, position: Position, item: Item) {
        // Those with nothing left to do have ended.
        self.couriers.retain(|_, courier| !courier.is_over());
        if self.is_told(target, position).await {
            return;
        }
        let refused = match self.couriers.get(target) {
            Some(courier) => courier.take(position, item),
            None => Err(item),
        };
        if let Err(item) = refused {
            let courier = Courier::begin(self.office.clone(), target, position, item);
            self.couriers.insert(target.to_owned(), courier);
        }
    }
}

/// Whose event it is.
fn pipeline_of(envelope: &Envelope, models: &ReadModels) -> Option<PipelineName> {
    let stream = envelope.stream.as_str();
    if let Some(name) = stream.strip_prefix("pipeline/") {
        return PipelineName::new(name).ok();
    }
    let id: AlertId = stream.strip_prefix("alert/")?.parse().ok()?;
    match &models.alerts.rows.get(&id)?.about {
        About::Pipeline(name) => Some(name.clone()),
        About::Engine | About::Queue(_) => None,
    }
}

impl Webhook {
    fn wants(&self, id: &AlertId, severity: Severity) -> bool {
        severity >= self.severity
            && (self.rules.is_empty() || self.rules.iter().any(|rule| flexcore_engine::alert::fits(rule, id.rule())))
    }
}

impl Address {
    fn of(webhook: &Webhook) -> Self {
        let Webhook { url, secret, timeout, attempts, .. } = webhook.clone();
        Self { url, secret, timeout, attempts }
    }

    fn of_pipeline(webhook: &flexcore_engine::pipeline::definition::PipelineWebhook) -> Self {
        Self { url: webhook.url.clone(), secret: webhook.secret.clone(), timeout: ten_seconds(), attempts: eight() }
    }
}
