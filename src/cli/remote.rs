//! What the commands that act on a running engine share: where it is, and how answers are printed.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::Args;
use flexcore_ui::widget::safe_text::safe;
use serde_json::Value;

use super::{DONE, FAILED, complain, told, unable};
use crate::client::{Client, ClientError, Target};

/// Which engine, and how to answer.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct RemoteArgs {
    /// The engine at this address instead of the one of this user, like `http://box:8080`
    #[arg(long, value_name = "URL", env = "FLEXCORE_URL", global = true)]
    url: Option<String>,
    /// A token, with --url
    #[arg(long, value_name = "TOKEN", env = "FLEXCORE_TOKEN", hide_env_values = true, global = true)]
    token: Option<String>,
    /// The engine's Unix socket, when several run
    #[arg(long, value_name = "PATH", conflicts_with = "url", global = true)]
    socket: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
}

impl RemoteArgs {
    fn client(&self) -> Result<Client, ClientError> {
        let Self { url, token, socket, .. } = self.clone();
        Client::new(&Target { url, token, socket })
    }
}

/// What an engine answered, as JSON and as people read it.
pub(super) struct Answer {
    pub(super) json: Value,
    pub(super) text: String,
    /// What was asked for is not so: exit code 1.
    pub(super) failed: bool,
}

/// A column: its name, and its cell of an item.
pub(super) type Column<'a> = (&'a str, &'a dyn Fn(&Value) -> String);

impl Answer {
    /// A sentence, when there is nothing to look at.
    pub(super) fn said(json: Value, text: impl Into<String>) -> Self {
        Self { json, text: text.into(), failed: false }
    }

    /// Lines of columns under their names.
    pub(super) fn table(json: Value, columns: &[Column<'_>]) -> Self {
        let rows: Vec<Vec<String>> = json["items"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| columns.iter().map(|(_, cell)| cell(item)).collect())
            .collect();
        let head: Vec<String> = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
        let text = if rows.is_empty() { "there is none".to_owned() } else { aligned(&head, &rows) };
        Self { json, text, failed: false }
    }
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
    match &item[field] {
        Value::Null => "-".into(),
        Value::String(text) => safe(text).to_string(),
        other => other.to_string(),
    }
}

/// Asks an engine, and prints what it answers.
pub(super) fn answer<F: Future<Output = Result<Answer, ClientError>>>(
    args: &RemoteArgs,
    ask: impl FnOnce(Client) -> F,
) -> color_eyre::Result<i32> {
    let client = match args.client() {
        Ok(client) => client,
        Err(error) => return Ok(complain(&told(&error))),
    };
    super::block_on(async {
        match ask(client).await {
            Ok(answer) => Ok(print(args, &answer)),
            Err(error @ (ClientError::NotFound(_) | ClientError::Unreachable { .. })) => Ok(complain(&told(&error))),
            Err(error) => Ok(unable(&error)),
        }
    })
}

fn print(args: &RemoteArgs, answer: &Answer) -> i32 {
    let text = if args.json { answer.json.to_string() } else { answer.text.clone() };
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => FAILED,
        _ if answer.failed => FAILED,
        _ => DONE,
    }
}
