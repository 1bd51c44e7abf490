//! The styles of one theme, and the themes that there are.

use ratatui::style::{Color, Modifier, Style};

use super::{Role, file};

/// Styles by role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette([Paint; Role::ALL.len()]);

/// What a theme says of a style: a third of the size, as themes are handed to everything that draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Paint {
    fg: Option<Color>,
    bg: Option<Color>,
    modifier: Modifier,
}

impl From<Style> for Paint {
    fn from(Style { fg, bg, add_modifier: modifier, .. }: Style) -> Self {
        Self { fg, bg, modifier }
    }
}

impl Default for Palette {
    fn default() -> Self {
        Self::of(terminal)
    }
}

impl Palette {
    /// No colours.
    pub fn mono() -> Self {
        Self::of(mono)
    }

    fn of(style: fn(Role) -> Style) -> Self {
        Self(Role::ALL.map(|role| style(role).into()))
    }

    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        let Paint { fg, bg, modifier } = self.0[role as usize];
        Style { fg, bg, ..Style::new() }.add_modifier(modifier)
    }

    /// Another style for a role.
    pub(super) fn set(&mut self, role: Role, style: Style) {
        self.0[role as usize] = style.into();
    }
}

/// The themes to choose from, and the one that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Themes {
    /// Two files may have one name, so they are told apart by their place here.
    pub all: Vec<Choice>,
    /// Which of them.
    pub chosen: usize,
}

/// Colours to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// As shown.
    pub name: String,
    /// As the setting takes it: a name, or a file.
    pub setting: String,
    /// The colours.
    pub palette: Palette,
}

impl Choice {
    /// Colours of a name that the setting takes, too.
    pub fn built_in(name: &str, palette: Palette) -> Self {
        Self { name: name.to_owned(), setting: name.to_owned(), palette }
    }
}

impl Default for Themes {
    /// Those that are built in: the terminal's own colours, none, dark and light.
    fn default() -> Self {
        let built_in = |name: &str, text: &str| Choice::built_in(name, file::read(text).expect("a test reads it"));
        let all = vec![
            Choice::built_in("terminal", Palette::default()),
            Choice::built_in("mono", Palette::mono()),
            built_in("dark", include_str!("dark.toml")),
            built_in("light", include_str!("light.toml")),
        ];
        Self { all, chosen: 0 }
    }
}

impl Themes {
    /// The colours that were chosen.
    pub fn palette(&self) -> Palette {
        self.all.get(self.chosen).map_or_else(Palette::default, |choice| choice.palette)
    }

    /// Chooses by name; `false`: there is none of this name.
    pub fn choose(&mut self, name: &str) -> bool {
        let at = self.all.iter().position(|choice| choice.name == name);
        self.chosen = at.unwrap_or(self.chosen);
        at.is_some()
    }
}

pub(super) fn terminal(role: Role) -> Style {
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
        Role::Past => style.fg(Color::Black).bg(Color::Yellow),
        Role::JsonLiteral => style.fg(Color::Magenta),
    }
}

pub(super) fn mono(role: Role) -> Style {
    let style = Style::new();
    match role {
        Role::Text | Role::Border | Role::Good | Role::JsonString | Role::JsonLiteral | Role::Accent | Role::Busy => style,
        Role::Dim | Role::Off | Role::Stale => style.add_modifier(Modifier::DIM),
        Role::Title | Role::BorderFocus | Role::Key | Role::Warn | Role::JsonKey => style.add_modifier(Modifier::BOLD),
        Role::Selected | Role::Past => style.add_modifier(Modifier::REVERSED),
        Role::SelectedIdle | Role::Match => style.add_modifier(Modifier::UNDERLINED),
        Role::Marked | Role::Danger => style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
    }
}
