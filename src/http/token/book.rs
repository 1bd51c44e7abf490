//! The file of tokens. It is replaced as a whole, under a lock, and readable by its owner alone.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Role;

/// The most tokens of one engine: each request is compared with all of them.
pub(super) const TOKENS_MAX: usize = 1_000;

/// What tokens begin with, so that a scanner for leaked secrets knows them.
const PREFIX: &str = "fxc_";

/// Why the tokens cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// The file cannot be read or written.
    #[error("cannot {what} the tokens file {}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not a file of tokens.
    #[error("the tokens file {} cannot be understood", path.display())]
    Garbled {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The change is not allowed.
    #[error("{0}")]
    Refused(String),
}

/// One token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRow {
    /// Names it, in the log too.
    pub name: Arc<str>,
    /// What it may do.
    pub role: Role,
    /// SHA-256 of the token, hex.
    hash: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From then on it is worth nothing.
    pub expires_at: Option<Timestamp>,
}

impl TokenRow {
    /// Whether its time is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

/// All tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenBook {
    /// In the order in which they were made.
    pub tokens: Vec<TokenRow>,
}

impl TokenBook {
    /// Reads a file; one that is not there is empty.
    pub fn read(path: &Path) -> Result<Self, BookError> {
        match fs::read(path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|source| BookError::Garbled { path: path.to_owned(), source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(BookError::Io { what: "read", path: path.to_owned(), source }),
        }
    }

    /// The row of a token. It is compared with all of them, each in constant time: how long that takes tells nothing.
    pub(super) fn find(&self, token: &str) -> Option<&TokenRow> {
        let hash = hash(token);
        let same = |row: &&TokenRow| bool::from(row.hash.as_bytes().ct_eq(hash.as_bytes()));
        self.tokens.iter().fold(None, |found, row| if same(&row) { Some(row) } else { found })
    }

    /// Makes a token. The answer is the only place where it ever stands.
    pub fn create(&mut self, name: &str, role: Role, now: Timestamp, expires_at: Option<Timestamp>) -> Result<String, BookError> {
        is_name(name)?;
        if self.tokens.iter().any(|row| &*row.name == name) {
            return Err(BookError::Refused(format!("there is already a token `{name}`: revoke it first")));
        }
        if self.tokens.len() >= TOKENS_MAX {
            return Err(BookError::Refused(format!("there are {TOKENS_MAX} tokens already: revoke some first")));
        }
        let token = fresh()?;
        let hash = hash(&token);
        self.tokens.push(TokenRow { name: name.into(), role, hash, created_at: now, expires_at });
        Ok(token)
    }

    /// Gives a token up.
    pub fn revoke(&mut self, name: &str) -> Result<(), BookError> {
        let before = self.tokens.len();
        self.tokens.retain(|row| &*row.name != name);
        if self.tokens.len() == before {
            return Err(BookError::Refused(format!("there is no token `{name}`")));
        }
        Ok(())
    }

    fn write(&self, path: &Path, folder: &Path) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        File::open(folder)?.sync_all()
    }
}

/// Changes the file: reads, changes and replaces it while nobody else does.
pub fn change<T>(path: &Path, change: impl FnOnce(&mut TokenBook) -> Result<T, BookError>) -> Result<T, BookError> {
    let unwritten = |source| BookError::Io { what: "write", path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(unwritten)?;
    let lock = File::open(folder).map_err(unwritten)?;
    lock.lock().map_err(unwritten)?;
    let mut book = TokenBook::read(path)?;
    let answer = change(&mut book)?;
    book.write(path, folder).map_err(unwritten)?;
    Ok(answer)
}

fn is_name(name: &str) -> Result<(), BookError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@');
    if (1..=64).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(());
    }
    Err(BookError::Refused(format!("`{name}` is not a name of a token: 1 to 64 letters, digits and . _ - @")))
}

fn hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |text, byte| text + &format!("{byte:02x}"))
}

fn fresh() -> Result<String, BookError> {
    let mut bytes = [0; 32];
    let unlucky = |error| BookError::Refused(format!("this machine gives no random numbers: {error}"));
    getrandom::fill(&mut bytes).map_err(unlucky)?;
    Ok(format!("{PREFIX}{}", hex(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap()
    }

    #[test]
    fn a_token_is_found_until_it_is_revoked_and_is_nowhere_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made/tokens.json");
        let token = change(&path, |book| book.create("ci", Role::Operator, now(), None)).unwrap();
        let book = TokenBook::read(&path).unwrap();
        assert_eq!(book.find(&token).map(|row| (&*row.name, row.role)), Some(("ci", Role::Operator)));
        assert!(book.find("fxc_00").is_none() && book.find("").is_none());
        assert!(!fs::read_to_string(&path).unwrap().contains(&token[PREFIX.len()..]));
        change(&path, |book| book.revoke("ci")).unwrap();
        assert!(TokenBook::read(&path).unwrap().find(&token).is_none());
    }

    #[test]
    #[cfg(unix)]
    fn only_its_owner_reads_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.json");
        change(&path, |book| book.create("ci", Role::Viewer, now(), None)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_name_is_taken_once_and_has_no_odd_letters() {
        let mut book = TokenBook::default();
        book.create("ana@ops", Role::Viewer, now(), None).unwrap();
        for name in ["ana@ops", "", "a b", "a\n", &"x".repeat(65)] {
            assert!(matches!(book.create(name, Role::Viewer, now(), None), Err(BookError::Refused(_))), "{name:?}");
        }
        assert!(book.revoke("nobody").is_err());
    }

    #[test]
    fn an_expired_token_is_told_from_one_that_is_not() {
        let mut book = TokenBook::default();
        book.create("ci", Role::Viewer, now(), Some(now())).unwrap();
        assert!(book.tokens[0].is_expired(now()));
        assert!(!book.tokens[0].is_expired(Timestamp::UNIX_EPOCH));
    }
}
