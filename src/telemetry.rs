//! Logs to a rolling file, never to the screen: the console owns the screen, and a container reads the file or `serve`'s
//! standard error.

use std::{io, path::Path};

use tracing_appender::{
    non_blocking::WorkerGuard,
    rolling::{Builder, InitError, Rotation},
};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::config::Settings;

/// Daily files kept; older ones are deleted.
const FILES_MAX: usize = 7;

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The folder cannot be made.
    #[error("cannot make the log folder {folder}: set log.folder to one that can be written")]
    Folder {
        /// Which.
        folder: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be made.
    #[error("cannot write a log file in {folder}: set log.folder to one that can be written")]
    File {
        /// Where.
        folder: String,
        /// What was tried.
        source: InitError,
    },
}

/// Begins logging to a daily file. Lines are written as long as the guard lives.
pub fn to_file(settings: &Settings) -> Result<WorkerGuard, TelemetryError> {
    let folder = settings.log_folder.display().to_string();
    std::fs::create_dir_all(&settings.log_folder).map_err(|source| TelemetryError::Folder { folder: folder.clone(), source })?;
    let file = daily(&settings.log_folder).map_err(|source| TelemetryError::File { folder, source })?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    start(settings, writer);
    Ok(guard)
}

/// Begins logging to standard error, for `serve` under systemd or in a container.
pub fn to_stderr(settings: &Settings) {
    start(settings, io::stderr);
}

fn daily(folder: &Path) -> Result<tracing_appender::rolling::RollingFileAppender, InitError> {
    Builder::new()
        .rotation(Rotation::DAILY)
        .filename_prefix("flexcore")
        .filename_suffix("log")
        .max_log_files(FILES_MAX)
        .build(folder)
}

fn start<W: for<'w> MakeWriter<'w> + Send + Sync + 'static>(settings: &Settings, writer: W) {
    let filter = EnvFilter::new(&settings.log_level);
    // A line that cannot be written (a full disk) is lost: telling of that on standard error would panic where that is full.
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(false).log_internal_errors(false);
    // A second subscriber in one process (tests) is refused; the first one stays.
    let started = if settings.log_json { lines.json().try_init() } else { lines.try_init() };
    if let Err(error) = started {
        tracing::debug!(%error, "logging was started before");
    }
}
