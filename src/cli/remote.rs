//! What the commands that act on a running engine share: where it is, and how answers are printed.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use flexcore_ui::widget::safe_text::safe;
use reqwest::Method;
use serde::Serialize;
use serde_json::Value;

use super::{DONE, FAILED, alert, node, pipeline, queue, runs, stage::Stage};
use crate::client::{Body, Client, ClientError, SOCKET_VARIABLE, Target, URL_VARIABLE, part};

/// The commands that act on a running engine, wherever they are typed.
#[derive(Debug, Subcommand)]
pub(super) enum Remote {
    /// Pipelines of a running engine
    Pipeline(pipeline::PipelineArgs),
    /// Runs of a running engine
    Runs(runs::RunsArgs),
    /// Queues of a running engine
    Queue(queue::QueueArgs),
    /// Alerts of a running engine
    Alert(alert::AlertArgs),
    /// The running engine itself
    Node(node::NodeArgs),
}

impl Remote {
    /// Asks and prints; says how it went, as an exit code.
    pub(super) fn run(&self, stage: &mut Stage<'_>) -> io::Result<i32> {
        match self {
            Self::Pipeline(args) => pipeline::run(args, stage),
            Self::Runs(args) => runs::run(args, stage),
            Self::Queue(args) => queue::run(args, stage),
            Self::Alert(args) => alert::run(args, stage),
            Self::Node(args) => node::run(args, stage),
        }
    }
}

/// Which engine. Variables are not clap's affair: to it one that is set is as good as a flag, and a flag that says otherwise a
/// conflict, though it is there to be stronger.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct TargetArgs {
    /// The engine at this address instead of the one of this user, like `http://box:8080` [variable: `FLEXCORE_URL`]
    #[arg(long, value_name = "URL", global = true)]
    url: Option<String>,
    /// A token, with --url; others on this machine can see it, unlike --token-file and the variable [variable: `FLEXCORE_TOKEN`]
    #[arg(long, value_name = "TOKEN", global = true)]
    token: Option<String>,
    /// The file that holds the token
    #[arg(long, value_name = "FILE", conflicts_with = "token", global = true)]
    token_file: Option<PathBuf>,
    /// Trust the certificates in this file, PEM, instead of those of the machine [variable: `FLEXCORE_CA`]
    #[arg(long, value_name = "FILE", global = true)]
    ca: Option<PathBuf>,
    /// The engine's Unix socket, when several run [variable: `FLEXCORE_ENGINE`]
    #[arg(long, value_name = "PATH", conflicts_with = "url", global = true)]
    socket: Option<PathBuf>,
}

/// Which engine, and how to answer.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct RemoteArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Answer as JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
}

impl TargetArgs {
    pub(super) fn client(&self) -> Result<Client, ClientError> {
        Client::new(&self.target()?)
    }

    /// Where it is, with the token read.
    pub(super) fn target(&self) -> Result<Target, ClientError> {
        self.before(Target::of_variables())
    }

    /// Flags are stronger than variables.
    fn before(&self, variables: Target) -> Result<Target, ClientError> {
        let (url, socket) = match (&self.url, &self.socket) {
            (None, None) if variables.url.is_some() && variables.socket.is_some() => {
                let two =
                    format!("{URL_VARIABLE} and {SOCKET_VARIABLE} both name an engine: unset one, or say --url or --socket");
                return Err(ClientError::NotFound(two));
            }
            (None, None) => (variables.url, variables.socket),
            said => (said.0.clone(), said.1.clone()),
        };
        let token = match &self.token_file {
            Some(path) => Some(token_of(path).map_err(ClientError::NotFound)?),
            None => self.token.clone().or(variables.token),
        };
        Ok(Target { url, token, ca: self.ca.clone().or(variables.ca), socket })
    }

    /// Whether flags mean a certain one.
    pub(super) fn is_said(&self) -> bool {
        let Self { url, token, token_file, ca, socket } = self;
        url.is_some() || token.is_some() || token_file.is_some() || ca.is_some() || socket.is_some()
    }

    /// Whether flags or variables do.
    pub(super) fn is_meant(&self) -> bool {
        let variables = Target::of_variables();
        self.is_said() || variables.url.is_some() || variables.socket.is_some()
    }
}

/// The most bytes of a file that holds a token.
const TOKEN_BYTES_MAX: u64 = 4 << 10;

fn token_of(path: &Path) -> Result<String, String> {
    let read = File::open(path).and_then(|file| io::read_to_string(file.take(TOKEN_BYTES_MAX)));
    let text = read.map_err(|error| format!("cannot read the token in {}: {error}", path.display()))?;
    let token = text.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("there is no token in {}: the file holds one, on a line of its own", path.display()));
    }
    Ok(token.to_owned())
}

/// A question to an engine.
pub(super) struct Ask {
    method: Method,
    path: String,
    body: Option<Body>,
}

impl Ask {
    pub(super) fn new(method: Method, path: impl Into<String>, body: Option<Body>) -> Self {
        Self { method, path: path.into(), body }
    }

    /// To look at something.
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path, None)
    }

    /// To do something.
    pub(super) fn post(path: impl Into<String>, body: &impl Serialize) -> Self {
        Self::new(Method::POST, path, Some(Body::json(body)))
    }
}

