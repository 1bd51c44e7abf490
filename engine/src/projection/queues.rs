//! What operators declared of queues. Depths and rates are vital figures, not events.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    event::{Envelope, Event},
    id::{Actor, QueueName},
    port::queue::QueueLimits,
};

/// A declared queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueRow {
    /// Its limits.
    pub limits: QueueLimits,
    /// When they were last set.
    pub declared_at: Timestamp,
    /// By whom.
    pub declared_by: Actor,
}

/// Declared queues, by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Queues {
    /// By name.
    pub queues: BTreeMap<QueueName, QueueRow>,
}

impl Queues {
    /// Folds one event in.
    pub fn apply(&mut self, envelope: &Envelope, event: &Event) {
        let Event::QueueDeclared(declared) = event else { return };
        let name = envelope.stream.as_str().strip_prefix("queue/").map(QueueName::new);
        if let Some(Ok(name)) = name {
            let (declared_at, declared_by) = (envelope.event.at, envelope.event.actor.clone());
            self.queues.insert(name, QueueRow { limits: declared.limits, declared_at, declared_by });
        }
    }
}
