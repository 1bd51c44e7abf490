//! Files by name: one writer at a time, temporary names that tell whose they are, and what stands in them.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::Path,
    thread,
    time::Duration,
};

use super::output::OpenError;

/// How often a file that somebody else writes is asked for, and the pause between two tries.
const LOCK_TRIES_MAX: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file that nobody else writes. The lock goes with the process; an attempt that was given up just now lets go soon.
pub(super) fn open(path: &Path, create: bool) -> Result<File, OpenError> {
    for _ in 1..LOCK_TRIES_MAX {
        if let Some(file) = open_now(path, create)? {
            return Ok(file);
        }
        thread::sleep(LOCK_PAUSE);
    }
    open_now(path, create)?.ok_or(OpenError::InUse)
}

/// `None` while somebody else has it. Opened anew at each try: whoever had it may have removed it or put another one in its
/// place before letting go, and what is written to a file without a name is lost.
fn open_now(path: &Path, create: bool) -> Result<Option<File>, OpenError> {
    let file = OpenOptions::new().read(true).write(true).create(create).truncate(false).open(path)?;
    match lock(&file) {
        Ok(()) => Ok(is_at(&file, path)?.then_some(file)),
        Err(OpenError::InUse) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let of = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match fs::metadata(path) {
        Ok(there) => Ok(of(there) == of(file.metadata()?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn lock(file: &File) -> Result<(), OpenError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse),
        // A file system without locks is used all the same.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// The beginning of a file, in another one, which is durable: checkpoints count on it from here on.
pub(super) fn copy(from: &Path, to: &Path, bytes: u64) -> Result<File, OpenError> {
    let mut file = open(to, true)?;
    file.set_len(0)?;
    io::copy(&mut File::open(from)?.take(bytes), &mut file)?;
    file.sync_all()?;
    File::open(folder_of(to))?.sync_all()?;
    Ok(file)
}

/// Removes what earlier runs left of this file, unless somebody writes it: the newest file counts.
pub(super) fn sweep(path: &Path) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let Ok(entries) = fs::read_dir(folder_of(path)) else { return };
    for entry in entries.flatten() {
        let other = entry.file_name();
        let of_this = other.to_str().and_then(|other| part_of(other)).is_some_and(|(of, _)| of == name);
        if of_this && File::open(entry.path()).is_ok_and(|file| lock(&file).is_ok()) {
            // Should it stay, the next run tries again.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The name under which a run writes a file until it takes its place.
pub(super) fn part_name(path: &Path, run: &str) -> String {
    format!(".{}.{run}.part", path.file_name().unwrap_or_default().to_string_lossy())
}

/// The file and the run of such a name.
fn part_of(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix('.')?.strip_suffix(".part")?.rsplit_once('.')
}

/// The length of a file without its last line, should that have no line feed: a crash may leave half a line.
pub(super) fn whole_lines(file: &mut File) -> io::Result<u64> {
    const BLOCK: u64 = 64 << 10;
    let mut end = file.metadata()?.len();
    let mut block = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        file.seek(SeekFrom::Start(start))?;
        block.clear();
        file.take(end - start).read_to_end(&mut block)?;
        if let Some(at) = memchr::memrchr(b'\n', &block) {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

pub(super) fn first_line(file: &mut File) -> io::Result<Vec<u8>> {
    const LINE_BYTES_MAX: u64 = 1 << 20;
    let mut line = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    BufReader::new(file.take(LINE_BYTES_MAX)).read_until(b'\n', &mut line)?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_lost_its_name_is_not_taken_for_the_one_that_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let first = open(&path, true).unwrap();
        assert!(is_at(&first, &path).unwrap());
        fs::remove_file(&path).unwrap();
        assert!(!is_at(&first, &path).unwrap());
        // The lock of the nameless one does not hold up whoever makes it anew.
        let second = open_now(&path, true).unwrap().unwrap();
        assert!(is_at(&second, &path).unwrap() && !is_at(&first, &path).unwrap());
        assert!(open_now(&path, true).unwrap().is_none());
    }
}