/// The path of one thing of a list, and of what is done to it: `/runs/ID/cancel`.
pub(super) fn of(list: &str, name: &str, verb: &str) -> String {
    let slash = if verb.is_empty() { "" } else { "/" };
    format!("/{list}/{}{slash}{verb}", part(name))
}

/// The path of a list that is filtered.
pub(super) fn filtered(list: &str, limit: u16, filters: &[(&str, Option<&str>)]) -> String {
    let filter = |(name, value): &(&str, Option<&str>)| value.map(|value| format!("&{name}={}", part(value)));
    format!("/{list}?limit={limit}{}", filters.iter().filter_map(filter).collect::<String>())
}

/// Asks, and prints the answer as JSON or as `tell` tells it.
pub(super) fn ask(args: &RemoteArgs, ask: Ask, stage: &mut Stage<'_>, tell: impl FnOnce(&Value) -> String) -> io::Result<i32> {
    answer(args, stage, |client| async move {
        let json: Value = client.read(ask.method, &ask.path, ask.body).await?;
        let text = tell(&json);
        Ok(Answer::said(json, text))
    })
}

/// What an engine answered, as JSON and as people read it.
pub(super) struct Answer {
    pub(super) json: Value,
    pub(super) text: String,
    /// What was asked for is not so: exit code 1.
    pub(super) failed: bool,
}

/// A column: its name, and its field of an item, as in `error/message`.
pub(super) type Column<'a> = (&'a str, &'a str);

impl Answer {
    /// What was asked for, told.
    pub(super) fn said(json: Value, text: impl Into<String>) -> Self {
        Self { json, text: text.into(), failed: false }
    }
}

/// The items of a list as lines of columns under their names.
pub(super) fn table(json: &Value, columns: &[Column<'_>]) -> String {
    let items = json["items"].as_array().into_iter().flatten();
    let rows: Vec<Vec<String>> = items.map(|item| columns.iter().map(|(_, field)| cell(item, field)).collect()).collect();
    let head: Vec<String> = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
    if rows.is_empty() { "there is none".to_owned() } else { aligned(&head, &rows) }
}

fn aligned(head: &[String], rows: &[Vec<String>]) -> String {
    let width =
        |column: usize| rows.iter().chain([&head.to_vec()]).map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    [head.to_vec()].iter().chain(rows).map(line).collect::<Vec<_>>().join("\n")
}

/// The text of a field, made safe for a terminal.
pub(super) fn cell(item: &Value, field: &str) -> String {
    match item.pointer(&format!("/{field}")) {
        None | Some(Value::Null) => "-".into(),
        Some(Value::String(text)) => safe(text).to_string(),
        Some(other) => safe(&other.to_string()).to_string(),
    }
}

/// Asks an engine, and prints what it answers.
pub(super) fn answer<F: Future<Output = Result<Answer, ClientError>>>(
    args: &RemoteArgs,
    stage: &mut Stage<'_>,
    ask: impl FnOnce(Client) -> F,
) -> io::Result<i32> {
    let client = match stage.whom.client(&args.target) {
        Ok(client) => client,
        Err(error) => return Ok(stage.unasked(&error)),
    };
    match stage.whom.block_on(ask(client))? {
        Ok(answer) => Ok(print(args, &answer, stage.out)),
        Err(error) => Ok(stage.unasked(&error)),
    }
}

fn print(args: &RemoteArgs, answer: &Answer, out: &mut dyn Write) -> i32 {
    let text = if args.json { answer.json.to_string() } else { answer.text.clone() };
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => FAILED,
        _ if answer.failed => FAILED,
        _ => DONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: Option<&str>, socket: Option<&str>) -> Target {
        Target { url: url.map(Into::into), socket: socket.map(Into::into), ..Target::default() }
    }

    fn said(url: Option<&str>, socket: Option<&str>) -> TargetArgs {
        let Target { url, socket, .. } = at(url, socket);
        TargetArgs { url, socket, ..TargetArgs::default() }
    }

    #[test]
    fn a_flag_is_stronger_than_variables_even_those_of_another_flag() {
        let (url, socket) = (Some("http://box:8080"), Some("/run/flexcore.sock"));
        for (flags, variables, meant) in [
            (said(None, None), at(url, None), at(url, None)),
            (said(None, None), at(None, socket), at(None, socket)),
            (said(url, None), at(None, socket), at(url, None)),
            (said(None, socket), at(url, None), at(None, socket)),
            (said(url, None), at(Some("http://other"), socket), at(url, None)),
        ] {
            assert_eq!(flags.before(variables).expect("there is one engine"), meant);
        }
        let error = said(None, None).before(at(url, socket)).expect_err("there are two").to_string();
        assert!(error.contains("FLEXCORE_URL") && error.contains("FLEXCORE_ENGINE") && error.contains("unset one"), "{error}");
    }

    #[test]
    fn a_token_file_is_stronger_than_the_variable() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(&file, "of-the-file\n").expect("it is ours");
        let variables = || Target { token: Some("of-the-variable".into()), ..at(Some("http://box"), None) };
        let by_file = TargetArgs { token_file: Some(file.path().to_owned()), ..TargetArgs::default() };
        assert_eq!(by_file.before(variables()).expect("it is read").token.as_deref(), Some("of-the-file"));
        assert_eq!(said(None, None).before(variables()).expect("one engine").token.as_deref(), Some("of-the-variable"));
    }
}
