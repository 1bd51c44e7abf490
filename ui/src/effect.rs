//! What the console wants done, as data. A screen returns [`Intent`]s; the console settles those that are its own (open, ask,
//! say) and hands the rest to the loop as [`Effect`]s. So update stays synchronous, and a test reads what would happen.

use std::{path::PathBuf, sync::Arc};

use flexcore_engine::{
    alert::AlertId,
    command::{AlertCommand, Command, PipelineCommand, QueueCommand},
    event::Envelope,
    flow::{dry_run::DryRun, log::LogLine},
    id::{CorrelationId, MessageId, PipelineName, Position, QueueName, Revision, RunId},
    pipeline::{Definition, Plan, mistake::PlacedMistake},
    port::{
        queue::{Peek, PeekedMessage},
        store::{Filter, Page},
    },
    projection::{
        ReadModels,
        why::{Subject, Why},
    },
    vitals::Vitals,
};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    link::{At, Checked, LinkError, Predicate, Tap, Template},
    model::sheet::Confirmation,
    screen::{Place, Screen},
};

/// A question to the engine. Its answer is the [`Answer`] of the same name.
#[derive(Debug, Clone)]
pub enum Question {
    /// Look into a queue.
    Peek { queue: QueueName, which: Peek, offset: usize, max: usize },
    /// A run's log lines after a number.
    RunLog { run: RunId, after: u64, max: usize },
    /// The last records that left each step.
    Taps { run: RunId },
    /// Check a pipeline file.
    Check { text: String, path: Option<PathBuf> },
    /// The graph of a revision.
    Plan { revision: Revision, definition: Arc<Definition> },
    /// Try a definition.
    DryRun { checked: Checked, params: Map<String, Value> },
    /// When a pipeline is due next.
    Ticks { pipeline: PipelineName, count: usize },
    /// Older events.
    ReadBack { before: Position, filter: Filter, max: usize },
    /// Everything as it was, with so many events before it; a newer question of this kind makes an older one void.
    Past { number: u64, at: At, events: usize },
    /// The events after a position, to go on from there.
    Ahead { number: u64, after: Position },
    /// Why something is as it is, as of these read models and figures.
    Why { subject: Subject, models: Box<ReadModels>, now: Timestamp, vitals: Option<Arc<Vitals>> },
    /// Compile a jq predicate.
    Predicate { jq: String },
    /// Texts to begin a pipeline with.
    Templates,
}

/// How everything was at a point of the past.
#[derive(Debug, Clone)]
pub struct Glimpse {
    /// Everything up to there, folded.
    pub models: ReadModels,
    /// The last events up to there, oldest first; `None`: they were not asked for. Of the oldest point there is, none is kept.
    pub events: Option<Vec<Envelope>>,
}

/// What came back. An answer reaches the screen that asked, and only while that screen is still there.
#[derive(Clone)]
pub enum Answer {
    /// Of [`Question::Peek`].
    Peek(Result<Vec<PeekedMessage>, LinkError>),
    /// Of [`Question::RunLog`].
    RunLog(Result<Vec<LogLine>, LinkError>),
    /// Of [`Question::Taps`].
    Taps(Result<Vec<Tap>, LinkError>),
    /// Of [`Question::Check`].
    Check(Result<Result<Checked, Vec<PlacedMistake>>, LinkError>),
    /// Of [`Question::Plan`], with its revision.
    Plan(Revision, Result<Plan, LinkError>),
    /// Of [`Question::DryRun`].
    DryRun(Result<DryRun, LinkError>),
    /// Of [`Question::Ticks`].
    Ticks(PipelineName, Result<Vec<Timestamp>, LinkError>),
    /// Of [`Question::ReadBack`].
    ReadBack(Result<Page, LinkError>),
    /// Of [`Question::Past`], with its number.
    Past(u64, Result<Box<Glimpse>, LinkError>),
    /// Of [`Question::Ahead`], with its number.
    Ahead(u64, Result<Page, LinkError>),
    /// Of [`Question::Why`], with the position that it is as of; nothing when there is no such thing.
    Why(Position, Result<Option<Box<Why>>, LinkError>),
    /// Of [`Question::Predicate`], with its text.
    Predicate(String, Result<Predicate, String>),
    /// Of [`Question::Templates`].
    Templates(Vec<Template>),
    /// Of [`Intent::Edit`]: the text as it was left, or why there is none.
    Edited(Result<String, String>),
    /// Of [`Intent::Submit`] and of a confirmed sheet, one a change, in order.
    Submitted(Vec<Result<String, String>>),
}

/// A change to ask the engine for. Ids of runs are made when it is sent, not here: update makes nothing up.
#[derive(Debug, Clone)]
pub enum Change {
    /// As it stands.
    Command(Command),
    /// A run by hand.
    Run { pipeline: PipelineName, params: Map<String, Value> },
    /// A run that tries another one again.
    Retry { pipeline: PipelineName, of: RunId, params: Map<String, Value> },
    /// A run that processes dead letters again. Empty list: all.
    Replay { queue: QueueName, pipeline: PipelineName, messages: Vec<MessageId> },
}

impl Change {
    /// Of a pipeline.
    pub fn pipeline(name: &PipelineName, command: PipelineCommand) -> Self {
        Self::Command(Command::Pipeline(name.clone(), command))
    }

    /// Of an alert.
    pub fn alert(id: &AlertId, command: AlertCommand) -> Self {
        Self::Command(Command::Alert(id.clone(), command))
    }

    /// Of a queue.
    pub fn queue(name: &QueueName, command: QueueCommand) -> Self {
        Self::Command(Command::Queue(name.clone(), command))
    }
}

/// How a message is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// For information.
    Info,
    /// It went well.
    Good,
    /// It needs a look.
    Warn,
    /// It did not work.
    Bad,
}

/// What a screen wants of the console.
pub enum Intent {
    /// Go there.
    Open(Place),
    /// Show everything as it was right after an event.
    AsItWas(Position),
    /// Leave this screen.
    Back,
    /// Show the overview's events, filtered so. `filter` as typed after `/`.
    ShowEvents { filter: String },
    /// Show the overview's events, only those that belong together.
    ShowCorrelation(CorrelationId),
    /// Ask the engine; the [`Answer`] comes as [`crate::screen::Input::Answer`].
    Ask(Question),
    /// Ask the operator first. What is confirmed is submitted; the answer is [`Answer::Submitted`].
    Confirm(Confirmation),
    /// Submit at once: for what was already confirmed on a sheet of the screen's own.
    Submit(Vec<Change>),
    /// Put a screen of its own over this one, such as a form.
    Sheet(Box<dyn Screen>),
    /// Into the operator's clipboard.
    Copy { what: &'static str, text: String },
    /// Let the operator edit a text in `$EDITOR`; comes back as [`Answer::Edited`]. The name ends as the file should.
    Edit { name: String, text: String },
    /// Say it.
    Say(Tone, String),
}

/// Who gets an answer. Screens that are gone are not found, and their answers fall away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u64);

impl Tag {
    /// The console itself.
    pub const CONSOLE: Self = Self(0);
}

/// What the loop does for the console.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Ask the engine.
    Ask(Tag, Question),
    /// Submit changes, one after the other.
    Submit(Tag, Vec<Change>),
    /// Send to the terminal's clipboard.
    Copy(Arc<str>),
    /// Give the terminal to an editor.
    Edit { tag: Tag, name: String, text: String },
    /// Give the terminal back to the shell until continued.
    Suspend,
    /// Forget what is on the terminal and draw all of it.
    Redraw,
    /// Leave.
    Quit,
}
