//! What an operator is told without asking. A rule says when; the evaluator says, from figures and events as of a moment, which
//! alerts there should be; that one begins or ends is a fact in the log, and everything else (the console, the webhooks, who
//! silenced what) follows the log.
//!
//! Pure: it has no clock of its own, so each kind of rule is a table test.

mod defaults;
mod evaluator;
mod figure;
mod rule;

pub use defaults::{DEFAULTS, default_rules};
pub use evaluator::{Evaluator, Firing, SUBJECTS_MAX, Wanted};
pub use figure::{Figure, Reading, figures};
pub use rule::{Condition, RULES_MAX, Rule, Written, fits, rules_of};

use std::{fmt, str::FromStr, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{PipelineName, QueueName};

/// The longest name of an alert, in bytes.
pub const ALERT_BYTES_MAX: usize = 160;

/// How much an alert matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody should look today.
    #[default]
    Warning,
    /// Somebody should look now.
    Critical,
}

impl Severity {
    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Names an alert: its rule, and what it is about where the rule watches several things, as in `run-failed/quakes`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct AlertId(Arc<str>);

/// Text that names no alert.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an alert: RULE or RULE/SUBJECT, at most {ALERT_BYTES_MAX} bytes, as in run-failed/quakes")]
pub struct BadAlertId(pub String);

impl AlertId {
    /// The alert of a rule about a subject; `subject` may be empty. Both are cut to fit.
    pub fn new(rule: &str, subject: &str) -> Self {
        let text = if subject.is_empty() { rule.to_owned() } else { format!("{rule}/{subject}") };
        let plain: String = text.chars().map(|c| if c.is_whitespace() || c.is_control() { '-' } else { c }).collect();
        Self(plain[..plain.floor_char_boundary(ALERT_BYTES_MAX)].into())
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The rule's name.
    pub fn rule(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(rule, _)| rule)
    }

    /// What it is about; empty when the rule watches one thing.
    pub fn subject(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, subject)| subject)
    }
}

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for AlertId {
    type Err = BadAlertId;

    fn from_str(text: &str) -> Result<Self, BadAlertId> {
        let odd = |c: char| c.is_control() || c.is_whitespace();
        let is_sound = !text.is_empty() && text.len() <= ALERT_BYTES_MAX && !text.starts_with('/') && !text.contains(odd);
        if is_sound { Ok(Self(text.into())) } else { Err(BadAlertId(text.chars().take(ALERT_BYTES_MAX).collect())) }
    }
}

impl<'de> Deserialize<'de> for AlertId {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Where to look when an alert is raised.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "name")]
pub enum About {
    /// The engine itself: its checks.
    #[default]
    Engine,
    /// A pipeline.
    Pipeline(PipelineName),
    /// A queue.
    Queue(QueueName),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_named_by_its_rule_and_what_it_is_about() {
        let alert = AlertId::new("run-failed", "quakes");
        assert_eq!((alert.as_str(), alert.rule(), alert.subject()), ("run-failed/quakes", "run-failed", "quakes"));
        assert_eq!("run-failed/quakes".parse(), Ok(alert));
        assert_eq!(AlertId::new("event-loop", "").subject(), "");
        assert_eq!(AlertId::new("check", "log writable").as_str(), "check/log-writable");
        for bad in ["", "/x", "a b", "a\n", &"x".repeat(161)] {
            assert!(bad.parse::<AlertId>().is_err(), "{bad}");
        }
    }
}
