//! Pipeline files named on the command line.

use std::path::PathBuf;

use flexcore_engine::port::step::StepTypes;

use super::check;
use crate::definition::{Loaded, load_paths, variables};

/// Loads every pipeline of files and folders. `Err`: every mistake in them, as `flexcore check` prints it.
pub(super) fn load(paths: &[PathBuf], types: &dyn StepTypes) -> Result<Vec<Loaded>, String> {
    let reports = load_paths(paths, types, &variables::of_process).map_err(|error| error.to_string())?;
    let mut printed = Vec::new();
    let mut pipelines = Vec::new();
    for report in reports {
        // Writing to memory does not fail.
        let _ = check::as_text(&report, &mut printed);
        pipelines.extend(report.result.ok());
    }
    if printed.is_empty() {
        Ok(pipelines)
    } else {
        Err(format!("these pipelines cannot be loaded\n\n{}", String::from_utf8_lossy(&printed).trim_end()))
    }
}
