//! "Why is it so?": a pipeline is paused, a run waits, dead letters grow. The answer is made of facts: the events that led to
//! it, newest cause first, down to the first one; then what will happen next, and what can be done. Pure: whoever asks brings
//! read models, events and the moment, so the same question has the same answer at any point of the past.

mod chain;
mod pipeline;
mod queue;
mod reading;
mod remedy;
mod run;
mod waiting;

use std::fmt;

use jiff::Timestamp;

use super::{ReadModels, describe::Severity};
use crate::{
    event::Envelope,
    id::{Actor, PipelineName, Position, QueueName, RunId, StreamName},
    vitals::Vitals,
};

pub use reading::{READINGS_MAX, Reading, readings};
pub use remedy::{Deed, Remedy};

use chain::Ground;

/// The most facts of an answer: the newest, and the first.
pub const FACTS_MAX: usize = 24;

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// A pipeline, also one that was deleted.
    Pipeline(PipelineName),
    /// A run.
    Run(RunId),
    /// A queue.
    Queue(QueueName),
}

impl Subject {
    /// What an event is about, where that can be asked about.
    pub fn of(envelope: &Envelope) -> Option<Self> {
        let (family, name) = envelope.stream.as_str().split_once('/')?;
        match family {
            "pipeline" => PipelineName::new(name).ok().map(Self::Pipeline),
            "run" => name.parse().ok().map(Self::Run),
            "queue" => QueueName::new(name).ok().map(Self::Queue),
            _ => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pipeline(name) => write!(f, "pipeline {name}"),
            Self::Run(run) => write!(f, "run {}", run.short()),
            Self::Queue(name) => write!(f, "queue {name}"),
        }
    }
}

/// Something that happened and is a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Where its event stands in the log; `None`: the event is no longer kept, the read models remember it.
    pub position: Option<Position>,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What it happened to.
    pub stream: StreamName,
    /// The event's type.
    pub kind: String,
    /// How much it matters to someone who looks for trouble.
    pub severity: Severity,
    /// What happened, one sentence.
    pub text: String,
}

/// Something that will happen, as far as can be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// When; `None`: it depends on something else.
    pub at: Option<Timestamp>,
    /// What, one sentence.
    pub text: String,
}

/// Why something is as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// What was asked about.
    pub subject: Subject,
    /// As of this position.
    pub position: Position,
    /// As of this moment.
    pub at: Timestamp,
    /// Its state, in a word.
    pub state: String,
    /// How much it matters.
    pub severity: Severity,
    /// The answer in one sentence.
    pub answer: String,
    /// The newest cause first, down to the first; at most [`FACTS_MAX`].
    pub facts: Vec<Fact>,
    /// What will happen next; never empty.
    pub next: Vec<Next>,
    /// What can be done; may be empty.
    pub remedies: Vec<Remedy>,
}

/// Answers from read models and the events that [`readings`] names, in any order; those after the models' position do not
/// count. `vitals`: figures of the same moment, which only the present has. `None`: there is no such thing, and no event of
/// it is kept.
pub fn why(subject: &Subject, models: &ReadModels, events: &[Envelope], now: Timestamp, vitals: Option<&Vitals>) -> Option<Why> {
    let ground = Ground::new(models, events, now, vitals);
    let answer = match subject {
        Subject::Pipeline(name) => pipeline::answer(&ground, name),
        Subject::Run(run) => run::answer(&ground, *run),
        Subject::Queue(name) => queue::answer(&ground, name),
    }?;
    Some(answer.into_why(subject.clone(), models.position, now))
}
