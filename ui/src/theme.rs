//! Colours by what they mean. The default is the terminal's own sixteen, which its owner chose to be legible; mono says
//! everything by glyph, word and weight, so that no meaning is in a colour alone. Others are files: [`file`].

pub mod file;
mod palette;

use ratatui::{
    buffer::Buffer,
    style::{Color, Style},
    symbols::border,
};

use crate::widget::Look;
pub use palette::{Choice, Palette, Themes};

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Plain.
    Text,
    /// Secondary.
    Dim,
    /// Heads of columns and panes.
    Title,
    /// What leads the eye: names of what is open, sparklines.
    Accent,
    /// The row under the cursor of the pane that has the focus.
    Selected,
    /// The row under the cursor of another pane.
    SelectedIdle,
    /// A marked row.
    Marked,
    /// As it should be.
    Good,
    /// At work.
    Busy,
    /// Needs a look.
    Warn,
    /// Does not work.
    Danger,
    /// Out of use.
    Off,
    /// A frame.
    Border,
    /// The frame of the pane that has the focus.
    BorderFocus,
    /// A key in footer and help.
    Key,
    /// What a filter found.
    Match,
    /// Data that is old because the engine is gone.
    Stale,
    /// The band that says that this is the past.
    Past,
    /// JSON: a key.
    JsonKey,
    /// JSON: a string.
    JsonString,
    /// JSON: a number, true, false, null.
    JsonLiteral,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 21] = [
        Self::Text,
        Self::Dim,
        Self::Title,
        Self::Accent,
        Self::Selected,
        Self::SelectedIdle,
        Self::Marked,
        Self::Good,
        Self::Busy,
        Self::Warn,
        Self::Danger,
        Self::Off,
        Self::Border,
        Self::BorderFocus,
        Self::Key,
        Self::Match,
        Self::Stale,
        Self::Past,
        Self::JsonKey,
        Self::JsonString,
        Self::JsonLiteral,
    ];

    /// Its name in theme files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Dim => "dim",
            Self::Title => "title",
            Self::Accent => "accent",
            Self::Selected => "selected",
            Self::SelectedIdle => "selected-idle",
            Self::Marked => "marked",
            Self::Good => "good",
            Self::Busy => "busy",
            Self::Warn => "warn",
            Self::Danger => "danger",
            Self::Off => "off",
            Self::Border => "border",
            Self::BorderFocus => "border-focus",
            Self::Key => "key",
            Self::Match => "match",
            Self::Stale => "stale",
            Self::Past => "past",
            Self::JsonKey => "json-key",
            Self::JsonString => "json-string",
            Self::JsonLiteral => "json-literal",
        }
    }
}

/// A small picture of a state. Each is one column wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Glyph {
    /// At work.
    Running,
    /// Waits.
    Waiting,
    /// Not in use.
    Off,
    /// Did not work.
    Failed,
    /// Done.
    Done,
    /// Held.
    Paused,
    /// Needs a look.
    Warn,
    /// The row under the cursor.
    Cursor,
    /// A marked row.
    Mark,
    /// One goes into the other.
    Crumb,
    /// Grows.
    Up,
    /// Falls.
    Down,
    /// Can be unfolded.
    Folded,
    /// Can be folded.
    Unfolded,
    /// No value.
    None,
    /// More than is shown.
    More,
}

/// How the console looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Theme {
    /// The colours.
    pub palette: Palette,
    /// Nothing but ASCII.
    pub ascii: bool,
}

impl Theme {
    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        self.palette.style(role)
    }

    /// Gives what has no colour of its own that of plain text, where the theme has one: blanks, and what lies under a sheet.
    pub fn ground(&self, buffer: &mut Buffer) {
        let Style { fg, bg, .. } = self.style(Role::Text);
        if fg.is_none() && bg.is_none() {
            return;
        }
        for cell in &mut buffer.content {
            if cell.fg == Color::Reset {
                cell.fg = fg.unwrap_or(Color::Reset);
            }
            if cell.bg == Color::Reset {
                cell.bg = bg.unwrap_or(Color::Reset);
            }
        }
    }

    /// What widgets draw with.
    pub fn look(&self) -> Look {
        Look {
            text: self.style(Role::Text),
            dim: self.style(Role::Dim),
            title: self.style(Role::Title),
            accent: self.style(Role::Accent),
            good: self.style(Role::Good),
            warn: self.style(Role::Warn),
            bad: self.style(Role::Danger),
            border: self.style(Role::Border),
            selected: self.style(Role::Selected),
            selected_elsewhere: self.style(Role::SelectedIdle),
            hit: self.style(Role::Match),
            json_key: self.style(Role::JsonKey),
            json_string: self.style(Role::JsonString),
            json_literal: self.style(Role::JsonLiteral),
            ascii: self.ascii,
        }
    }

    /// The picture of a state.
    pub fn glyph(&self, glyph: Glyph) -> &'static str {
        let (unicode, ascii) = pictures(glyph);
        if self.ascii { ascii } else { unicode }
    }

    /// The lines of frames.
    pub fn border(&self) -> border::Set<'static> {
        if self.ascii { ASCII_BORDER } else { border::ROUNDED }
    }

    /// The line between breadcrumbs and the rest, or over a pane without a frame.
    pub fn rule(&self) -> &'static str {
        if self.ascii { "-" } else { "─" }
    }

    /// Eight heights of a sparkline, lowest first.
    pub fn bars(&self) -> [&'static str; 8] {
        if self.ascii {
            ["_", ".", ":", "-", "=", "+", "*", "#"]
        } else {
            ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
        }
    }
}

const ASCII_BORDER: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

fn pictures(glyph: Glyph) -> (&'static str, &'static str) {
    match glyph {
        Glyph::Running => ("●", "*"),
        Glyph::Waiting => ("◐", "o"),
        Glyph::Off => ("◌", "."),
        Glyph::Failed => ("✖", "x"),
        Glyph::Done => ("✔", "+"),
        Glyph::Paused => ("‖", "="),
        Glyph::Warn => ("▲", "!"),
        Glyph::Cursor | Glyph::Folded => ("▸", ">"),
        Glyph::Mark => ("◆", "#"),
        Glyph::Crumb => ("›", ">"),
        Glyph::Up => ("↑", "^"),
        Glyph::Down => ("↓", "v"),
        Glyph::Unfolded => ("▾", "v"),
        Glyph::None => ("–", "-"),
        Glyph::More => ("…", "~"),
    }
}
