//! `flexcore [PATH]...`: the console, on an engine in this process.

use std::{
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use clap::{Args, CommandFactory, ValueEnum};
use flexcore_engine::{
    id::{Actor, SessionId},
    pipeline::mistake::nearest,
    unit::Duration as Grace,
};
use flexcore_ui::{
    link::Link,
    run::{ConsoleOptions, End, run_console, snapshot},
    terminal::tty::ConsoleError,
    view::{
        still::{ansi, text},
        svg::svg,
    },
};
use jiff::tz::TimeZone;

use super::{Cli, DONE, complain, paths, say, settings::SettingArgs, told, unable};
use crate::{
    compose::App,
    config::Settings,
    definition::Loaded,
    http,
    local_link::LocalLink,
    role::Role,
    session::{
        here::{Here, Way, What},
        look,
    },
    shutdown::StopSignals,
    ssh, step, telemetry,
};

/// What the console begins with.
#[derive(Debug, Args)]
pub struct ConsoleArgs {
    /// Pipeline files, or folders of them
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Lines instead of a screen, for screen readers and scripts: each is a command, `help` lists them
    #[arg(long, conflicts_with = "snapshot")]
    plain: bool,
    #[command(flatten)]
    pub(super) frame: FrameArgs,
}

/// One frame instead of a console.
#[derive(Debug, Clone, Args)]
pub struct FrameArgs {
    /// Print one frame and exit
    #[arg(long, value_name = "WIDTHxHEIGHT")]
    snapshot: Option<FrameSize>,
    /// With --snapshot: as plain text, with the colours of a terminal, or as a picture
    #[arg(long, value_name = "FORMAT", requires = "snapshot", value_enum, default_value_t = FrameFormat::Text)]
    snapshot_format: FrameFormat,
    /// With --snapshot: how long to watch before the frame
    #[arg(long, value_name = "SECONDS", requires = "snapshot", default_value_t = 2)]
    after: u16,
}

/// How a frame is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FrameFormat {
    Text,
    Ansi,
    Svg,
}

/// The size of a frame, in cells.
#[derive(Debug, Clone, Copy)]
struct FrameSize {
    width: u16,
    height: u16,
}

impl FromStr for FrameSize {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let part = |part: &str| part.parse::<u16>().ok().filter(|cells| (1..=1_000).contains(cells));
        let size = text.split_once('x').and_then(|(width, height)| Some((part(width)?, part(height)?)));
        let (width, height) = size.ok_or_else(|| format!("`{text}` is not a size: write it like 120x40 (at most 1000x1000)"))?;
        Ok(Self { width, height })
    }
}

/// Runs the console until it is left.
pub fn run(args: &ConsoleArgs, settings: &SettingArgs) -> color_eyre::Result<i32> {
    let settings = match settings.of_engine() {
        Ok(settings) => settings,
        Err(wrong) => return Ok(complain(&wrong)),
    };
    #[cfg(feature = "listener")]
    if let Some((carrier, told)) = super::attach::already(&settings, !args.paths.is_empty()) {
        if args.plain {
            return super::attach::plain(&carrier, &told);
        }
        return super::attach::show(carrier, Some(told), &settings, &args.frame);
    }
    let options = match console_options(&settings) {
        Ok(options) => options,
        Err(wrong) => return Ok(complain(&wrong)),
    };
    // The screen is the console's: here `stdout` writes to the step's log.
    let types = step::table();
    let pipelines = match paths::load(&args.paths, types.as_ref()) {
        Ok(pipelines) => pipelines,
        Err(mistakes) => return Ok(complain(&format!("{mistakes}{}", meant_command(&args.paths)))),
    };
    if !args.plain && !args.frame.has_a_place() {
        return Ok(complain(&ConsoleError::NotATerminal.to_string()));
    }
    let _log = match telemetry::to_file(&settings) {
        Ok(guard) => guard,
        Err(error) => return Ok(unable(&error)),
    };
    super::block_on(async {
        let app = Arc::new(App::start(settings, types).await?);
        let outcome = shown(&app, args, options, pipelines).await;
        // However it ended: what runs is handed back to the next start, and the stop is on record. A second stop does nothing.
        app.stop(GONE_GRACE).await;
        outcome
    })
}

