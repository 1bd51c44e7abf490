//! Why files could not be opened, in words that say which file and what to do.

use std::{io, path::PathBuf};

use super::scan::Damage;

/// Why a journal was not opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// One process has a journal at a time.
    #[error("the journal in `{}` is in use by {}", folder.display(), holder.map_or("another process".into(), |pid| format!("process {pid}")))]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// The process that has it, if it said so.
        holder: Option<u32>,
    },
    /// A file is not as it was written. Opening it anyway could lose what was acknowledged.
    #[error("the journal's file `{file}` is damaged at byte {offset}: {what}; repairing sets it aside and keeps the rest")]
    Damaged {
        /// The file.
        file: String,
        /// The first byte that is wrong.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// The disk did not do what it was asked.
    #[error("cannot {action} the journal's `{file}`: {source}")]
    Disk {
        /// What it was asked.
        action: &'static str,
        /// Of which file; `.` for the folder.
        file: String,
        /// What the system said.
        source: io::Error,
    },
}

impl OpenError {
    pub(crate) fn disk(action: &'static str, file: &str, source: io::Error) -> Self {
        Self::Disk { action, file: file.into(), source }
    }

    pub(crate) fn damaged(file: &str, damage: Damage) -> Self {
        Self::Damaged { file: file.into(), offset: damage.offset, what: damage.what }
    }
}
