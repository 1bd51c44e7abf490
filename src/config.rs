//! Settings: flags, then `FLEXCORE_*` variables, then the file, then defaults.
//!
//! Two steps: first everything is text with its origin, laid over each other; then it is checked once, so that a bad value
//! names where it came from, wherever that was.

mod api;
pub mod file;
mod key;
mod layer;
mod retention;

use std::{path::PathBuf, str::FromStr};

use flexcore_engine::unit::{ByteSize, Duration};
use flexcore_ui::terminal::depth::{BadDepth, Depth};

pub use api::{ApiSettings, SocketSetting, Tls};
pub use key::{KEYS, Key};
pub use layer::{BadSettings, Layers};

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
    /// The console's theme.
    pub theme: Theme,
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
    /// Where and how the API is served.
    pub api: ApiSettings,
    /// A folder with a file per secret.
    pub secrets_folder: Option<PathBuf>,
    /// A command that prints a secret; the path is its last argument.
    pub secrets_command: Option<String>,
}

/// The console's colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// The terminal's own sixteen.
    #[default]
    Terminal,
    /// None.
    Mono,
}

impl FromStr for Theme {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "terminal" => Ok(Self::Terminal),
            "mono" => Ok(Self::Mono),
            other => Err(format!("`{other}` is not a theme: terminal or mono")),
        }
    }
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
            theme: read.parsed("console.theme", str::parse),
            colors: read.parsed("console.colors", colors),
            ascii: read.flag("console.ascii"),
            scroll: read.flag("console.scroll"),
            keys: read.path("console.keys"),
            retain_events_max: read.number("retention.events_max", 1_000, u64::MAX),
            retain_bytes_max: read.parsed("retention.bytes_max", |text| text.parse().map_err(|error| format!("{error}"))),
            retain_age_max: read.parsed("retention.age_max", retention::age),
            retain_types: read.parsed("retention.types", retention::types),
            shutdown_grace: read.parsed("shutdown_grace", |text| text.parse().map_err(|error| format!("{error}"))),
            api: api::read(&mut read),
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

fn log_format(text: &str) -> Result<bool, String> {
    match text {
        "text" => Ok(false),
        "json" => Ok(true),
        other => Err(format!("`{other}` is not a log format: text or json")),
    }
}
