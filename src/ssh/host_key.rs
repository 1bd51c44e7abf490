//! The key by which clients know this host again. It is made once and kept; one that changed at every start would teach
//! people to wave warnings away.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use russh::keys::{
    Algorithm, HashAlg, PrivateKey,
    ssh_key::{
        LineEnding,
        private::{Ed25519Keypair, KeypairData},
    },
};

/// Its name in a data directory.
const NAME: &str = "ssh_host_ed25519_key";
/// The largest file that is read as one, in bytes.
const BYTES_MAX: u64 = 64 << 10;

/// Why there is no host key.
#[derive(Debug, thiserror::Error)]
pub enum HostKeyError {
    /// The file cannot be read or written.
    #[error("cannot {what} the host key {}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not one.
    #[error("the host key {} cannot be used: {reason}", path.display())]
    Unfit {
        /// Which file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A new one cannot be made.
    #[error("no host key can be made: {0}")]
    Unmade(String),
}

/// The host's key.
pub(super) struct HostKey {
    pub(super) key: PrivateKey,
    /// Its file; `None`: it lives as long as this process.
    pub(super) path: Option<PathBuf>,
}

impl HostKey {
    /// Reads the key of a setting, or of a data directory, and makes it when it is not there.
    pub(super) fn open(setting: Option<&Path>, data: Option<&Path>) -> Result<Self, HostKeyError> {
        let Some(path) = setting.map(Path::to_owned).or_else(|| data.map(|folder| folder.join(NAME))) else {
            return Ok(Self { key: fresh()?, path: None });
        };
        let key = match File::open(&path) {
            Ok(file) => read(&path, &file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => make(&path)?,
            Err(source) => return Err(HostKeyError::Io { what: "read", path, source }),
        };
        Ok(Self { key, path: Some(path) })
    }

    /// As `ssh` shows it when it asks whether this is the right host.
    pub(super) fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }
}

fn read(path: &Path, file: &File) -> Result<PrivateKey, HostKeyError> {
    let unread = |source| HostKeyError::Io { what: "read", path: path.to_owned(), source };
    let unfit = |reason: String| HostKeyError::Unfit { path: path.to_owned(), reason };
    let meta = file.metadata().map_err(unread)?;
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(unfit(format!("others may read it; chmod 600 {}", path.display())));
    }
    if meta.len() > BYTES_MAX {
        return Err(unfit("it is far too large for a key".into()));
    }
    let text = io::read_to_string(file).map_err(unread)?;
    let key = PrivateKey::from_openssh(text).map_err(|error| unfit(format!("it is not a private key of OpenSSH ({error})")))?;
    if key.is_encrypted() {
        return Err(unfit("it has a passphrase, which nobody is there to type; `ssh-keygen -p` takes it off".into()));
    }
    match key.algorithm() {
        Algorithm::Ed25519 => Ok(key),
        other => Err(unfit(format!("it is of the kind {other}; make one with `ssh-keygen -t ed25519 -N '' -f FILE`"))),
    }
}

/// Written whole or not at all, readable by its owner alone from its first byte on.
fn make(path: &Path) -> Result<PrivateKey, HostKeyError> {
    let key = fresh()?;
    let text = key.to_openssh(LineEnding::LF).map_err(|error| HostKeyError::Unmade(error.to_string()))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    write(path, folder, text.as_bytes()).map_err(|source| HostKeyError::Io { what: "write", path: path.to_owned(), source })?;
    Ok(key)
}

fn write(path: &Path, folder: &Path, text: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    File::open(folder)?.sync_all()
}

fn fresh() -> Result<PrivateKey, HostKeyError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| HostKeyError::Unmade(format!("this machine gives no random numbers: {error}")))?;
    let pair = KeypairData::from(Ed25519Keypair::from_seed(&seed));
    PrivateKey::new(pair, "flexcore").map_err(|error| HostKeyError::Unmade(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_key_is_made_once_for_its_owner_alone_and_is_the_same_ever_after() {
        let folder = tempfile::tempdir().unwrap();
        let first = HostKey::open(None, Some(folder.path())).unwrap();
        let path = folder.path().join(NAME);
        assert_eq!((first.path.as_deref(), mode(&path)), (Some(&*path), 0o600));
        let second = HostKey::open(None, Some(folder.path())).unwrap();
        assert_eq!(first.fingerprint(), second.fingerprint());
        let elsewhere = HostKey::open(Some(&folder.path().join("made/key")), Some(folder.path())).unwrap();
        assert_ne!(elsewhere.fingerprint(), first.fingerprint());
    }

    #[test]
    fn without_a_directory_a_key_lives_as_long_as_its_process() {
        let (one, other) = (HostKey::open(None, None).unwrap(), HostKey::open(None, None).unwrap());
        assert!(one.path.is_none() && one.fingerprint() != other.fingerprint());
    }

    #[test]
    fn a_key_that_others_may_read_and_one_that_is_none_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        HostKey::open(None, Some(folder.path())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let told = |error: HostKeyError| error.to_string();
        assert!(told(HostKey::open(None, Some(folder.path())).err().unwrap()).contains("chmod 600"));
        fs::write(&path, "nothing of the kind").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(told(HostKey::open(None, Some(folder.path())).err().unwrap()).contains("not a private key"));
    }
}
