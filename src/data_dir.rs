//! A data directory: everything of one engine that must outlive its process.
//!
//! ```text
//! DIR/FORMAT    that it is one, and of which layout; whoever finds another number leaves it alone
//! DIR/LOCK      who has it now; the system's own lock, so that a process that dies lets go of it
//! DIR/log/      the log's journal
//! DIR/queues/   the queues' journal
//! DIR/adopted   which revision each pipeline's file was when it was last taken over
//! DIR/children/ child processes that run, so that the next start ends those that outlived this process
//! DIR/authorized_keys, DIR/ssh_host_ed25519_key   who may come in by SSH, and the host's own key, unless they are elsewhere
//! ```

mod lock;

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

pub use lock::Holder;
use lock::Lock;

/// The layout that this program reads and writes.
pub const FORMAT: u32 = 1;
const FORMAT_FILE: &str = "FORMAT";
const UNFINISHED: &str = "FORMAT.tmp";
const FIRST_LINE: &str = "FlexCore data directory";
/// Bytes of the file that tells the format.
const FORMAT_BYTES_MAX: u64 = 1 << 10;

/// Why a data directory cannot be used. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another process has it.
    #[error("the data directory {} is in use by {holder}; stop that one first, or use another directory", folder.display())]
    InUse {
        /// Which directory.
        folder: PathBuf,
        /// By whom.
        holder: Holder,
    },
    /// It is a folder of something else.
    #[error("{} is not a data directory: {what}", folder.display())]
    Foreign {
        /// Which folder.
        folder: PathBuf,
        /// How that shows.
        what: &'static str,
    },
    /// It was made by a program that lays it out differently.
    #[error("the data directory {} has format {format}, and this program reads format {FORMAT}", folder.display())]
    Format {
        /// Which directory.
        folder: PathBuf,
        /// Its format, as written.
        format: String,
    },
    /// The disk did not do what it was asked.
    #[error("cannot {action} {}", path.display())]
    Disk {
        /// What it was asked.
        action: &'static str,
        /// Of which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn failed<'p>(action: &'static str, path: &'p Path) -> impl FnOnce(io::Error) -> DataDirError + 'p {
    move |source| DataDirError::Disk { action, path: path.to_owned(), source }
}

/// A data directory that nobody else changes for as long as this lives.
#[derive(Debug)]
pub struct DataDir {
    folder: PathBuf,
    died: Option<Holder>,
    /// Given back last.
    lock: Lock,
}

impl DataDir {
    /// Takes the directory, and makes it first when it is not there or has nothing in it yet.
    pub fn open(folder: &Path) -> Result<Self, DataDirError> {
        if !folder.exists() || is_empty(folder).map_err(failed("look into", folder))? {
            make(folder)?;
        }
        Self::existing(folder)
    }

    /// Takes a directory that is there.
    pub fn existing(folder: &Path) -> Result<Self, DataDirError> {
        recognise(folder)?;
        let (lock, died) = Lock::take(folder)?;
        Ok(Self { folder: folder.to_owned(), died, lock })
    }

    /// The directory itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Notes where the engine that has it is asked.
    pub fn say_socket(&self, socket: &Path) {
        self.lock.say_socket(socket);
    }

    /// Notes that it is given back in order; it is held until the process ends.
    pub fn leave(&self) {
        self.lock.leave();
    }

    /// The process that had it last and ended without giving it back.
    pub fn died(&self) -> Option<&Holder> {
        self.died.as_ref()
    }
}

/// Who has a data directory now; `None`: nobody. Changes nothing.
pub fn holder(folder: &Path) -> Result<Option<Holder>, DataDirError> {
    recognise(folder)?;
    lock::holder(folder)
}

/// The log's journal in a data directory.
pub fn log(folder: &Path) -> PathBuf {
    folder.join("log")
}

/// The queues' journal in a data directory.
pub fn queues(folder: &Path) -> PathBuf {
    folder.join("queues")
}

/// Checks that a folder is a data directory of a layout that this program knows. Takes nothing and changes nothing.
pub fn recognise(folder: &Path) -> Result<(), DataDirError> {
    let foreign = |what| DataDirError::Foreign { folder: folder.to_owned(), what };
    let path = folder.join(FORMAT_FILE);
    let text = match File::open(&path).and_then(|file| io::read_to_string(io::Read::take(file, FORMAT_BYTES_MAX))) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.exists() => return Err(foreign("it is not there")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(foreign("it has no file FORMAT")),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Err(foreign("it is no folder")),
        Err(error) => return Err(failed("read", &path)(error)),
    };
    let mut lines = text.lines();
    if lines.next() != Some(FIRST_LINE) {
        return Err(foreign("its file FORMAT is of something else"));
    }
    match lines.next().and_then(|line| line.strip_prefix("format ")) {
        Some(format) if format.parse() == Ok(FORMAT) => Ok(()),
        Some(format) => Err(DataDirError::Format { folder: folder.to_owned(), format: format.to_owned() }),
        None => Err(foreign("its file FORMAT does not name one")),
    }
}

