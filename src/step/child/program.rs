//! Whether there is such a program. The shell that starts it would only say so on the child's stderr.

use std::{
    io,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access};

/// Where programs are looked for when nobody says.
const USUAL: &str = "/usr/local/bin:/usr/bin:/bin";

/// Looks a program up as the system does: by its path from the folder that it runs in, or by its name in `PATH`.
pub(super) fn check(program: &str, folder: &Path, path: Option<&str>) -> io::Result<()> {
    std::fs::metadata(folder)?;
    if program.contains('/') {
        return runs(&folder.join(program));
    }
    let path = path.map(str::to_owned).or_else(|| std::env::var("PATH").ok()).unwrap_or_else(|| USUAL.into());
    let mut refused = io::Error::from(io::ErrorKind::NotFound);
    for place in std::env::split_paths(&path) {
        match runs(&folder.join(place).join(program)) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => refused = error,
            Err(_) => {}
        }
    }
    // Of the system's own kind, with its words.
    Err(match refused.kind() {
        io::ErrorKind::NotFound => io::Error::from(rustix::io::Errno::NOENT),
        _ => refused,
    })
}

fn runs(file: &PathBuf) -> io::Result<()> {
    if std::fs::metadata(file)?.is_dir() {
        return Err(io::Error::from(rustix::io::Errno::ACCESS));
    }
    Ok(access(file, Access::EXEC_OK)?)
}
