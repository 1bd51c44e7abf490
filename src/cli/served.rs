//! The command line of a session: the commands that ask an engine, and no others. The engine is the one that the session came
//! to, and its files are not the client's.

use std::io::{BufWriter, Read, Write};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use super::{
    Cli, DONE, EXIT_CODES,
    events::{self, EventsArgs},
    remote::Remote,
    stage::{INTERRUPTED, Stage, Whom},
};

/// Flags that say which engine.
const TARGETS: [&str; 5] = ["url", "token", "token_file", "ca", "socket"];

/// The commands that act on the engine, as this session may. What they read comes from standard input, with `-` for a file.
#[derive(Debug, Parser)]
#[command(name = "flexcore", bin_name = "ssh HOST", no_binary_name = true, max_term_width = 110, after_help = EXIT_CODES)]
struct Served {
    #[command(subcommand)]
    asked: Asked,
}

#[derive(Debug, Subcommand)]
enum Asked {
    #[command(flatten)]
    Remote(Remote),
    /// What happened, and with --follow what happens
    Events(EventsArgs),
}

/// What a session gives a command.
pub(crate) struct Given {
    pub(crate) whom: Whom,
    pub(crate) out: Box<dyn Write + Send>,
    pub(crate) told: Box<dyn Write + Send>,
    pub(crate) input: Box<dyn Read + Send>,
}

/// Runs a line, and says how it went, as an exit code.
pub(crate) fn run(line: &str, given: Given) -> i32 {
    let Given { whom, out, mut told, mut input } = given;
    let mut out = BufWriter::new(out);
    let mut stage = Stage { whom, out: &mut out, told: &mut *told, input: &mut *input };
    let code = asked(line, &mut stage);
    // Whoever read it may have seen enough.
    let _ = stage.out.flush();
    code
}

fn asked(line: &str, stage: &mut Stage<'_>) -> i32 {
    let Some(words) = shlex::split(line) else {
        return stage.complain("a quote is not closed: the words are read as a shell reads them, once more than your own did");
    };
    let Served { asked } = match parse(&words) {
        Ok(served) => served,
        Err(error) => return refused(&words, &error, stage),
    };
    let done = match asked {
        Asked::Remote(remote) => remote.run(stage),
        Asked::Events(args) => events::ask(&args, stage),
    };
    match done {
        Ok(code) => code,
        // Nobody is there to be told of it.
        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => INTERRUPTED,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => DONE,
        Err(error) => stage.unable(&error),
    }
}

fn parse(words: &[String]) -> Result<Served, clap::Error> {
    let silent = |argument: clap::Arg| {
        let is_target = TARGETS.contains(&argument.get_id().as_str());
        if is_target { argument.hide(true) } else { argument }
    };
    let command = Served::command().mut_subcommands(|command| command.mut_args(silent));
    Served::from_arg_matches(&command.try_get_matches_from(words)?)
}

fn refused(words: &[String], error: &clap::Error, stage: &mut Stage<'_>) -> i32 {
    let served = Served::command();
    let is_of = |command: &clap::Command, word: &str| command.get_subcommands().any(|known| known.get_name() == word);
    if let Some(word) = words.first().filter(|word| is_of(&Cli::command(), word) && !is_of(&served, word)) {
        return stage.complain(&format!("`{word}` is not about a running engine and is not served; `help` lists what is"));
    }
    let text = error.render().to_string();
    let written = if error.use_stderr() { stage.told.write_all(text.as_bytes()) } else { stage.out.write_all(text.as_bytes()) };
    // Nobody may be there to read it.
    drop(written);
    error.exit_code()
}