/// The console on an engine that has started.
async fn shown(app: &Arc<App>, args: &ConsoleArgs, options: ConsoleOptions, pipelines: Vec<Loaded>) -> color_eyre::Result<i32> {
    let listening = match http::listen(app.clone()).await {
        Ok(listening) => listening,
        Err(error) => return Ok(complain(&told(&error))),
    };
    let served = match ssh::listen(app.clone(), &listening).await {
        Ok(served) => served,
        Err(error) => return Ok(complain(&told(&error))),
    };
    app.adopt(pipelines).await?;
    if args.plain {
        let code = converse(&listening).await?;
        served.stop(GUESTS_GRACE).await;
        return leave(app).await.map(|left| left.max(code));
    }
    let link: Arc<dyn Link> = Arc::new(LocalLink::new(app.clone()));
    if args.frame.is_wanted() {
        return args.frame.print(link, options).await.map(|()| DONE);
    }
    let (actor, way) = (Actor::Operator(app.settings.operator.as_str().into()), Way { name: "terminal", from: "" });
    let here = Here::open(app.clone(), SessionId::fresh(), actor, Role::Admin, way, What::default()).await;
    let ended = run_console(link, options).await;
    here.close(&reason(&ended), None).await;
    match ended {
        Ok(End::Left) => {
            served.stop(GUESTS_GRACE).await;
            leave(app).await
        }
        // Nobody is there to wait for what drains, and a program without a terminal must not linger.
        Ok(End::Closed(why)) => {
            tracing::info!(why, "the console ends");
            served.stop(GONE_GRACE).await;
            Ok(DONE)
        }
        Err(error) => Ok(complain(&error.to_string())),
    }
}

/// Lines are commands, and commands go through the engine's socket.
#[cfg(feature = "listener")]
async fn converse(listening: &http::Listening) -> color_eyre::Result<i32> {
    let Some(socket) = listening.socket.clone() else {
        return Ok(complain("--plain works through the engine's Unix socket, and api.socket says that there is none"));
    };
    super::plain::converse(&crate::client::Target { socket: Some(socket), ..Default::default() }).await
}

#[cfg(not(feature = "listener"))]
async fn converse(_: &http::Listening) -> color_eyre::Result<i32> {
    Ok(complain("this flexcore was built without the API (feature `listener`), and --plain works through it"))
}

fn reason(ended: &Result<End, ConsoleError>) -> String {
    match ended {
        Ok(End::Left) => String::new(),
        Ok(End::Closed(why)) => why.clone(),
        Err(error) => error.to_string(),
    }
}

/// Sessions by SSH are told to end, and are given so long.
const GUESTS_GRACE: Grace = Grace::from_secs(3);
/// What drains may take so long when the terminal is gone.
const GONE_GRACE: Grace = Grace::from_millis(200);

/// The operator has left: runs in flight drain, unless a signal says that it takes too long.
async fn leave(app: &App) -> color_eyre::Result<i32> {
    let mut signals = StopSignals::listen()?;
    let grace = app.settings.shutdown_grace;
    let runs = app.live().count();
    if runs > 0 {
        say(&format!("{runs} live runs drain, at most {grace}; Ctrl-C ends them at once"));
    }
    tokio::select! {
        _ = app.stop(grace) => {}
        _ = signals.next() => {}
    }
    Ok(DONE)
}

/// A misspelt command looks like a path that is not there.
fn meant_command(paths: &[PathBuf]) -> String {
    let command = Cli::command();
    let known: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    let word = paths.first().and_then(|path| path.to_str()).filter(|word| !Path::new(word).exists());
    let near = word.and_then(|word| nearest(word, known.iter().copied()));
    near.map(|command| format!("; did you mean the command `{command}`?")).unwrap_or_default()
}

/// How the console looks, and its keys.
pub(super) fn console_options(settings: &Settings) -> Result<ConsoleOptions, String> {
    let keymap = look::keymap(settings)?;
    Ok(look::options(settings, keymap, TimeZone::system(), |name| std::env::var(name).ok()))
}

impl FrameArgs {
    /// Whether one was asked for.
    pub(super) fn is_wanted(&self) -> bool {
        self.snapshot.is_some()
    }

    /// Whether a frame was asked for, or there is a terminal for more of them.
    pub(super) fn has_a_place(&self) -> bool {
        self.is_wanted() || (io::stdin().is_terminal() && io::stdout().is_terminal())
    }

    /// Watches for a while, and prints the frame.
    pub(super) async fn print(&self, link: Arc<dyn Link>, options: ConsoleOptions) -> color_eyre::Result<()> {
        let Some(size) = self.snapshot else { return Ok(()) };
        let watched = Duration::from_secs(self.after.into());
        let depth = options.abilities.depth;
        let frame = snapshot(link, options, (size.width, size.height), watched).await;
        let shown = match self.snapshot_format {
            FrameFormat::Text => text(&frame),
            FrameFormat::Ansi => ansi(&frame, depth),
            FrameFormat::Svg => svg(&frame),
        };
        io::stdout().write_all(shown.as_bytes())?;
        Ok(())
    }
}
