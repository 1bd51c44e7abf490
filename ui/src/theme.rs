//! Colours by what they mean. The default is the terminal's own sixteen, which its owner chose to be legible; mono says
//! everything by glyph, word and weight, so that no meaning is in a colour alone.

use ratatui::{
    style::{Color, Modifier, Style},
    symbols::border,
};

use crate::widget::Look;

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
    /// JSON: a key.
    JsonKey,
    /// JSON: a string.
    JsonString,
    /// JSON: a number, true, false, null.
    JsonLiteral,
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
    /// No colours.
    pub mono: bool,
    /// Nothing but ASCII.
    pub ascii: bool,
}

impl Theme {
    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        if self.mono { mono(role) } else { ansi16(role) }
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

fn ansi16(role: Role) -> Style {
    let style = Style::new();
    match role {
        Role::Text => style,
        Role::Dim | Role::Off | Role::Border | Role::Stale => style.fg(Color::DarkGray),
        Role::Title => style.add_modifier(Modifier::BOLD),
        Role::Accent | Role::BorderFocus | Role::Busy | Role::JsonKey => style.fg(Color::Cyan),
        Role::Selected => style.add_modifier(Modifier::REVERSED),
        Role::SelectedIdle => style.add_modifier(Modifier::UNDERLINED),
        Role::Marked => style.fg(Color::Magenta).add_modifier(Modifier::BOLD),
        Role::Good | Role::JsonString => style.fg(Color::Green),
        Role::Warn => style.fg(Color::Yellow),
        Role::Danger => style.fg(Color::Red).add_modifier(Modifier::BOLD),
        Role::Key => style.fg(Color::Cyan).add_modifier(Modifier::BOLD),
        Role::Match => style.fg(Color::Yellow).add_modifier(Modifier::UNDERLINED),
        Role::JsonLiteral => style.fg(Color::Magenta),
    }
}

fn mono(role: Role) -> Style {
    let style = Style::new();
    match role {
        Role::Text | Role::Border | Role::Good | Role::JsonString | Role::JsonLiteral | Role::Accent | Role::Busy => style,
        Role::Dim | Role::Off | Role::Stale => style.add_modifier(Modifier::DIM),
        Role::Title | Role::BorderFocus | Role::Key | Role::Warn | Role::JsonKey => style.add_modifier(Modifier::BOLD),
        Role::Selected => style.add_modifier(Modifier::REVERSED),
        Role::SelectedIdle | Role::Match => style.add_modifier(Modifier::UNDERLINED),
        Role::Marked | Role::Danger => style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
    }
}

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
