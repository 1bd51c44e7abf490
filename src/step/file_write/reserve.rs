//! Whose bytes are behind the last checkpoint of an appended file? Before each write the file is told, in an attribute of its
//! own, how far the write may reach. After a crash, what is behind the checkpoint up to there is this program's and comes
//! again; what is behind that was added by somebody else, and nobody but a person may decide about it.

use std::{fs::File, io};

use rustix::{
    fs::{XattrFlags, fgetxattr, fsetxattr},
    io::Errno,
};

use super::output::OpenError;

const ATTRIBUTE: &str = "user.flexcore.upto";

/// Says that the file may reach so far. On a file system without attributes nothing is said.
pub(super) fn upto(file: &File, bytes: u64) -> io::Result<()> {
    match fsetxattr(file, ATTRIBUTE, bytes.to_string().as_bytes(), XattrFlags::empty()) {
        Err(error) if !is_unsupported(error) => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn is_unsupported(error: Errno) -> bool {
    matches!(error, Errno::NOTSUP | Errno::PERM | Errno::NOSPC | Errno::DQUOT)
}

fn reserved(file: &File) -> Option<u64> {
    let mut text = [0; 20];
    let length = fgetxattr(file, ATTRIBUTE, &mut text[..]).ok()?;
    std::str::from_utf8(text.get(..length)?).ok()?.parse().ok()
}

/// What of a file stays.
pub(super) struct Kept {
    pub(super) bytes: u64,
    /// What goes.
    pub(super) cut: Option<(u64, u64)>,
}

/// What of a file stays when `bytes` of it are in a checkpoint.
pub(super) fn kept(file: &File, bytes: u64) -> Result<Kept, OpenError> {
    let length = file.metadata()?.len();
    match reserved(file) {
        _ if length == bytes => Ok(Kept { bytes, cut: None }),
        // Nothing was written behind the checkpoint but by somebody else: it stays, and this goes on behind it.
        Some(reserved) if reserved <= bytes => Ok(Kept { bytes: length, cut: None }),
        Some(reserved) if reserved < length => Err(OpenError::Changed(format!(
            "it was changed since the run that wrote it stopped: of its {length} bytes {bytes} are in a checkpoint, and that run \
             wrote up to byte {reserved} at most. Take what was added behind byte {bytes} out of the file, then go on"
        ))),
        _ => Ok(Kept { bytes, cut: Some((bytes, length)) }),
    }
}
