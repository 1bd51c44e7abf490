//! Who may come in: the file of keys, in the form of OpenSSH's `authorized_keys`, with the role in front and the name behind.
//!
//! ```text
//! role="operator" ssh-ed25519 AAAAC3Nza… ana
//! role="viewer",expiry-time="20271231" ssh-ed25519 AAAAC3Nza… wall-berlin
//! ```
//!
//! A key without a role only looks. An option that is not known here is an error and not a promise that nobody keeps.

mod line;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use jiff::Timestamp;
use russh::keys::ssh_key::public::KeyData;

use crate::role::Role;

/// The file is looked at for changes at most so often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The most keys of one file.
pub(super) const KEYS_MAX: usize = 1_000;
/// The largest file, in bytes.
const BYTES_MAX: u64 = 4 << 20;

/// One key that may come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyRow {
    /// Names who it is, in the log too.
    pub(super) name: Arc<str>,
    /// What it may do.
    pub(super) role: Role,
    key: KeyData,
    /// From then on it is worth nothing.
    expires_at: Option<Timestamp>,
}

/// A line that lets nobody in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadLine {
    number: usize,
    reason: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.number, self.reason)
    }
}

/// Why nobody can be let in.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// No file is named, and there is no directory to look in.
    #[error(
        "--ssh needs to know who may come in: set sshd.authorized_keys to a file with lines like\n  role=\"operator\" ssh-ed25519 \
         AAAA… NAME\nor keep the engine's data in a directory (--data), where the file is DATA/authorized_keys"
    )]
    Unsaid,
    /// The file cannot be read.
    #[error("cannot read the keys {}, which say who may come in by SSH (setting sshd.authorized_keys)", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no key in it.
    #[error(
        "{} has no key, so nobody could come in by SSH; write one line for each who may, like\n  role=\"operator\" ssh-ed25519 \
         AAAA… NAME",
        path.display()
    )]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// Lines of it cannot be understood.
    #[error("{}", told(path, lines))]
    Bad {
        /// Which.
        path: PathBuf,
        /// What is wrong with each.
        lines: Vec<String>,
    },
}

fn told(path: &Path, lines: &[String]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| format!("{}: {line}", path.display())).collect();
    lines.join("\n")
}

/// All keys, as a file has them.
#[derive(Debug, Default)]
struct Book {
    keys: Vec<KeyRow>,
    bad: Vec<BadLine>,
}

impl Book {
    fn parse(text: &str) -> Self {
        let mut book = Self::default();
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let parsed = if book.keys.len() < KEYS_MAX { line::parse(line) } else { Err(format!("more than {KEYS_MAX} keys")) };
            match parsed {
                Ok(row) if book.keys.iter().any(|known| known.key == row.key) => {
                    book.bad.push(BadLine { number, reason: "this key stands above already".into() });
                }
                Ok(row) => book.keys.push(row),
                Err(reason) => book.bad.push(BadLine { number, reason }),
            }
        }
        book
    }

    fn read(path: &Path) -> io::Result<Self> {
        let meta = fs::metadata(path)?;
        if meta.len() > BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("it has {} bytes; {BYTES_MAX} is the most", meta.len()),
            ));
        }
        fs::read_to_string(path).map(|text| Self::parse(&text))
    }
}

/// The keys of a running engine, as their file has them now.
pub(super) struct Keys {
    path: PathBuf,
    seen: Mutex<Seen>,
}

struct Seen {
    at: Instant,
    stamp: Option<Stamp>,
    book: Arc<Book>,
}

type Stamp = (SystemTime, u64);

impl Keys {
    /// Reads the file. One without a key, or with a line that is not understood, is an error here: whoever starts an engine is
    /// there to mend it.
    pub(super) fn open(setting: Option<&Path>, data: Option<&Path>) -> Result<Self, KeysError> {
        let named = setting.map(Path::to_owned).or_else(|| data.map(|folder| folder.join("authorized_keys")));
        let path = named.ok_or(KeysError::Unsaid)?;
        let stamp = stamp(&path);
        let book = match Book::read(&path) {
            Ok(book) => book,
            Err(error) if error.kind() == io::ErrorKind::NotFound && setting.is_none() => return Err(KeysError::Empty { path }),
            Err(source) => return Err(KeysError::Io { path, source }),
        };
        if !book.bad.is_empty() {
            return Err(KeysError::Bad { path, lines: book.bad.iter().map(ToString::to_string).collect() });
        }
        if book.keys.is_empty() {
            return Err(KeysError::Empty { path });
        }
        Ok(Self { path, seen: Mutex::new(Seen { at: Instant::now(), stamp, book: Arc::new(book) }) })
    }

    /// Who a key is, if it may come in at this moment.
    pub(super) fn find(&self, key: &KeyData, now: Timestamp) -> Option<KeyRow> {
        let book = self.book();
        let row = book.keys.iter().find(|row| row.key == *key)?;
        row.expires_at.is_none_or(|end| now < end).then(|| row.clone())
    }

    /// Whether somebody who came in with a key still may, with the same role.
    pub(super) fn still(&self, row: &KeyRow, now: Timestamp) -> bool {
        self.find(&row.key, now).is_some_and(|found| found.role == row.role && found.name == row.name)
    }

    /// Reads the file now, whatever its age; says how many keys there are.
    pub(super) fn reload(&self) -> usize {
        let mut seen = self.lock();
        self.look(&mut seen, true);
        seen.book.keys.len()
    }

    fn book(&self) -> Arc<Book> {
        let mut seen = self.lock();
        if seen.at.elapsed() >= LOOK_EVERY {
            self.look(&mut seen, false);
        }
        seen.book.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, seen: &mut Seen, always: bool) {
        seen.at = Instant::now();
        let now = stamp(&self.path);
        if always || now != seen.stamp {
            seen.stamp = now;
            seen.book = Arc::new(self.reread());
        }
    }

    /// A file that cannot be read lets nobody in: whom it would shut out is not known. A line that is not understood lets in
    /// nobody by itself, and leaves all others as they are.
    fn reread(&self) -> Book {
        let path = self.path.display();
        let book = Book::read(&self.path).unwrap_or_else(|error| {
            tracing::error!(%path, %error, "nobody can come in by SSH until the keys can be read again");
            Book::default()
        });
        for bad in &book.bad {
            tracing::error!("{path}: {bad}; the line lets nobody in");
        }
        book
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

#[cfg(test)]
mod tests;
