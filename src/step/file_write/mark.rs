//! What a checkpoint keeps of a file: how long it was, and what stood before its end, so that another file, or one that
//! somebody changed meanwhile, is not taken for it.

use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

use flexcore_engine::id::Revision;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// So much before the end tells it from another file.
const TAIL_BYTES_MAX: u64 = 4 << 10;

/// How far a file is in a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Its length without anything that comes again.
    pub(super) bytes: u64,
    /// SHA-256 of what stands before there, in hex.
    pub(super) tail: String,
    /// Its name until it takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<String>,
    /// It has taken its place, and all of it is in the checkpoint.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) finished: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks like this")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// How a file differs from its mark.
#[derive(Debug, thiserror::Error)]
pub(super) enum Differs {
    #[error(
        "has {found} bytes, and {bytes} of it are in a checkpoint: it was cut or is another file. Put the whole file back, or \
         start a new run (of a continuous pipeline: set its checkpoint) to begin anew"
    )]
    Shorter { found: u64, bytes: u64 },
    #[error(
        "was changed: what stands before byte {bytes} is not what a checkpoint counts on. Put the old file back, or start a new \
         run (of a continuous pipeline: set its checkpoint) to begin anew"
    )]
    Other { bytes: u64 },
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
}

impl Mark {
    /// Whether a file still is what the checkpoint counts on.
    pub(super) fn check(&self, file: &File) -> Result<(), Differs> {
        let (bytes, found) = (self.bytes, file.metadata()?.len());
        if found < bytes {
            return Err(Differs::Shorter { found, bytes });
        }
        if digest(file, bytes)? == self.tail { Ok(()) } else { Err(Differs::Other { bytes }) }
    }

    /// Whether the file at a path begins with it.
    pub(super) fn is_start_of(&self, path: &Path) -> bool {
        File::open(path).is_ok_and(|file| self.check(&file).is_ok())
    }
}

/// Of what stands before a place in a file.
pub(super) fn digest(file: &File, end: u64) -> io::Result<String> {
    let start = end.saturating_sub(TAIL_BYTES_MAX);
    let mut tail = vec![0; (end - start) as usize];
    file.read_exact_at(&mut tail, start)?;
    // A revision is printed as a digest is.
    Ok(Revision(Sha256::digest(&tail).into()).to_string())
}
