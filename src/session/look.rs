//! How a console looks on its terminal. What the terminal says of itself comes as variables: of this process for a local
//! one, from the client for one that is served.

use flexcore_ui::{
    terminal::{canvas::Abilities, depth::Depth},
    theme::{Palette, Theme},
};

use crate::config::Settings;

/// Colours and abilities for a terminal with these variables.
pub fn of(settings: &Settings, variable: impl Fn(&str) -> Option<String>) -> (Theme, Abilities) {
    let said = Depth::of_terminal(variable);
    let depth = settings.colors.unwrap_or(said);
    let palette = if depth == Depth::Mono { Palette::mono() } else { settings.themes.palette() };
    let theme = Theme { palette, ascii: settings.ascii };
    (theme, Abilities { depth, scrolls: settings.scroll })
}