/// What is no content of a folder: of a file system that has just been made, and of a start that did not come to its end.
const NOTHING: [&str; 2] = ["lost+found", UNFINISHED];

fn is_empty(folder: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        if !NOTHING.iter().any(|name| entry.as_ref().is_ok_and(|entry| entry.file_name() == *name)) {
            return entry.map(|_| false);
        }
    }
    Ok(true)
}

/// The file that makes a folder a data directory comes whole or not at all.
fn make(folder: &Path) -> Result<(), DataDirError> {
    fs::create_dir_all(folder).map_err(failed("make", folder))?;
    let (path, unfinished) = (folder.join(FORMAT_FILE), folder.join(UNFINISHED));
    let made =
        format!("{FIRST_LINE}\nformat {FORMAT}\nmade by FlexCore {} at {:.0}\n", env!("CARGO_PKG_VERSION"), Timestamp::now());
    let written = File::create(&unfinished).and_then(|mut file| {
        file.write_all(made.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)?;
        File::open(folder)?.sync_all()?;
        folder.canonicalize()?.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
    });
    written.map_err(failed("write", &path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_folder_becomes_a_data_directory_that_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/data");
        assert!(DataDir::open(&path).unwrap().died().is_none());
        recognise(&path).unwrap();
        assert!(DataDir::open(&path).unwrap().died().is_none());
    }

    #[test]
    fn a_folder_with_nothing_in_it_becomes_one_too() {
        for there in [&[][..], &["lost+found"], &["lost+found", UNFINISHED]] {
            let folder = tempfile::tempdir().unwrap();
            for name in there {
                fs::write(folder.path().join(name), "").unwrap();
            }
            DataDir::open(folder.path()).unwrap();
            recognise(folder.path()).unwrap();
        }
    }

    #[test]
    fn a_directory_has_one_process_at_a_time_and_says_which() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataDir::open(folder.path()).unwrap();
        let refused = DataDir::open(folder.path()).unwrap_err().to_string();
        assert!(refused.contains(&format!("is in use by process {} on ", std::process::id())), "{refused}");
        assert!(refused.contains(" since 2"), "{refused}");
        drop(first);
        DataDir::open(folder.path()).unwrap();
    }

    #[test]
    fn who_has_a_directory_is_found_and_where_to_ask() {
        let folder = tempfile::tempdir().unwrap();
        assert!(holder(&folder.path().join("none")).is_err());
        let taken = DataDir::open(folder.path()).unwrap();
        assert_eq!(holder(folder.path()).unwrap().unwrap().socket(), None);
        taken.say_socket(Path::new("/run/a b.sock"));
        let found = holder(folder.path()).unwrap().unwrap();
        assert_eq!(found.socket(), Some(Path::new("/run/a b.sock")));
        assert_eq!(found.process(), format!("process {}", std::process::id()));
        drop(taken);
        assert_eq!(holder(folder.path()).unwrap(), None);
    }

    #[test]
    fn who_ended_without_giving_it_back_is_known() {
        let folder = tempfile::tempdir().unwrap();
        drop(DataDir::open(folder.path()).unwrap());
        fs::write(folder.path().join("LOCK"), "process 12\nnode box\nsince 2026-01-02T03:04:05Z\n").unwrap();
        let taken = DataDir::open(folder.path()).unwrap();
        assert_eq!(taken.died().unwrap().to_string(), "process 12 on box since 2026-01-02T03:04:05Z");
    }

    #[test]
    fn folders_of_others_and_other_formats_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let refusal = |path: &Path| DataDir::open(path).unwrap_err().to_string();
        fs::write(path.join("notes.txt"), "mine").unwrap();
        assert!(refusal(path).ends_with("is not a data directory: it has no file FORMAT"));
        fs::write(path.join("FORMAT"), "PNG\n").unwrap();
        assert!(refusal(path).ends_with("its file FORMAT is of something else"));
        fs::write(path.join("FORMAT"), format!("{FIRST_LINE}\nformat 9\n")).unwrap();
        assert!(refusal(path).ends_with("has format 9, and this program reads format 1"));
        assert!(recognise(&path.join("none")).unwrap_err().to_string().ends_with("it is not there"));
        assert!(recognise(&path.join("notes.txt")).unwrap_err().to_string().ends_with("it is no folder"));
        let entries = fs::read_dir(path).unwrap().count();
        assert_eq!(entries, 2, "nothing was made");
    }
}
