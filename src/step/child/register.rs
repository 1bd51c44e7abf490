//! Which children run, one small file each in the data directory, so that the next start finds those that outlived this
//! process. Nothing of it needs a sync: children do not outlive the machine.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use flexcore_engine::port::step::StepContext;
use rustix::process::Pid;
use serde::{Deserialize, Serialize};

use super::strays;

/// In the data directory.
const FOLDER: &str = "children";

static KEPT_IN: OnceLock<PathBuf> = OnceLock::new();

/// From now on children of this process are on record in a data directory. For the first caller; there is one data
/// directory a process.
pub fn keep_in(data: &Path) -> io::Result<()> {
    let folder = folder(data);
    fs::create_dir_all(&folder)?;
    KEPT_IN.get_or_init(|| folder);
    Ok(())
}

pub(super) fn folder(data: &Path) -> PathBuf {
    data.join(FOLDER)
}

/// A child as it is on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Child {
    /// Also the number of its group.
    pub(super) pid: i32,
    /// In ticks since the machine began, as the system counts: a number that is given again has another one.
    pub(super) started: u64,
    /// Names the time since the machine began.
    pub(super) boot: String,
    pub(super) run: String,
    pub(super) pipeline: String,
    pub(super) step: String,
    pub(super) program: String,
}

/// On record until it is dropped.
pub(super) struct Entry {
    file: PathBuf,
}

/// Puts a child on record. `None`: nobody asked for it, or it cannot be, which the step's log says.
pub(super) fn enter(pid: Pid, context: &StepContext, program: &str) -> Option<Entry> {
    let folder = KEPT_IN.get()?;
    let child = Child {
        pid: pid.as_raw_nonzero().get(),
        started: strays::started(pid.as_raw_nonzero().get())?,
        boot: strays::boot(),
        run: context.run.to_string(),
        pipeline: context.pipeline.to_string(),
        step: context.step.to_string(),
        program: program.to_owned(),
    };
    let file = folder.join(child.pid.to_string());
    match fs::write(&file, serde_json::to_vec(&child).unwrap_or_default()) {
        Ok(()) => Some(Entry { file }),
        Err(error) => {
            context.log.warn(&format!("a crash could leave `{program}` running: {} cannot be written: {error}", file.display()));
            None
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // Should it stay, the next start finds no such process and removes it.
        let _ = fs::remove_file(&self.file);
    }
}
