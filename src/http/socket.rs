//! Where the Unix socket of an engine is, so that a command finds the engine without being told a port.
//!
//! Each engine has a socket of its own in the user's runtime folder, named after node and process: two engines of one user
//! do not clash, and a command that finds exactly one answering needs no flag.

use std::{
    fs, io,
    os::unix::{
        fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt},
        net::UnixStream,
    },
    path::{Path, PathBuf},
};

use crate::config::{Settings, SocketSetting};

/// The longest path of a socket that the system takes, in bytes.
pub const PATH_BYTES_MAX: usize = 107;

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Its folder cannot be made, or is not this user's alone.
    #[error("the folder {} cannot hold the API's socket: {reason} (setting socket)", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Another engine answers there.
    #[error("another engine answers at {}: give this one another `socket`", .0.display())]
    Taken(PathBuf),
    /// Something is there that is no socket.
    #[error("{} is there and is no socket: give another `socket`", .0.display())]
    NotASocket(PathBuf),
    /// The system does not take the path.
    #[error("the path {} is too long for a socket: at most {PATH_BYTES_MAX} bytes", .0.display())]
    TooLong(PathBuf),
    /// It cannot be made.
    #[error("cannot make the socket {}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The user's folder of sockets: `$XDG_RUNTIME_DIR/flexcore`, or a private one in the folder for temporary files.
pub fn folder() -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder).join("flexcore"),
        None => std::env::temp_dir().join(format!("flexcore-{}", rustix::process::getuid().as_raw())),
    }
}

/// Where the socket of this process belongs. `None`: it is to have none.
pub fn path_of(settings: &Settings) -> Option<PathBuf> {
    match &settings.api.socket {
        SocketSetting::None => None,
        SocketSetting::At(path) => Some(path.clone()),
        SocketSetting::Auto => {
            let node: String =
                settings.node.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')).take(32).collect();
            Some(folder().join(format!("{node}-{}.sock", std::process::id())))
        }
    }
}

/// Makes the way free: the folder is there, this user's alone where it is ours to say, and no dead socket is in the way.
pub(super) fn prepare(path: &Path, setting: &SocketSetting) -> Result<(), SocketError> {
    if path.as_os_str().len() > PATH_BYTES_MAX {
        return Err(SocketError::TooLong(path.to_owned()));
    }
    if *setting == SocketSetting::Auto {
        private(path.parent().unwrap_or(Path::new(".")))?;
    }
    match fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(meta) if !meta.file_type().is_socket() => Err(SocketError::NotASocket(path.to_owned())),
        Ok(_) if answers(path) => Err(SocketError::Taken(path.to_owned())),
        Ok(_) => fs::remove_file(path).map_err(|source| SocketError::Io { path: path.to_owned(), source }),
    }
}

/// A folder for temporary files is everybody's: somebody else may have made ours before us, to listen in.
fn private(folder: &Path) -> Result<(), SocketError> {
    let wrong = |reason: String| SocketError::Folder { path: folder.to_owned(), reason };
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| wrong(error.to_string()))?;
    let meta = fs::symlink_metadata(folder).map_err(|error| wrong(error.to_string()))?;
    if !meta.is_dir() || meta.uid() != rustix::process::getuid().as_raw() {
        return Err(wrong("it belongs to somebody else".into()));
    }
    if meta.permissions().mode() & 0o077 != 0 {
        let mode = fs::Permissions::from_mode(0o700);
        fs::set_permissions(folder, mode).map_err(|error| wrong(error.to_string()))?;
    }
    Ok(())
}

/// Whether somebody answers at a socket.
pub fn answers(path: &Path) -> bool {
    UnixStream::connect(path).is_ok()
}

/// Every socket of this user's engines that answers, by name.
pub fn found() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut sockets: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "sock") && answers(path)).collect();
    sockets.sort();
    sockets
}

/// Removes sockets of processes that are gone: an engine that was killed leaves its own behind.
pub(super) fn sweep(folder: &Path) {
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let process = path.file_stem().and_then(|stem| stem.to_str()?.rsplit_once('-')?.1.parse::<i32>().ok());
        let gone = process
            .and_then(rustix::process::Pid::from_raw)
            .is_some_and(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH));
        if gone && path.extension().is_some_and(|end| end == "sock") {
            // Somebody else may sweep at the same time.
            let _ = fs::remove_file(&path);
        }
    }
}
