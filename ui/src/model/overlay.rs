//! What lies over a screen and takes all keys: one at a time.

use flexcore_engine::{
    id::{PipelineName, QueueName},
    unit::Duration,
};
use tui_input::Input;

use super::{
    past::Meant,
    sheet::{Confirmation, Grade},
};
use crate::{effect::Tag, keymap::Action, screen::Place};

/// What lies over a screen.
pub enum Overlay {
    /// The keys of this screen.
    Help { scroll: usize },
    /// What was said.
    Messages { scroll: usize },
    /// The filter being typed, what it was before, and what is wrong with it now.
    Filter { input: Input, before: String, wrong: Option<String> },
    /// The moment being typed, and what is wrong with what was entered.
    Moment { input: Input, wrong: String },
    /// Commands, views and things by name.
    Palette(Palette),
    /// One of a few, to choose from.
    Menu(Menu),
    /// A question before a change; the answer goes to whoever asked.
    Confirm(Box<Asked>),
}

/// One of a few, to choose from.
pub struct Menu {
    /// What is chosen.
    pub title: &'static str,
    /// What there is, and what it does; the digit before a line chooses it.
    pub lines: Vec<(String, Target)>,
    /// The line under the cursor.
    pub selected: usize,
    /// A line is tried as soon as the cursor is on it; this undoes it when nothing is chosen.
    pub undo: Option<Target>,
}

/// A question before a change.
pub struct Asked {
    /// Who asked.
    pub tag: Tag,
    /// What.
    pub confirmation: Confirmation,
    /// The name as typed so far.
    pub typed: Input,
}

impl Asked {
    /// Whether the name is typed, or none is wanted.
    pub fn is_meant(&self) -> bool {
        match &self.confirmation.grade {
            Grade::Yes => true,
            Grade::Type(name) => self.typed.value().trim() == name,
        }
    }
}

/// What a line of the palette does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An action, as if its key was pressed.
    Action(Action),
    /// Goes there.
    Place(Place),
    /// An action on a pipeline that is named.
    OnPipeline(Action, PipelineName),
    /// An action on a queue that is named.
    OnQueue(Action, QueueName),
    /// Shows only the events of so long; `None`: all that are kept.
    Since(Option<Duration>),
    /// Goes to the events and filters them.
    Events(String),
    /// Other colours, by their place in the list.
    Theme(usize),
    /// Shows everything as it was; [`Meant::Now`] returns.
    Travel(Meant),
    /// Goes on typing: the command wants a word more.
    Word(&'static str),
}

/// A line of the palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// What it does.
    pub target: Target,
    /// What is matched: `activate` or `pipeline quakes`.
    pub name: String,
    /// What it is.
    pub description: String,
    /// The key that does the same.
    pub keys: String,
}

/// Commands, views and things by name.
#[derive(Default)]
pub struct Palette {
    /// As typed.
    pub input: Input,
    /// Everything there is here; what was done lately comes first.
    pub all: Vec<Hit>,
    /// So many of `all` are what was done lately.
    pub recent: usize,
    /// What matches, best first, as indices of `all`.
    pub found: Vec<usize>,
    /// What the typed command means with the words after it. Takes the place of what matches.
    pub meant: Vec<Hit>,
    /// The line under the cursor.
    pub selected: usize,
}

impl Palette {
    /// How many lines there are to choose from.
    pub fn len(&self) -> usize {
        if self.meant.is_empty() { self.found.len() } else { self.meant.len() }
    }

    /// Whether nothing matches.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A line to choose.
    pub fn line(&self, at: usize) -> Option<&Hit> {
        if self.meant.is_empty() { self.found.get(at).map(|at| &self.all[*at]) } else { self.meant.get(at) }
    }

    /// The line under the cursor.
    pub fn hit(&self) -> Option<&Hit> {
        self.line(self.selected)
    }

    /// Whether a line is one of those done lately.
    pub fn is_recent(&self, at: usize) -> bool {
        self.meant.is_empty() && self.found.get(at).is_some_and(|at| *at < self.recent)
    }
}
