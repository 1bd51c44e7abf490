//! `flexcore doctor DIR`: every byte of a data directory is looked at; what is wrong is told, and with `--repair` put in order.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::Args;

use super::{DONE, FAILED, complain, settings::SettingArgs, unable};
use crate::{
    compose::{self, Examined},
    data_dir::{DataDir, DataDirError},
};

/// Look at every byte of a data directory.
///
/// Says what is wrong where, and which events that costs. With --repair a write that was not finished is cut off; a damaged
/// file is moved to the folder `quarantine` beside it, and a new one with all that can be read of it takes its place.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The data directory, which no engine has open [default: the setting `data`]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Put in order what is wrong
    #[arg(long)]
    repair: bool,
}

/// Looks and tells. Exit code: 0 it is sound, or was put in order; 1 something is wrong; 2 asked wrongly.
pub fn run(args: &DoctorArgs, settings: &SettingArgs, out: &mut dyn Write) -> io::Result<i32> {
    let folder = match settings.data_dir(args.folder.as_deref()) {
        Ok(folder) => folder,
        Err(wrong) => return Ok(complain(&wrong)),
    };
    let directory = match DataDir::existing(&folder) {
        Ok(directory) => directory,
        Err(error @ DataDirError::Disk { .. }) => return Ok(unable(&error)),
        Err(error) => return Ok(complain(&error.to_string())),
    };
    if let Some(died) = directory.died() {
        writeln!(out, "{died} had it and ended without giving it back")?;
    }
    let found = match compose::examine(&folder) {
        Ok(found) => found,
        Err(error) => return Ok(unable(&error)),
    };
    tell(&found, out)?;
    let is_sound = found.iter().all(|examined| examined.is_sound);
    if args.repair && found.iter().any(|examined| examined.needs_repair) {
        return repair(&folder, out);
    }
    let verdict = match (is_sound, found.iter().any(|examined| examined.needs_repair)) {
        (true, false) => "sound",
        (true, true) => "sound: what was not finished was never acknowledged, and is cut off at the next start",
        (false, _) => "damaged: `flexcore doctor --repair` keeps what can be read, and the damaged files",
    };
    writeln!(out, "{verdict}")?;
    Ok(if is_sound { DONE } else { FAILED })
}

fn repair(folder: &std::path::Path, out: &mut dyn Write) -> io::Result<i32> {
    let done = match compose::repair(folder) {
        Ok(done) => done,
        Err(error) => return Ok(unable(&error)),
    };
    writeln!(out, "repaired")?;
    done.iter().try_for_each(|line| writeln!(out, "  {line}"))?;
    match compose::examine(folder) {
        Ok(found) if found.iter().all(|examined| examined.is_sound) => {
            writeln!(out, "sound")?;
            Ok(DONE)
        }
        Ok(found) => {
            tell(&found, out)?;
            writeln!(out, "still damaged")?;
            Ok(FAILED)
        }
        Err(error) => Ok(unable(&error)),
    }
}

fn tell(found: &[Examined], out: &mut dyn Write) -> io::Result<()> {
    for Examined { name, text, .. } in found {
        writeln!(out, "{name}")?;
        text.lines().try_for_each(|line| writeln!(out, "  {line}"))?;
    }
    Ok(())
}
