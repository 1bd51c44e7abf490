//! Alerts on the wire.

use flexcore_engine::{
    alert::{About, AlertId},
    projection::alerts::{AlertRow, Silence},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::events::actor_text;

/// An alert: a rule, and what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Alert)]
pub struct AlertBody {
    /// Names it: the rule, and what it is about where the rule watches several things.
    #[schema(example = "run-failed/quakes")]
    pub alert: String,
    /// The rule.
    #[schema(example = "run-failed")]
    pub rule: String,
    /// What it is about; empty when the rule watches one thing.
    #[schema(example = "quakes")]
    pub subject: String,
    /// raised, or quiet: it no longer is.
    #[schema(example = "raised")]
    pub state: String,
    /// info, warning or critical.
    #[schema(example = "warning")]
    pub severity: String,
    /// What was seen when it was last raised.
    #[schema(example = "its last run failed: 1")]
    pub summary: String,
    /// The pipeline to look at.
    pub pipeline: Option<String>,
    /// The queue to look at.
    pub queue: Option<String>,
    /// Since when it is, or was, so; `null`: it never was.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// When it was last raised, resolved or silenced.
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Timestamp,
    /// How often it was raised, as far as it is known.
    pub raised_total: u64,
    /// The silence that lasts now.
    pub silence: Option<SilenceBody>,
}

/// A time in which nobody elsewhere is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Silence)]
pub struct SilenceBody {
    /// Until then.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// Who said so.
    pub by: String,
    /// Why; may be empty.
    pub reason: String,
}

impl AlertBody {
    /// As of a moment.
    pub fn of(id: &AlertId, row: &AlertRow, now: Timestamp) -> Self {
        let (pipeline, queue) = match &row.about {
            About::Engine => (None, None),
            About::Pipeline(name) => (Some(name.to_string()), None),
            About::Queue(name) => (None, Some(name.to_string())),
        };
        Self {
            alert: id.to_string(),
            rule: id.rule().to_owned(),
            subject: id.subject().to_owned(),
            state: if row.raised { "raised" } else { "quiet" }.to_owned(),
            severity: row.severity.word().to_owned(),
            summary: row.summary.clone(),
            pipeline,
            queue,
            since: (row.raised_total > 0).then_some(row.since),
            changed_at: row.changed_at,
            raised_total: row.raised_total,
            silence: row.silence.as_ref().filter(|_| row.is_silenced(now)).map(SilenceBody::from),
        }
    }
}

impl From<&Silence> for SilenceBody {
    fn from(silence: &Silence) -> Self {
        Self { until: silence.until, by: actor_text(&silence.by), reason: silence.reason.clone() }
    }
}
