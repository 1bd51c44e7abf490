//! `--plain`: a console of lines, for screen readers and scripts. A line is one of the program's own commands, carried out on
//! the engine at hand; before each prompt it tells what happened meanwhile that needs a look. Nothing is drawn over what was
//! said, nothing depends on colour, and the terminal's own line editing is left alone.

mod news;
mod status;

use std::{
    io::{self, BufRead, IsTerminal, Read, Write},
    process::Stdio,
    thread,
};

use clap::CommandFactory;
use flexcore_engine::pipeline::mistake::nearest;
use tokio::{process::Command, sync::mpsc};

use super::{Cli, DONE, FAILED, say, told};
use crate::{
    client::{Client, ClientError, Target},
    shutdown::StopSignals,
};
use news::News;

/// The longest line that is taken, in bytes.
const LINE_BYTES_MAX: usize = 64 << 10;
const PROMPT: &str = "flexcore> ";
/// Commands that would start an engine of their own, with what to do instead.
const NOT_HERE: [(&str, &str); 2] =
    [("serve", "an engine is here already"), ("run", "`pipeline run NAME` runs a pipeline of this engine")];

const HELP: &str = "\
status              how the engine is, its pipelines, what is raised
pipeline list       the pipelines; pipeline --help lists what can be done with one
runs list           the runs, newest first; runs --help
queue list          the queues; queue --help
alert list          the alerts; alert --help
events --max 20     the newest events; events --follow until Ctrl-C
quit                leave
An empty line tells what happened since the last one. Every other command of flexcore works, too, as in a shell.";

/// Reads lines until there are no more or somebody leaves. Exit code: 1 when the lines came from no terminal and one of them
/// failed.
pub(super) async fn converse(target: &Target) -> color_eyre::Result<i32> {
    let client = match Client::new(target) {
        Ok(client) => client,
        Err(error) => return Ok(super::complain(&told(&error))),
    };
    let is_talk = io::stdin().is_terminal();
    let mut signals = StopSignals::listen()?;
    let mut lines = lines();
    let mut plain = Plain { news: News::default(), client, target: target.clone(), failed: false };
    if is_talk {
        print(&format!("{}\n`help` lists what can be done", plain.status().await))?;
        plain.news.begin(&plain.client).await;
    }
    loop {
        if is_talk {
            print(&plain.news.tell(&plain.client).await)?;
            write!(io::stdout(), "{PROMPT}")?;
            io::stdout().flush()?;
        }
        let line = tokio::select! {
            line = lines.recv() => line,
            signal = signals.next() => match signal {
                "SIGINT" => { say("`quit` leaves"); continue }
                _ => break,
            },
        };
        match line {
            None => break,
            Some(Line::TooLong) => plain.fails(&format!("a line is at most {LINE_BYTES_MAX} bytes long")),
            Some(Line::Text(line)) => {
                if !plain.carry_out(&line, &mut signals).await? {
                    break;
                }
            }
        }
    }
    Ok(if plain.failed && !is_talk { FAILED } else { DONE })
}

struct Plain {
    client: Client,
    target: Target,
    news: News,
    /// A line did not do what it asked.
    failed: bool,
}

impl Plain {
    /// Does what a line asks; `false`: to leave.
    async fn carry_out(&mut self, line: &str, signals: &mut StopSignals) -> color_eyre::Result<bool> {
        let Some(words) = shlex::split(line) else {
            self.fails("a quote is not closed, or the line ends with a backslash");
            return Ok(true);
        };
        match words.first().map(String::as_str) {
            None => {}
            Some("quit" | "exit") => return Ok(false),
            Some("help") if words.len() == 1 => print(HELP)?,
            Some("status") => print(&self.status().await)?,
            Some(word) => match meant(word) {
                Ok(()) => self.failed |= !self.command(&words, signals).await?,
                Err(why) => self.fails(&why),
            },
        }
        Ok(true)
    }

    async fn status(&self) -> String {
        status::of(&self.client)
            .await
            .unwrap_or_else(|error: ClientError| format!("the engine does not answer: {}", told(&error)))
    }

    fn fails(&mut self, why: &str) {
        say(why);
        self.failed = true;
    }

    /// Runs a command of this program on this engine. What it prints goes where this prints; Ctrl-C reaches it from the
    /// terminal, and ends it alone. Whether it did what it was asked.
    async fn command(&self, words: &[String], signals: &mut StopSignals) -> color_eyre::Result<bool> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(words).stdin(Stdio::null()).kill_on_drop(true);
        for (name, value) in self.target.variables() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let mut child = command.spawn()?;
        loop {
            tokio::select! {
                status = child.wait() => return Ok(status?.success()),
                signal = signals.next() => if signal != "SIGINT" { child.kill().await? },
            }
        }
    }
}

/// Whether a word is a command that makes sense here.
fn meant(word: &str) -> Result<(), String> {
    if let Some((_, instead)) = NOT_HERE.iter().find(|(name, _)| *name == word) {
        return Err(format!("`{word}` starts an engine of its own: {instead}"));
    }
    let cli = Cli::command();
    let known: Vec<&str> = cli.get_subcommands().map(clap::Command::get_name).chain(["status", "quit", "help"]).collect();
    if known.contains(&word) {
        return Ok(());
    }
    let near = nearest(word, known.iter().copied()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Err(format!("`{word}` is not a command{near} `help` lists them").replace("  ", " "))
}

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Text(String),
    TooLong,
}

/// Lines as they come. Reading waits for somebody who may never type again, so it has a thread that nobody waits for.
fn lines() -> mpsc::Receiver<Line> {
    let (sender, lines) = mpsc::channel(1);
    thread::spawn(move || {
        let mut input = io::stdin().lock();
        while let Ok(Some(line)) = next_line(&mut input) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn next_line(input: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut line = Vec::new();
    input.take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut line)?;
    if line.len() < LINE_BYTES_MAX || line.ends_with(b"\n") {
        let text = String::from_utf8_lossy(&line).into_owned();
        return Ok(Some(Line::Text(text)).filter(|_| !line.is_empty()));
    }
    input.skip_until(b'\n')?;
    Ok(Some(Line::TooLong))
}

/// Lines to standard output; none for no text.
fn print(text: &str) -> io::Result<()> {
    if text.is_empty() { Ok(()) } else { writeln!(io::stdout(), "{text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_the_input_and_one_that_is_too_long_is_passed_over() {
        let long = "x".repeat(LINE_BYTES_MAX);
        let mut input = io::Cursor::new(format!("one\n{long}y\n{}\nlast", &long[1..]));
        let mut next = || next_line(&mut input).unwrap();
        assert_eq!(next(), Some(Line::Text("one\n".into())));
        assert_eq!(next(), Some(Line::TooLong));
        assert_eq!(next(), Some(Line::Text(format!("{}\n", &long[1..]))));
        assert_eq!([next(), next()], [Some(Line::Text("last".into())), None]);
    }

    #[test]
    fn a_word_that_is_no_command_is_told_with_the_nearest_one() {
        assert_eq!(meant("pipeline"), Ok(()));
        assert_eq!(meant("pipelin"), Err("`pipelin` is not a command; did you mean `pipeline`? `help` lists them".into()));
        assert_eq!(meant("--help"), Err("`--help` is not a command; did you mean `help`? `help` lists them".into()));
        assert_eq!(
            meant("run"),
            Err("`run` starts an engine of its own: `pipeline run NAME` runs a pipeline of this engine".into())
        );
    }
}
