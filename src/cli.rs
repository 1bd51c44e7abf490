//! The command line: one file a command.

#[cfg(feature = "listener")]
pub mod alert;
#[cfg(feature = "listener")]
pub mod attach;
pub mod backup;
#[cfg(feature = "listener")]
pub mod bridge;
pub mod check;
pub mod completions;
pub mod console;
pub mod doctor;
pub mod events;
pub mod keys;
#[cfg(feature = "listener")]
pub mod node;
mod paths;
#[cfg(feature = "listener")]
pub mod pipeline;
#[cfg(feature = "listener")]
mod plain;
#[cfg(feature = "listener")]
pub mod queue;
#[cfg(feature = "listener")]
mod remote;
pub mod run;
#[cfg(feature = "listener")]
pub mod runs;
pub mod schema;
pub mod serve;
#[cfg(feature = "ssh")]
pub(crate) mod served;
pub mod settings;
#[cfg(feature = "listener")]
pub(crate) mod stage;
pub mod test;
#[cfg(feature = "listener")]
pub mod token;
#[cfg(feature = "listener")]
mod why;

use std::{
    io::{self, BufWriter, Write},
    time::Duration,
};

use clap::{Parser, Subcommand};

use settings::SettingArgs;

/// It did what it was asked.
pub const DONE: i32 = 0;
/// It ran, and failed.
pub const FAILED: i32 = 1;
/// It was asked wrongly.
pub const ASKED_WRONGLY: i32 = 2;

const EXIT_CODES: &str = "Exit codes: 0 done, 1 it ran and failed, 2 it was asked wrongly.";

/// An event-driven pipeline engine, and the console that steers it.
///
/// Without a command: the console, on an engine in this process. PATHs are pipeline files or folders of them; what they
/// hold is loaded and activated.
#[derive(Debug, Parser)]
#[command(name = "flexcore", version, args_conflicts_with_subcommands = true, max_term_width = 110)]
#[command(after_help = EXIT_CODES, after_long_help = settings::listed(EXIT_CODES))]
pub struct Cli {
    #[command(flatten)]
    console: console::ConsoleArgs,
    #[command(flatten)]
    settings: SettingArgs,
    #[command(subcommand)]
    command: Option<Commands>,
}

#[derive(Debug, Subcommand)]
enum Commands {
    /// The engine without a console, for systemd and containers
    Serve(serve::ServeArgs),
    /// The console of an engine that runs: of its data directory, socket, URL, or on another machine through ssh
    #[cfg(feature = "listener")]
    Attach(attach::AttachArgs),
    /// What `attach --host` runs on the other machine
    #[cfg(feature = "listener")]
    Bridge(bridge::BridgeArgs),
    /// Run one pipeline to its end
    Run(run::RunArgs),
    #[cfg(feature = "listener")]
    #[command(flatten)]
    Remote(remote::Remote),
    /// Tokens of the API
    #[cfg(feature = "listener")]
    Token(token::TokenArgs),
    /// Every mistake in every file, each with its place and a hint
    Check(check::CheckArgs),
    /// The tests written in pipeline files
    Test(test::TestArgs),
    /// Copy a data directory to one file, also while an engine has it open
    Backup(backup::BackupArgs),
    /// Make a data directory of a backup
    Restore(backup::RestoreArgs),
    /// Look at every byte of a data directory, and put it in order
    Doctor(doctor::DoctorArgs),
    /// What happened, from a running engine or a data directory
    Events(events::EventsArgs),
    /// The console's keys, as the file that changes them
    Keys(keys::KeysArgs),
    /// The JSON Schema of pipeline files, for editors
    Schema(schema::SchemaArgs),
    /// Completions for a shell
    Completions(completions::CompletionArgs),
    /// The manual, in roff
    Man(completions::ManArgs),
}

/// Does what the command line asks and says how it went, as an exit code.
pub fn main(cli: Cli) -> color_eyre::Result<i32> {
    let Cli { console, settings, command } = cli;
    let out = &mut BufWriter::new(io::stdout());
    let done = match command {
        None => return console::run(&console, &settings),
        Some(Commands::Serve(args)) => return serve::run(&args, &settings),
        #[cfg(feature = "listener")]
        Some(Commands::Attach(args)) => return attach::run(&args, &settings),
        #[cfg(feature = "listener")]
        Some(Commands::Bridge(args)) => return Ok(bridge::run(&args)),
        Some(Commands::Run(args)) => return run::run(&args, &settings),
        #[cfg(feature = "listener")]
        Some(Commands::Remote(remote)) => stage::own(|stage| remote.run(stage)),
        #[cfg(feature = "listener")]
        Some(Commands::Token(args)) => return token::run(&args, &settings),
        Some(Commands::Check(args)) => check::run(&args, out),
        Some(Commands::Test(args)) => test::run(&args, out),
        Some(Commands::Backup(args)) => backup::backup(&args, out),
        Some(Commands::Restore(args)) => backup::restore(&args, out),
        Some(Commands::Doctor(args)) => doctor::run(&args, &settings, out),
        Some(Commands::Events(args)) => events::run(&args, &settings, out),
        Some(Commands::Keys(args)) => keys::run(&args, &settings, out),
        Some(Commands::Schema(args)) => schema::run(&args, out),
        Some(Commands::Completions(args)) => completions::run(&args, out),
        Some(Commands::Man(args)) => completions::man(&args, out),
    };
    match done.and_then(|code| out.flush().map(|()| code)) {
        // Whoever read it has seen enough, as in `flexcore schema | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(DONE),
        Err(error) => Ok(unable(&error)),
        Ok(code) => Ok(code),
    }
}

/// What went wrong, with its causes, as one line on standard error.
pub fn unable(error: &dyn std::error::Error) -> i32 {
    complain(&told(error));
    FAILED
}

/// An error with its causes, in one line.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// What is left then has so long to be dropped, which ends the processes that steps started.
const DROPPED_WITHIN: Duration = Duration::from_millis(200);

/// Runs a future to its end on all processors. Threads that still work on something then do not hold up the exit.
fn block_on<T>(future: impl Future<Output = color_eyre::Result<T>>) -> color_eyre::Result<T> {
    block_on_threads(None, future)
}

/// The same with so many threads beside this one; `None`: one for each core.
fn block_on_threads<T>(threads: Option<usize>, future: impl Future<Output = color_eyre::Result<T>>) -> color_eyre::Result<T> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = threads {
        builder.worker_threads(threads);
    }
    let runtime = builder.enable_all().thread_name("flexcore").build()?;
    let answer = runtime.block_on(future);
    runtime.shutdown_timeout(DROPPED_WITHIN);
    answer
}

/// Says on standard error why nothing was done.
pub fn complain(sentence: &str) -> i32 {
    say(sentence);
    ASKED_WRONGLY
}

/// Says something on standard error. One that is closed is no reason to fail.
fn say(sentence: &str) {
    let _ = writeln!(io::stderr(), "flexcore: {sentence}");
}
