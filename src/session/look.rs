//! How a console looks on its terminal. What the terminal says of itself comes as variables: of this process for a local
//! one, from the client for one that is served.

use std::fs;

use flexcore_ui::{
    keymap::Keymap,
    run::ConsoleOptions,
    terminal::{canvas::Abilities, depth::Depth},
    theme::{Palette, Theme},
};
use jiff::tz::TimeZone;

use crate::config::Settings;

/// All of it, for a terminal with these variables and an operator who lives in a zone.
pub fn options(settings: &Settings, keymap: Keymap, zone: TimeZone, variable: impl Fn(&str) -> Option<String>) -> ConsoleOptions {
    let (theme, abilities) = of(settings, variable);
    let themes = settings.themes.clone();
    ConsoleOptions { theme, themes, abilities, keymap, zone, ..ConsoleOptions::default() }
}

/// The keys that the settings want.
pub fn keymap(settings: &Settings) -> Result<Keymap, String> {
    let Some(path) = settings.keys.as_deref() else { return Ok(Keymap::default()) };
    let text = fs::read_to_string(path).map_err(|error| format!("cannot read the keys file {}: {error}", path.display()))?;
    Keymap::from_toml(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Colours and abilities for a terminal with these variables.
pub fn of(settings: &Settings, variable: impl Fn(&str) -> Option<String>) -> (Theme, Abilities) {
    let said = Depth::of_terminal(variable);
    let depth = settings.colors.unwrap_or(said);
    let palette = if depth == Depth::Mono { Palette::mono() } else { settings.themes.palette() };
    let theme = Theme { palette, ascii: settings.ascii };
    (theme, Abilities { depth, scrolls: settings.scroll })
}
