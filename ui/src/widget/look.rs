//! The styles and signs that widgets draw with. The theme makes one of these; the default is the terminal's own sixteen
//! colours, which are legible on every background because their owner chose them.

use ratatui::style::{Color, Modifier, Style};

/// Styles by meaning, and whether signs must be ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Ordinary text.
    pub text: Style,
    /// Secondary text: labels, units, what is idle.
    pub dim: Style,
    /// Headings and column titles.
    pub title: Style,
    /// What matters among ordinary text: names, keys.
    pub accent: Style,
    /// As it should be.
    pub good: Style,
    /// Needs a look.
    pub warn: Style,
    /// A failure.
    pub bad: Style,
    /// Borders and rules.
    pub border: Style,
    /// The selected row of the pane that has the focus.
    pub selected: Style,
    /// The selected row of another pane.
    pub selected_elsewhere: Style,
    /// What a search found.
    pub hit: Style,
    /// JSON: a key.
    pub json_key: Style,
    /// JSON: a string.
    pub json_string: Style,
    /// JSON: a number, true, false, null.
    pub json_literal: Style,
    /// Only ASCII signs.
    pub ascii: bool,
}

impl Default for Look {
    fn default() -> Self {
        let plain = Style::new();
        Self {
            text: plain,
            dim: plain.add_modifier(Modifier::DIM),
            title: plain.add_modifier(Modifier::BOLD),
            accent: plain.fg(Color::Cyan),
            good: plain.fg(Color::Green),
            warn: plain.fg(Color::Yellow),
            bad: plain.fg(Color::Red),
            border: plain.add_modifier(Modifier::DIM),
            selected: plain.add_modifier(Modifier::REVERSED),
            selected_elsewhere: plain.add_modifier(Modifier::BOLD),
            hit: plain.fg(Color::Black).bg(Color::Yellow),
            json_key: plain.fg(Color::Cyan),
            json_string: plain.fg(Color::Green),
            json_literal: plain.fg(Color::Magenta),
            ascii: false,
        }
    }
}

impl Look {
    /// The sign, or its ASCII stand-in.
    pub fn sign<T>(&self, sign: T, ascii: T) -> T {
        if self.ascii { ascii } else { sign }
    }

    /// What stands for "none".
    pub fn none(&self) -> &'static str {
        self.sign("–", "-")
    }

    /// The style of a selected row.
    pub fn selection(&self, focused: bool) -> Style {
        if focused { self.selected } else { self.selected_elsewhere }
    }
}
