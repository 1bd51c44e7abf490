//! Reads what a journal keeps without opening it.

use std::path::Path;

use crate::{
    segment::{
        capture::{Capture, capture},
        disk::Folder,
        look::look,
    },
    store::memory::{Limits, MemoryLog},
};

use super::{Journal, OpenError, contents::LogContents};

/// The files of the journal in a folder, whoever has it open, to be copied.
pub fn capture_files(folder: &Path) -> Result<Capture, OpenError> {
    capture::<LogContents>(folder)
}

impl Journal {
    /// What the journal in a folder keeps, as of now, whoever has it open. It is a log of its own from then on: nobody sees
    /// what is appended to it, and it does not follow the journal. Reads all of it: about a second for a million events.
    pub fn look(folder: &Path) -> Result<MemoryLog, OpenError> {
        let LogContents { kept, .. } = look(&Folder::new(folder))?;
        Ok(MemoryLog::holding(Limits { events_max: u64::MAX / 4, bytes_max: u64::MAX / 4 }, kept))
    }
}
