//! An event in one line, for the event pane, timelines and `flexcore events`.

use crate::event::Envelope;

/// How much an event matters to someone who looks for trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Part of the daily work.
    Info,
    /// Needs a look.
    Warn,
    /// A failure: "next failure" jumps here.
    Error,
}

/// An event in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// How much it matters.
    pub severity: Severity,
    /// What it is about, like `quakes` or `run 8f3a91c2`.
    pub subject: String,
    /// What happened, one line.
    pub text: String,
}

/// Describes an event. Data that does not fit its type is shown as it is.
pub fn describe(envelope: &Envelope) -> Description {
    let text = String::from_utf8_lossy(&envelope.event.data).into_owned();
    Description { severity: Severity::Info, subject: envelope.stream.to_string(), text }
}
