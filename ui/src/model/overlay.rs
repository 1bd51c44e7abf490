//! What lies over a screen and takes all keys: one at a time.

use tui_input::Input;

use super::sheet::{Confirmation, Grade};
use crate::{effect::Tag, keymap::Action, screen::Place};

/// What lies over a screen.
pub enum Overlay {
    /// The keys of this screen.
    Help { scroll: usize },
    /// What was said.
    Messages { scroll: usize },
    /// The filter being typed, and what it was before.
    Filter { input: Input, before: String },
    /// Commands, views and things by name.
    Palette(Palette),
    /// A question before a change; the answer goes to whoever asked.
    Confirm(Box<Asked>),
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
    /// Everything there is here.
    pub all: Vec<Hit>,
    /// What matches, best first, as indices of `all`.
    pub found: Vec<usize>,
    /// The line under the cursor.
    pub selected: usize,
}

impl Palette {
    /// The line under the cursor.
    pub fn hit(&self) -> Option<&Hit> {
        self.found.get(self.selected).map(|at| &self.all[*at])
    }
}
