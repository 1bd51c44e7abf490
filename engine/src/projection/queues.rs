//! What operators declared of queues. Depths and rates are vital figures, not events.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    event::{Envelope, Event},
    id::{Actor, QueueName},
    port::queue::QueueLimits,
};

/// A declared queue.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueRow {
    /// Its limits.
    pub limits: QueueLimits,
    /// When they were last set.
    pub declared_at: Timestamp,
    /// By whom.
    pub declared_by: Actor,
}

/// Declared queues, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Queues {
    /// By name.
    pub queues: BTreeMap<QueueName, QueueRow>,
}

impl Queues {
    /// Folds one event in.
    pub fn apply(&mut self, _envelope: &Envelope, _event: &Event) {}
}
