//! Counts per minute over the last day: events, runs that ended well and badly.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::event::{Envelope, Event};

/// The most minutes kept.
pub const MINUTES_MAX: usize = 1_440;

/// One minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// At most [`MINUTES_MAX`].
    pub minutes: VecDeque<Minute>,
}

impl History {
    /// Folds one event in; `None`: one that the engine does not interpret. An event that is older than the newest minute
    /// (clocks step back) counts in the newest: the order of the log is the order here.
    pub fn apply(&mut self, envelope: &Envelope, event: Option<&Event>) {
        let minute = self.minute_of(envelope.event.at.as_second().div_euclid(60));
        minute.events += 1;
        match event {
            Some(Event::RunSucceeded(_)) => minute.succeeded += 1,
            Some(Event::RunFailed(_) | Event::RunRetrying(_) | Event::LeaseExpired(_)) => minute.failures += 1,
            _ => {}
        }
    }

    fn minute_of(&mut self, minute: i64) -> &mut Minute {
        if self.minutes.back().is_none_or(|newest| newest.minute < minute) {
            self.minutes.push_back(Minute { minute, ..Minute::default() });
        }
        let surplus = self.minutes.len().saturating_sub(MINUTES_MAX);
        self.minutes.drain(..surplus);
        self.minutes.back_mut().expect("a minute was added when there was none")
    }
}
