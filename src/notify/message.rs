//! What is sent: one JSON object, whose `text` is a whole sentence for those that only show one.

use flexcore_engine::{
    alert::{About, AlertId},
    event::{Envelope, Event},
    id::{EventId, PipelineName, Position, QueueName, RunId},
    pipeline::definition::Occasion,
    projection::{ReadModels, alerts::AlertRow},
};
use jiff::Timestamp;
use serde::Serialize;

/// A message. Fields are added, never changed.
#[derive(Debug, Serialize)]
pub(super) struct Message {
    /// `alert.raised`, `alert.resolved`, or the word of an occasion, like `run.failed`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The event; the same whenever it is told again.
    id: EventId,
    position: Position,
    at: Timestamp,
    node: String,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline: Option<PipelineName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<QueueName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<AlertPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<RunPart>,
}

#[derive(Debug, Serialize)]
struct AlertPart {
    name: AlertId,
    rule: String,
    subject: String,
    severity: &'static str,
    summary: String,
    since: Timestamp,
    /// What was seen and what it was measured against; of one that is raised.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<f64>,
}

#[derive(Debug, Serialize)]
struct RunPart {
    id: RunId,
    number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Message {
    fn new(node: &str, envelope: &Envelope, kind: &'static str, text: String) -> Self {
        Self {
            kind,
            id: envelope.event.id,
            position: envelope.position,
            at: envelope.event.at,
            node: node.to_owned(),
            text,
            pipeline: None,
            queue: None,
            alert: None,
            run: None,
        }
    }

    pub(super) fn of_alert(node: &str, envelope: &Envelope, event: &Event, id: &AlertId, row: &AlertRow) -> Self {
        let (kind, severity, summary, since, value, limit, about) = match event {
            Event::AlertRaised(raised) => {
                let (value, limit) = (Some(raised.value), Some(raised.limit));
                ("alert.raised", raised.severity, &raised.summary, raised.since, value, limit, &raised.about)
            }
            _ => ("alert.resolved", row.severity, &row.summary, row.since, None, None, &row.about),
        };
        let text = match kind {
            "alert.raised" => format!("{node}: {} {id}: {summary}", severity.word()),
            _ => format!("{node}: resolved {id}"),
        };
        let mut message = Self::new(node, envelope, kind, text);
        match about {
            About::Engine => {}
            About::Pipeline(name) => message.pipeline = Some(name.clone()),
            About::Queue(name) => message.queue = Some(name.clone()),
        }
        let (rule, subject) = (id.rule().to_owned(), id.subject().to_owned());
        let (name, severity, summary) = (id.clone(), severity.word(), summary.clone());
        message.alert = Some(AlertPart { name, rule, subject, severity, summary, since, value, limit });
        message
    }

    pub(super) fn of_pipeline(
        node: &str,
        envelope: &Envelope,
        occasion: Occasion,
        name: &PipelineName,
        models: &ReadModels,
    ) -> Self {
        let row = match envelope.decode() {
            Some(Ok(Event::RunEnded(ended))) => models.runs.runs.get(&ended.run),
            _ => None,
        };
        let run = row.map(|row| RunPart {
            id: row.id,
            number: row.number,
            step: row.error.as_ref().and_then(|error| error.step.as_ref()).map(ToString::to_string),
            error: row.error.as_ref().map(|error| error.message.clone()).filter(|_| occasion == Occasion::Failed),
        });
        let number = run.as_ref().map_or_else(String::new, |run| format!(" #{}", run.number));
        let error = run.as_ref().and_then(|run| run.error.as_deref()).unwrap_or("it failed");
        let text = match occasion {
            Occasion::Failed => format!("{node}: run{number} of {name} failed: {error}"),
            Occasion::Recovered => format!("{node}: run{number} of {name} succeeded after one that failed"),
            Occasion::Missed => format!("{node}: {name} missed ticks of its schedule"),
            Occasion::DeadLetters => format!("{node}: dead letters of {name} grow"),
        };
        let mut message = Self::new(node, envelope, occasion.word(), text);
        message.pipeline = Some(name.clone());
        message.run = run;
        message
    }
}
