//! How a console looks on its terminal. What the terminal says of itself comes as variables: of this process for a local
//! one, from the client for one that is served.

use flexcore_ui::{
    terminal::{canvas::Abilities, depth::Depth},
    theme::Theme,
};

use crate::config::{Settings, Theme as Wanted};

/// Colours and abilities for a terminal with these variables.
pub fn of(settings: &Settings, variable: impl Fn(&str) -> Option<String>) -> (Theme, Abilities) {
    let said = Depth::of_terminal(variable);
    let depth = if settings.theme == Wanted::Mono { Depth::Mono } else { settings.colors.unwrap_or(said) };
    let theme = Theme { mono: depth == Depth::Mono, ascii: settings.ascii };
    (theme, Abilities { depth, scrolls: settings.scroll })
}
