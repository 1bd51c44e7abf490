//! Alerts: what is raised, what lately was, who silenced what, and how far those have got who are told elsewhere.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    alert::{About, AlertId, Severity},
    event::{Envelope, Event, alert::AlertNotified},
    id::{Actor, Position},
};

/// Alerts that are kept although they are not raised; those that resolved first go first.
pub const QUIET_MAX: usize = 500;
/// Targets whose place is kept; those that were told of something first go first.
pub const TARGETS_MAX: usize = 1_000;

/// A time in which nobody elsewhere is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    /// Until then.
    pub until: Timestamp,
    /// Who said so.
    pub by: Actor,
    /// Why; may be empty.
    pub reason: String,
}

/// One alert.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct AlertRow {
    /// Whether it is so now.
    pub raised: bool,
    /// How much it matters.
    pub severity: Severity,
    /// What was seen when it was last raised; empty when it never was.
    pub summary: String,
    /// Where to look.
    pub about: About,
    /// Since when it is, or was, so.
    pub since: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// How often it was raised, as far as it is known.
    pub raised_total: u64,
    /// The last silence.
    pub silence: Option<Silence>,
}

impl AlertRow {
    /// Whether it is silenced at a moment.
    pub fn is_silenced(&self, at: Timestamp) -> bool {
        self.silence.as_ref().is_some_and(|silence| at < silence.until)
    }
}

/// Every alert, by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Alerts {
    /// By name.
    pub rows: BTreeMap<AlertId, AlertRow>,
    /// Up to where each target was told.
    pub told: BTreeMap<String, Position>,
}

impl Alerts {
    /// Those that are raised.
    pub fn raised(&self) -> impl Iterator<Item = (&AlertId, &AlertRow)> {
        self.rows.iter().filter(|(_, row)| row.raised)
    }

    /// How many are raised and not silenced at a moment.
    pub fn loud(&self, at: Timestamp) -> usize {
        self.raised().filter(|(_, row)| !row.is_silenced(at)).count()
    }

    /// Folds one event in.
    pub fn apply(&mut self, envelope: &Envelope, event: &Event) {
        if let Event::AlertNotified(notified) = event {
            self.notified(notified);
            return;
        }
        let id = envelope.stream.as_str().strip_prefix("alert/").and_then(|id| id.parse::<AlertId>().ok());
        let (Some(id), Event::AlertRaised(_) | Event::AlertResolved(_) | Event::AlertSilenced(_)) = (id, event) else { return };
        let row = self.rows.entry(id).or_default();
        row.changed_at = envelope.event.at;
        match event {
            Event::AlertRaised(raised) => {
                (row.raised, row.severity, row.since) = (true, raised.severity, raised.since);
                (row.summary, row.about) = (raised.summary.clone(), raised.about.clone());
                row.raised_total += 1;
            }
            Event::AlertResolved(_) => row.raised = false,
            Event::AlertSilenced(silenced) => {
                let (until, reason) = (silenced.until, silenced.reason.clone());
                let lasts = until > envelope.event.at;
                row.silence = lasts.then(|| Silence { until, by: envelope.event.actor.clone(), reason });
            }
            _ => {}
        }
        self.forget_quiet();
    }

    /// A place only moves on: what was settled once stays so, whatever is noted later.
    fn notified(&mut self, notified: &AlertNotified) {
        if notified.outcome == AlertNotified::REMOVED {
            self.told.remove(&notified.target);
            return;
        }
        let told = self.told.entry(notified.target.clone()).or_default();
        *told = notified.position.max(*told);
        self.forget_targets();
    }

    fn forget_quiet(&mut self) {
        let quiet = self.rows.iter().filter(|(_, row)| !row.raised);
        if quiet.clone().count() <= QUIET_MAX {
            return;
        }
        let oldest = quiet.min_by_key(|(id, row)| (row.changed_at, *id)).map(|(id, _)| id.clone());
        oldest.map(|id| self.rows.remove(&id));
    }

    fn forget_targets(&mut self) {
        if self.told.len() > TARGETS_MAX {
            let furthest = self.told.iter().min_by_key(|(name, position)| (**position, *name)).map(|(name, _)| name.clone());
            furthest.map(|name| self.told.remove(&name));
        }
    }
}
