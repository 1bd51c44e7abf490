//! Telling somebody elsewhere: alerts to the webhooks of the alerts file, and what happens to a pipeline to those that its
//! file names. The log is what there is to tell and what was told: a reader follows it and hands letters to one courier a
//! target; a courier tries again, and whatever becomes of a letter is an event. So nothing of the engine ever waits for a
//! webhook, and a process that begins anew tells nothing twice.

mod courier;
mod message;
mod post;

use std::{collections::HashMap, sync::Arc};

use flexcore_engine::{
    alert::{About, AlertId, Severity},
    event::{
        Envelope, Event,
        pipeline::{Outcome, SkipReason},
    },
    handle::Engine,
    id::{PipelineName, Position},
    pipeline::definition::Occasion,
    port::{
        clock::between,
        step::Secrets,
        store::{Filter, ReadError},
    },
    projection::ReadModels,
    subscription::Subscription,
    unit::Duration,
};
use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use crate::alerts::{Webhook, eight, ten_seconds};
use courier::{Address, Courier, Letter};
use message::Message;
pub use post::{DELIVERY, SIGNATURE, TIMESTAMP, signature};

/// What is older is not told any more: it is no news.
pub const AGE_MAX: Duration = Duration::from_secs(6 * 3_600);
/// Letters that wait for one target; what comes beyond is given up, and that is on record.
pub const LETTERS_MAX: usize = 256;

/// What there may be to tell of.
const KINDS: [&str; 4] = ["alert.raised", "alert.resolved", "pipeline.run_ended", "pipeline.tick_skipped"];

/// What all parts of it need.
pub(crate) struct Office {
    engine: Engine,
    secrets: Arc<dyn Secrets>,
    client: reqwest::Client,
    node: String,
}

/// Tells, as long as it lives.
pub struct Notifier {
    webhooks: watch::Sender<Vec<Webhook>>,
    _tasks: JoinSet<()>,
}

impl Notifier {
    /// Begins to tell. `Err`: no HTTP client can be made.
    pub fn start(
        engine: Engine,
        secrets: Arc<dyn Secrets>,
        node: impl Into<String>,
        webhooks: Vec<Webhook>,
    ) -> Result<Self, reqwest::Error> {
        let office = Arc::new(Office { engine, secrets, client: post::client()?, node: node.into() });
        let (webhooks, watched) = watch::channel(webhooks);
        let mut tasks = JoinSet::new();
        tasks.spawn(Reader { office, webhooks: watched, couriers: HashMap::new(), tasks: JoinSet::new() }.run());
        Ok(Self { webhooks, _tasks: tasks })
    }

    /// Others from now on.
    pub fn exchange(&self, webhooks: Vec<Webhook>) {
        // Nobody follows when it has ended; then nobody is told either.
        let _ = self.webhooks.send(webhooks);
    }
}

/// Follows the log.
struct Reader {
    office: Arc<Office>,
    webhooks: watch::Receiver<Vec<Webhook>>,
    couriers: HashMap<String, mpsc::Sender<Letter>>,
    tasks: JoinSet<()>,
}

