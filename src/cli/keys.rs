//! `flexcore keys`: the console's keys, as the file that changes them.

use std::io::{self, Write};

use super::{DONE, complain, settings::SettingArgs};
use crate::session::look::keymap;

/// The console's keys.
#[derive(Debug, clap::Args)]
pub struct KeysArgs {}

/// Prints the keys that hold with these settings.
pub fn run(_: &KeysArgs, settings: &SettingArgs, out: &mut dyn Write) -> io::Result<i32> {
    let keymap = settings.settings().map_err(|wrong| wrong.to_string()).and_then(|settings| keymap(&settings));
    match keymap {
        Ok(keymap) => write!(out, "{}", keymap.to_toml()).map(|()| DONE),
        Err(wrong) => Ok(complain(&wrong)),
    }
}
