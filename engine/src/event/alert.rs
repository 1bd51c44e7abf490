//! What operators are told (streams `alert/<rule>/<subject>`), and how far whoever is told elsewhere has got (stream `alert`).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    alert::{About, Severity},
    id::Position,
};

/// Something is as a rule says that it should not be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertRaised {
    /// How much it matters.
    pub severity: Severity,
    /// One sentence with the value.
    pub summary: String,
    /// What was seen.
    pub value: f64,
    /// What it was measured against.
    pub limit: f64,
    /// Where to look.
    pub about: About,
    /// Since when it is so; before the event where a rule waits whether it stays so.
    pub since: Timestamp,
}

/// It is no longer so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertResolved {
    /// Since when it had been so.
    pub since: Timestamp,
    /// Why, like `it is no longer so`.
    pub reason: String,
}

/// An operator does not want to be told for a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertSilenced {
    /// Until then; the moment of the event itself ends a silence.
    pub until: Timestamp,
    /// Why, for people; may be empty.
    pub reason: String,
}

/// Somebody elsewhere was told, or need not be: everything of alerts up to a position is settled for that target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertNotified {
    /// Whom: a webhook by its name.
    pub target: String,
    /// The last event that is settled.
    pub position: Position,
    /// How: `begun`, `delivered`, `silenced`, `removed`, or why it was given up.
    pub outcome: String,
}

impl AlertNotified {
    /// The outcome when a target is no longer told: set again, it is a new one.
    pub const REMOVED: &str = "removed";
}
