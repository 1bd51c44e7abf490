//! One process has a data directory at a time. The system's lock on the file `LOCK` ends with the process that holds it,
//! however that ends; what is written in it only tells people who that is.

use std::{
    fmt,
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
    process,
};

use jiff::Timestamp;

use super::{DataDirError, failed};

const NAME: &str = "LOCK";
/// Bytes of what a lock says about its holder.
const TEXT_BYTES_MAX: u64 = 1 << 10;

/// Who has a data directory, or had it last, as far as it said so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holder {
    process: Option<u32>,
    node: Option<String>,
    since: Option<Timestamp>,
    /// Where its engine is asked.
    socket: Option<PathBuf>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.process {
            Some(process) => write!(f, "process {process}")?,
            None => f.write_str("another process")?,
        }
        if let Some(node) = &self.node {
            write!(f, " on {node}")?;
        }
        self.since.map_or(Ok(()), |since| write!(f, " since {since}"))
    }
}

impl Holder {
    /// Where its engine is asked, if it said so.
    pub fn socket(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    /// The process, as people are told.
    pub fn process(&self) -> String {
        self.process.map_or_else(|| "another process".to_owned(), |process| format!("process {process}"))
    }

    fn of_this_process() -> Self {
        let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let since = Timestamp::from_second(Timestamp::now().as_second()).ok();
        Self { process: Some(process::id()), node: Some(node), since, socket: None }
    }

    fn read(file: &mut File) -> Option<Self> {
        let mut text = String::new();
        file.rewind().ok()?;
        file.take(TEXT_BYTES_MAX).read_to_string(&mut text).ok()?;
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let holder = Self {
            process: value("process").and_then(|text| text.parse().ok()),
            node: value("node").map(str::to_owned),
            since: value("since").and_then(|text| text.parse().ok()),
            socket: value("socket").map(PathBuf::from),
        };
        Some(holder).filter(|holder| *holder != Self::default())
    }

    fn write(&self, mut file: &File) -> io::Result<()> {
        file.set_len(0)?;
        file.rewind()?;
        let mut text = String::new();
        let mut line = |name: &str, value: Option<String>| text.extend(value.map(|value| format!("{name} {value}\n")));
        line("process", self.process.map(|process| process.to_string()));
        line("node", self.node.clone());
        line("since", self.since.map(|since| since.to_string()));
        line("socket", self.socket.as_ref().map(|socket| socket.display().to_string()));
        file.write_all(text.as_bytes())
    }
}

/// The lock on a directory, for as long as it lives.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    holder: Holder,
}

impl Lock {
    /// Takes the lock; also who had it last, if that ended without giving it back.
    pub(super) fn take(folder: &Path) -> Result<(Self, Option<Holder>), DataDirError> {
        let path = folder.join(NAME);
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(failed("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = Holder::read(&mut file).unwrap_or_default();
                return Err(DataDirError::InUse { folder: folder.into(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
        }
        let died = Holder::read(&mut file);
        // A full disk must keep nobody out: the text is for people, the lock is the system's.
        let holder = Holder::of_this_process();
        drop(holder.write(&file));
        Ok((Self { file, holder }, died))
    }
}

/// Who has a directory now. `None`: nobody has.
pub(super) fn holder(folder: &Path) -> Result<Option<Holder>, DataDirError> {
    let path = folder.join(NAME);
    let mut file = match OpenOptions::new().read(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("open", &path)(error)),
    };
    // Shared, so that two who look at once do not take each other for the holder; let go of at the end.
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(Holder::read(&mut file).unwrap_or_default())),
        Err(TryLockError::Error(error)) => Err(failed("lock", &path)(error)),
    }
}

impl Lock {
    /// Tells others where the engine is asked.
    pub(super) fn say_socket(&self, socket: &Path) {
        let holder = Holder { socket: Some(socket.to_owned()), ..self.holder.clone() };
        // A full disk must keep nobody from working: those who look are told that it is in use.
        drop(holder.write(&self.file));
    }

    /// Nobody is told any more that it was not given back.
    pub(super) fn leave(&self) {
        drop(self.file.set_len(0));
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.leave();
    }
}
