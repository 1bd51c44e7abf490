//! Answers to "why is it so?" on the wire.

use flexcore_engine::projection::{
    describe::Severity,
    why::{Fact, Next, Remedy, Subject, Why},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::events::actor_text;

/// Why something is as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Why)]
pub struct WhyBody {
    /// What was asked about, as its stream.
    #[schema(example = "pipeline/quakes")]
    pub subject: String,
    /// As of this position.
    pub position: u64,
    /// As of this moment.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Its state, in a word.
    #[schema(example = "paused")]
    pub state: String,
    /// info, warn or error.
    #[schema(example = "warn")]
    pub severity: String,
    /// The answer in one sentence.
    pub answer: String,
    /// The events that led to it, the newest cause first, down to the first; at most 24.
    pub facts: Vec<FactBody>,
    /// What will happen next, as far as can be said.
    pub next: Vec<NextBody>,
    /// What can be done.
    pub remedies: Vec<RemedyBody>,
}

/// An event that is a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = WhyFact)]
pub struct FactBody {
    /// Where it stands in the log; `null`: it is no longer kept.
    pub position: Option<u64>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who, as in events.
    #[schema(example = "operator:ana")]
    pub actor: String,
    /// What it happened to.
    pub stream: String,
    /// What happened; empty when it is no longer kept.
    #[serde(rename = "type")]
    #[schema(example = "pipeline.paused")]
    pub kind: String,
    /// info, warn or error.
    pub severity: String,
    /// The same in a sentence.
    pub text: String,
}

/// What will happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = WhyNext)]
pub struct NextBody {
    /// When; `null`: it depends on something else.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// What.
    pub text: String,
}

/// What can be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = WhyRemedy)]
pub struct RemedyBody {
    /// What it does about it.
    pub text: String,
    /// The command line that does it.
    #[schema(example = "flexcore pipeline resume quakes")]
    pub command: String,
}

fn word(severity: Severity) -> String {
    match severity {
        Severity::Info => "info",
        Severity::Warn => "warn",
        Severity::Error => "error",
    }
    .to_owned()
}

impl From<Why> for WhyBody {
    fn from(why: Why) -> Self {
        let Why { subject, position, at, state, severity, answer, facts, next, remedies } = why;
        let subject = match subject {
            Subject::Pipeline(name) => format!("pipeline/{name}"),
            Subject::Run(run) => format!("run/{run}"),
            Subject::Queue(name) => format!("queue/{name}"),
        };
        Self {
            subject,
            position: position.0,
            at,
            state,
            severity: word(severity),
            answer,
            facts: facts.into_iter().map(FactBody::from).collect(),
            next: next.into_iter().map(|Next { at, text }| NextBody { at, text }).collect(),
            remedies: remedies.into_iter().map(RemedyBody::from).collect(),
        }
    }
}

impl From<Fact> for FactBody {
    fn from(fact: Fact) -> Self {
        let Fact { position, at, actor, stream, kind, severity, text } = fact;
        let (position, stream) = (position.map(|position| position.0), stream.to_string());
        Self { position, at, actor: actor_text(&actor), stream, kind, severity: word(severity), text }
    }
}

impl From<Remedy> for RemedyBody {
    fn from(remedy: Remedy) -> Self {
        Self { command: remedy.deed.command_line(), text: remedy.text }
    }
}
