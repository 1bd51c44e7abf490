//! Telling somebody elsewhere: alerts to the webhooks of the alerts file, and what happens to a pipeline to those that its
//! file names. The log is what there is to tell and what was told: a reader follows it and hands letters to one courier a
//! target; a courier tries again, and whatever becomes of a letter is an event. So nothing of the engine ever waits for a
//! webhook, and a process that begins anew tells nothing twice.

mod courier;
mod message;
mod post;
mod reader;

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use flexcore_engine::{handle::Engine, id::Position, port::step::Secrets, unit::Duration};
use tokio::{sync::watch, task::JoinSet};

use crate::alerts::Webhook;
pub use post::{DELIVERY, SIGNATURE, TIMESTAMP, signature};
use reader::Reader;

/// What is older is not told any more: it is no news.
pub const AGE_MAX: Duration = Duration::from_secs(6 * 3_600);
/// What waits for one target; what comes beyond is given up, and that is on record.
pub const LETTERS_MAX: usize = 256;

/// What all parts of it need.
pub(crate) struct Office {
    engine: Engine,
    secrets: Arc<dyn Secrets>,
    /// Made for the first delivery: it reads all certificates that this machine trusts, which a start should not wait for.
    client: Arc<OnceLock<reqwest::Client>>,
    node: String,
}

/// Tells, as long as it lives.
pub struct Notifier {
    webhooks: watch::Sender<Vec<Webhook>>,
    _tasks: JoinSet<()>,
}

impl Notifier {
    /// Begins to tell.
    pub fn start(engine: Engine, secrets: Arc<dyn Secrets>, node: impl Into<String>, webhooks: Vec<Webhook>) -> Self {
        let office = Arc::new(Office { engine, secrets, client: Arc::default(), node: node.into() });
        let (webhooks, watched) = watch::channel(webhooks);
        let mut tasks = JoinSet::new();
        tasks.spawn(Reader { office, webhooks: watched, begun: Vec::new(), couriers: HashMap::new() }.run());
        Self { webhooks, _tasks: tasks }
    }

    /// Others from now on.
    pub fn exchange(&self, webhooks: Vec<Webhook>) {
        // Nobody follows when it has ended; then nobody is told either.
        let _ = self.webhooks.send(webhooks);
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
