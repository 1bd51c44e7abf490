//! Logs to a rolling file, never to the screen: the console owns the screen, and a container reads the file or `serve`'s
//! standard error.

use std::{fmt, io, path::Path};

use flexcore_engine::id::CorrelationId;
use tracing::{Event, Subscriber};
use tracing_appender::{
    non_blocking::WorkerGuard,
    rolling::{Builder, InitError, Rotation},
};
use tracing_subscriber::{
    EnvFilter,
    fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter, format::Writer},
    registry::LookupSpan,
};

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
    let started = if settings.log_json {
        lines.json().map_event_format(Belonging).try_init()
    } else {
        lines.map_event_format(Belonging).try_init()
    };
    if let Err(error) = started {
        tracing::debug!(%error, "logging was started before");
    }
}

tokio::task_local! {
    /// What is worked on now.
    static CORRELATION: CorrelationId;
}

/// Work that belongs to something: the lines that are logged in it say to what.
pub fn belonging_to<F: Future>(correlation: CorrelationId, work: F) -> impl Future<Output = F::Output> {
    CORRELATION.scope(correlation, work)
}

/// Puts each line in a span that says what it belongs to. The span is made for the line: one around each request costs it as much
/// as to find its route, and hardly any writes a line.
struct Belonging<F>(F);

impl<S, N, F> FormatEvent<S, N> for Belonging<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let write = || self.0.format_event(context, writer, event);
        match CORRELATION.try_get() {
            Ok(correlation) => tracing::info_span!("request", %correlation).in_scope(write),
            Err(_) => write(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_line_says_what_it_belongs_to() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
        subscriber.map_event_format(Belonging).try_init().expect("no other test of this program logs");
        let correlation = CorrelationId::fresh();
        belonging_to(correlation, async { tracing::warn!("of a request") }).await;
        tracing::warn!("of none");
        let told = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let line = |end: &str| told.lines().find(|line| line.ends_with(end)).unwrap_or_default().to_owned();
        assert!(line("of a request").contains(&format!("request{{correlation={correlation}}}: ")), "{told}");
        assert!(!line("of none").contains("correlation"), "{told}");
    }
}
