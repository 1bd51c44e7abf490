//! One process has a journal at a time. The system's own lock on a file `LOCK` ends with the process that holds it, however
//! that ends; the number in the file only tells people who it is.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::Path,
    process,
};

use super::OpenError;

const NAME: &str = "LOCK";
/// Bytes that a process number can have.
const NUMBER_BYTES_MAX: u64 = 20;

/// The lock on a folder, for as long as it lives.
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock; also the process that had it last, if that ended without giving it back.
    pub(crate) fn take(folder: &Path) -> Result<(Self, Option<u32>), OpenError> {
        let path = folder.join(NAME);
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(|error| OpenError::disk("open", NAME, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::Locked { folder: folder.into(), holder: number(&mut file) }),
            Err(TryLockError::Error(error)) => return Err(OpenError::disk("lock", NAME, error)),
        }
        let died = number(&mut file);
        // A full disk must keep nobody out: the number is for people, the lock is the system's.
        drop(write_number(&mut file));
        Ok((Self { file }, died))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        drop(self.file.set_len(0));
    }
}

fn number(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(NUMBER_BYTES_MAX).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_number(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", process::id())
}
