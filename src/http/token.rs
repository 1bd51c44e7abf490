//! Tokens: who may do what over TCP. The file holds names, roles and hashes; a token itself is shown once, when it is made.
//!
//! A token is 32 random bytes, so one SHA-256 is enough: there is nothing to guess that a slow hash would have to protect.

mod book;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use jiff::Timestamp;

pub use crate::role::Role;
pub use book::{BookError, TokenBook, TokenRow, change};

/// The file is looked at for changes at most so often: a revoked token works no longer than this.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The tokens of a running engine, as its file has them now.
pub struct Tokens {
    path: PathBuf,
    seen: Mutex<Seen>,
}

struct Seen {
    at: Instant,
    stamp: Option<(SystemTime, u64)>,
    book: Arc<TokenBook>,
}

impl Tokens {
    /// Reads the file; one that is not there has no tokens.
    pub fn open(path: &Path) -> Result<Self, BookError> {
        let book = Arc::new(TokenBook::read(path)?);
        let seen = Seen { at: Instant::now(), stamp: stamp(path), book };
        Ok(Self { path: path.to_owned(), seen: Mutex::new(seen) })
    }

    /// Name and role of a token, if it is one and has not expired.
    pub fn find(&self, token: &str, now: Timestamp) -> Option<(Arc<str>, Role)> {
        self.book().find(token).filter(|row| !row.is_expired(now)).map(|row| (row.name.clone(), row.role))
    }

    /// Whether there is any.
    pub fn is_empty(&self) -> bool {
        self.book().tokens.is_empty()
    }

    /// Reads the file now, whether it seems to have changed or not, and says how many there are.
    pub fn read_again(&self) -> Result<usize, BookError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        (seen.at, seen.stamp) = (Instant::now(), stamp(&self.path));
        let read = TokenBook::read(&self.path);
        seen.book = Arc::new(read.as_ref().map(TokenBook::clone).unwrap_or_default());
        read.map(|book| book.tokens.len())
    }

    fn book(&self) -> Arc<TokenBook> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.at.elapsed() >= LOOK_EVERY {
            seen.at = Instant::now();
            let now = stamp(&self.path);
            if now != seen.stamp {
                seen.stamp = now;
                seen.book = Arc::new(self.reread());
            }
        }
        seen.book.clone()
    }

    /// A file that cannot be read lets nobody in: what it would revoke is not known.
    fn reread(&self) -> TokenBook {
        TokenBook::read(&self.path).unwrap_or_else(|error| {
            tracing::error!(%error, "no token is valid until their file can be read again");
            TokenBook::default()
        })
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}