impl Reader {
    async fn run(mut self) {
        let engine = self.office.engine.clone();
        self.begin().await;
        let after = self.first().await;
        let filter = Filter { types: KINDS.map(str::to_owned).to_vec(), ..Filter::default() };
        let mut log = Subscription::new(engine.store().clone(), after, filter).named(engine.readers(), "notify");
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

    /// A webhook that is new is told of what comes, not of what was.
    async fn begin(&mut self) {
        let webhooks = self.webhooks.borrow_and_update().clone();
        self.couriers.retain(|target, _| target.contains('/') || webhooks.iter().any(|webhook| webhook.name == *target));
        let engine = &self.office.engine;
        for webhook in webhooks {
            let name = webhook.name.clone();
            if !engine.view(move |models| models.alerts.told.contains_key(&name)).await {
                self.record(&webhook.name, engine.store().head(), "begun").await;
            }
        }
    }

    /// From where on there may be something that nobody was told of.
    async fn first(&self) -> Position {
        let engine = &self.office.engine;
        let since = engine.clock().now().checked_sub(AGE_MAX.0).unwrap_or(Timestamp::MIN);
        let first = engine.first_since(since).await.unwrap_or_else(|_| engine.store().head().next());
        Position(first.0.saturating_sub(1))
    }

    async fn record(&self, target: &str, position: Position, outcome: &str) {
        self.office.record(target, position, outcome).await;
    }

    async fn tell(&mut self, envelope: &Envelope) {
        if between(envelope.event.at, self.office.engine.clock().now()) > AGE_MAX.0 {
            return;
        }
        match envelope.decode() {
            Some(Ok(event @ (Event::AlertRaised(_) | Event::AlertResolved(_)))) => self.of_alert(envelope, &event).await,
            Some(Ok(Event::RunEnded(ended))) => match ended.outcome {
                Outcome::Failed => self.of_pipeline(envelope, Occasion::Failed).await,
                Outcome::Succeeded if self.failed_before(envelope).await => self.of_pipeline(envelope, Occasion::Recovered).await,
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
        let webhooks: Vec<Webhook> = self.webhooks.borrow().clone();
        let message = Message::of_alert(&self.office.node, envelope, event, &id, &row);
        for webhook in webhooks.into_iter().filter(|webhook| webhook.wants(&id, severity)) {
            if row.is_silenced(now) && !self.is_told(&webhook.name, envelope.position).await {
                self.record(&webhook.name, envelope.position, "silenced").await;
                continue;
            }
            self.hand_over(&webhook.name, envelope, &message, vec![Address::of(&webhook)]).await;
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
            self.hand_over(&format!("pipeline/{name}"), envelope, &message, addresses).await;
        }
    }

    /// Whether the run before this one of the same pipeline failed; those that somebody cancelled do not count.
    async fn failed_before(&self, envelope: &Envelope) -> bool {
        let filter =
            Filter { stream_prefix: Some(envelope.stream.as_str().to_owned()), types: vec!["pipeline.run_ended".into()] };
        let (store, mut before) = (self.office.engine.store(), envelope.position);
        loop {
            let Ok(page) = store.read_back(before, &filter, 32).await else { return false };
            let own = page.events.iter().rev().filter(|known| known.stream == envelope.stream);
            let outcomes = own.filter_map(|known| match known.decode() {
                Some(Ok(Event::RunEnded(ended))) => Some(ended.outcome),
                _ => None,
            });
            if let Some(outcome) = outcomes.into_iter().find(|outcome| *outcome != Outcome::Cancelled) {
                return outcome == Outcome::Failed;
            }
            if page.events.is_empty() || page.seen >= before {
                return false;
            }
            before = page.seen;
        }
    }

    async fn is_told(&self, target: &str, position: Position) -> bool {
        let target = target.to_owned();
        self.office.engine.view(move |models| models.alerts.told.get(&target).is_some_and(|told| *told >= position)).await
    }

    async fn hand_over(&mut self, target: &str, envelope: &Envelope, message: &Message, addresses: Vec<Address>) {
        if self.is_told(target, envelope.position).await {
            return;
        }
        let body = serde_json::to_vec(message).unwrap_or_default().into();
        let letter = Letter { position: envelope.position, id: envelope.event.id, at: envelope.event.at, body, addresses };
        let courier = self.couriers.entry(target.to_owned()).or_insert_with(|| {
            let (sender, letters) = mpsc::channel(LETTERS_MAX);
            self.tasks.spawn(Courier { office: self.office.clone(), target: target.to_owned(), letters }.run());
            sender
        });
        if let Err(refused) = courier.try_send(letter) {
            let why = match refused {
                mpsc::error::TrySendError::Full(_) => format!("given up: {LETTERS_MAX} others wait"),
                mpsc::error::TrySendError::Closed(_) => "given up: its courier has ended".to_owned(),
            };
            self.record(target, envelope.position, &why).await;
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

impl Office {
    /// A record that cannot be made now is not tried again: at worst somebody is told twice.
    async fn record(&self, target: &str, position: Position, outcome: &str) {
        if let Err(refusal) = self.engine.record_notified(target, position, outcome).await {
            tracing::warn!(%refusal, target, outcome, "what became of a notification is not on record");
        }
    }
}
