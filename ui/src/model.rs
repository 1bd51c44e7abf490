//! Everything that the console knows and shows. Update changes it, view reads it, nobody else touches it.

pub mod agenda;
pub mod ask;
pub mod events;
pub mod facts;
pub mod figures;
pub mod filter;
pub mod history;
pub mod line;
pub mod lines;
pub mod messages;
pub mod order;
pub mod overlay;
pub mod overview;
pub mod past;
pub mod rest;
pub mod rows;
pub mod sheet;
pub mod stream;

use std::{collections::VecDeque, sync::Arc};

use jiff::Timestamp;

use crate::{
    effect::Tag,
    keymap::{Action, Keymap, Scope},
    screen::{Filters, Screen},
    terminal::key::Key,
    theme::{Theme, Themes},
};
use facts::Facts;
use history::History;
use line::Line;
use messages::Messages;
use overlay::{Hit, Overlay};
use overview::Overview;
use past::{Past, Wish};
use rest::Rest;

/// The most screens that lie over each other.
pub const SCREENS_MAX: usize = 32;
/// The largest terminal that is drawn, in columns and rows: a size is a number from outside.
pub const SIZE_MAX: (u16, u16) = (1_000, 400);

/// The most commands that the palette remembers.
pub const RECENT_MAX: usize = 20;

/// A screen over the overview.
pub struct Opened {
    /// Its answers carry this.
    pub tag: Tag,
    /// The screen.
    pub screen: Box<dyn Screen>,
    /// The filter as typed.
    pub filter: String,
}

/// Everything that the console knows and shows.
pub struct Model {
    /// What is shown of the engine: the present, or a point of the past.
    pub facts: Facts,
    /// The moment it is, whatever is shown.
    pub now: Timestamp,
    /// A point of the past is shown.
    pub past: Option<Past>,
    /// A point of the past is being asked for.
    pub wish: Option<Wish>,
    /// The keys.
    pub keymap: Arc<Keymap>,
    /// The colours.
    pub theme: Theme,
    /// The colours to choose from; none where the terminal has no colours.
    pub themes: Themes,
    /// Columns and rows, at most [`SIZE_MAX`].
    pub size: (u16, u16),
    /// The line to the terminal.
    pub line: Line,
    /// Whether anything goes on.
    pub rest: Rest,
    /// The four panes.
    pub overview: Overview,
    /// Screens over it, the last one on top.
    pub screens: Vec<Opened>,
    /// What lies over everything.
    pub overlay: Option<Overlay>,
    /// Where one was.
    pub history: History,
    /// What was done by the palette, the last first.
    pub recent: VecDeque<Hit>,
    /// What was said.
    pub messages: Messages,
    /// Keys pressed that may begin a chord.
    pub pending: Vec<Key>,
    /// The last action that changes something, and when its key was last seen: a held key asks once.
    pub last_change: Option<(Action, Timestamp)>,
    /// Changes that are not answered yet.
    pub submitting: usize,
    /// Leaving was asked once while something was open or not answered.
    pub leaving: bool,
    next_tag: u64,
}

impl Model {
    /// A console that knows nothing yet.
    pub fn new(facts: Facts, keymap: Keymap, theme: Theme, size: (u16, u16)) -> Self {
        let keymap = if facts.read_only { keymap.read_only() } else { keymap };
        let keymap = Arc::new(keymap);
        let mut model = Self {
            now: facts.now,
            facts: Facts { keys: keymap.clone(), ..facts },
            past: None,
            wish: None,
            keymap,
            theme,
            themes: Themes::default(),
            size: (0, 0),
            line: Line::default(),
            rest: Rest::default(),
            overview: Overview::default(),
            screens: Vec::new(),
            overlay: None,
            history: History::default(),
            recent: VecDeque::new(),
            messages: Messages::default(),
            pending: Vec::new(),
            last_change: None,
            submitting: 0,
            leaving: false,
            next_tag: 1,
        };
        model.resize(size.0, size.1);
        model
    }

    /// The terminal has another size; what is too much is cut.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.size = (columns.min(SIZE_MAX.0), rows.min(SIZE_MAX.1));
    }

    /// The screen on top; `None`: the overview.
    pub fn top(&self) -> Option<&Opened> {
        self.screens.last()
    }

    /// Which bindings hold.
    pub fn scopes(&self) -> &'static [Scope] {
        self.top().map_or_else(|| self.overview.scopes(), |opened| opened.screen.scopes())
    }

    /// What `/` does now.
    pub fn filters(&self) -> Filters {
        self.top().map_or(Filters::Rows, |opened| opened.screen.filters())
    }

    /// A tag that nobody had.
    pub fn fresh_tag(&mut self) -> Tag {
        self.next_tag += 1;
        Tag(self.next_tag)
    }
}
