//! Counts per minute over the last day: events, runs that ended well and badly.

use std::collections::VecDeque;

use crate::event::Envelope;

/// The most minutes kept.
pub const MINUTES_MAX: usize = 1_440;

/// One minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Minute {
    /// Minutes since the epoch.
    pub minute: i64,
    /// Events.
    pub events: u64,
    /// Runs that succeeded.
    pub succeeded: u64,
    /// Attempts and runs that failed, and leases that expired.
    pub failures: u64,
}

/// The minutes in which something happened, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// At most [`MINUTES_MAX`].
    pub minutes: VecDeque<Minute>,
}

impl History {
    /// Folds one event in.
    pub fn apply(&mut self, _envelope: &Envelope) {}
}
