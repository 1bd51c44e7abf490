//! Settings: flags, then `FLEXCORE_*` variables, then the file, then defaults.
//!
//! Two steps: first everything is text with its origin, laid over each other; then it is checked once, so that a bad value
//! names where it came from, wherever that was.

mod api;
pub mod file;
mod key;
mod layer;
mod retention;
mod ssh;
#[cfg(feature = "http")]
mod traces;

use std::path::{Path, PathBuf};

use flexcore_engine::unit::{ByteSize, Duration};
use flexcore_ui::{
    terminal::depth::{BadDepth, Depth},
    theme::{self, Choice, Themes},
};

use crate::alerts::Alerting;
pub use api::{ApiSettings, SocketSetting, Tls};
pub use key::{KEYS, Key};
pub use layer::{BadSettings, Layers};
pub use ssh::{Recordings, SshSettings};
#[cfg(feature = "http")]
pub use traces::TraceSettings;

/// The most theme files that are looked at beside the one that is wanted.
const THEMES_MAX: usize = 100;

/// Checked settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The directory that keeps everything; without one, everything is in memory.
    pub data: Option<PathBuf>,
    /// Runs at once; a continuous pipeline holds one slot for as long as it runs.
    pub workers: u32,
    /// The node's name in events.
    pub node: String,
    /// Who the console's actions are done by.
    pub operator: String,
    /// No action that changes something.
    pub read_only: bool,
    /// Where the log file goes.
    pub log_folder: PathBuf,
    /// `error`, `warn`, `info`, `debug`, `trace`, or levels per module as in `info,flexcore_engine=debug`.
    pub log_level: String,
    /// Whether log lines are JSON.
    pub log_json: bool,
    /// The console's colours, and what else there is to choose.
    pub themes: Themes,
    /// How many colours consoles use; `None`: as many as their terminal says.
    pub colors: Option<Depth>,
    /// Borders and glyphs of ASCII only.
    pub ascii: bool,
    /// Whether terminals move rows by themselves.
    pub scroll: bool,
    /// A file that remaps keys.
    pub keys: Option<PathBuf>,
    /// The most events that are kept.
    pub retain_events_max: u64,
    /// The most bytes of events that are kept.
    pub retain_bytes_max: ByteSize,
    /// The age after which events go; `None`: whatever their age.
    pub retain_age_max: Option<Duration>,
    /// Types of which single events go, and after which age.
    pub retain_types: Vec<(String, Duration)>,
    /// How long a stopping engine waits for its runs.
    pub shutdown_grace: Duration,
    /// The file of alert rules and webhooks.
    pub alerts_file: Option<PathBuf>,
    /// What it says; the default rules until it is read, which only those do that run an engine.
    pub alerts: Alerting,
    /// Where and how the API is served.
    pub api: ApiSettings,
    /// Where traces go.
    #[cfg(feature = "http")]
    pub traces: TraceSettings,
    /// Where and how consoles are served by SSH.
    pub ssh: SshSettings,
    /// A folder with a file per secret.
    pub secrets_folder: Option<PathBuf>,
    /// A command that prints a secret; the path is its last argument.
    pub secrets_command: Option<String>,
}

impl Settings {
    /// Checks what the layers say. Every bad value is reported, not only the first.
    pub fn of(layers: &Layers) -> Result<Self, BadSettings> {
        let mut read = layers.reader();
        let settings = Self {
            data: read.path("data"),
            workers: read.number("workers", 1, 1024),
            node: read.text("node"),
            operator: read.text("operator"),
            read_only: read.flag("read_only"),
            log_folder: read.text("log.folder").into(),
            log_level: read.parsed("log.level", level),
            log_json: read.parsed("log.format", log_format),
            themes: read.parsed("console.theme", themes),
            colors: read.parsed("console.colors", colors),
            ascii: read.flag("console.ascii"),
            scroll: read.flag("console.scroll"),
            keys: read.path("console.keys"),
            retain_events_max: read.number("retention.events_max", 1_000, u64::MAX),
            retain_bytes_max: read.parsed("retention.bytes_max", |text| text.parse().map_err(|error| format!("{error}"))),
            retain_age_max: read.parsed("retention.age_max", retention::age),
            retain_types: read.parsed("retention.types", retention::types),
            shutdown_grace: read.parsed("shutdown_grace", |text| text.parse().map_err(|error| format!("{error}"))),
            alerts_file: read.path("alerts.rules"),
            alerts: Alerting::default(),
            api: api::read(&mut read),
            #[cfg(feature = "http")]
            traces: traces::read(&mut read),
            ssh: ssh::read(&mut read),
            secrets_folder: read.path("secrets.folder"),
            secrets_command: Some(read.text("secrets.command")).filter(|text| !text.is_empty()),
        };
        read.finish(settings)
    }
}

fn level(text: &str) -> Result<String, String> {
    let wrong = |part: &str| format!("`{part}` is not a log level: error, warn, info, debug, trace, off, or MODULE=LEVEL");
    // To the filter itself a word alone is the name of a module, so that a misspelt level would log everything of nothing.
    let is_level = |part: &str| part.contains('=') || part.trim().parse::<tracing_subscriber::filter::LevelFilter>().is_ok();
    if let Some(part) = text.split(',').find(|part| !is_level(part)) {
        return Err(wrong(part));
    }
    tracing_subscriber::EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| format!("{} ({error})", wrong(text)))
}

fn colors(text: &str) -> Result<Option<Depth>, String> {
    if text == "auto" { Ok(None) } else { text.parse().map(Some).map_err(|bad: BadDepth| format!("{bad}, or auto")) }
}

/// A theme by its name, or by its file; the files beside it can be chosen then, too.
fn themes(text: &str) -> Result<Themes, String> {
    let mut themes = Themes::default();
    if themes.choose(text) {
        return Ok(themes);
    }
    let path = Path::new(text);
    if path.extension().is_none_or(|extension| extension != "toml") {
        return Err(format!("`{text}` is not a theme: terminal, mono, dark, light, or a TOML file"));
    }
    let read = |path: &Path| {
        let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read the theme {}: {error}", path.display()))?;
        theme::file::read(&text).map_err(|error| format!("{}: {error}", path.display()))
    };
    let name = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let choice = |path: &Path, palette| Choice { name: name(path), setting: path.display().to_string(), palette };
    themes.all.push(choice(path, read(path)?));
    themes.chosen = themes.all.len() - 1;
    let folder = std::fs::read_dir(path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new(".")));
    let mut beside: Vec<PathBuf> = folder.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    beside
        .retain(|other| other.extension().is_some_and(|extension| extension == "toml") && other.file_name() != path.file_name());
    beside.sort();
    // What is no theme, such as a file of keys, is not offered.
    let others = beside.iter().take(THEMES_MAX).filter_map(|path| Some(choice(path, read(path).ok()?)));
    themes.all.extend(others);
    Ok(themes)
}

fn log_format(text: &str) -> Result<bool, String> {
    match text {
        "text" => Ok(false),
        "json" => Ok(true),
        other => Err(format!("`{other}` is not a log format: text or json")),
    }
}
