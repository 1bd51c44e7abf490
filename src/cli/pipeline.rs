//! `flexcore pipeline …`: what the console does with pipelines, as commands on a running engine.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{
    complain,
    remote::{Answer, RemoteArgs, answer, cell},
};
use crate::client::{Body, Client, ClientError, part};

/// Pipelines of a running engine.
#[derive(Debug, Args)]
pub struct PipelineArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// All pipelines
    List {
        /// Only those in this state: draft, active, paused or archived
        #[arg(long)]
        state: Option<String>,
    },
    /// One pipeline with its definition and revisions
    Show { name: String },
    /// Make a draft of a pipeline file
    Create { file: PathBuf },
    /// Give a pipeline the definition of a file
    Revise {
        name: String,
        file: PathBuf,
        /// Only if its revision is still this one (64 hex digits)
        #[arg(long, value_name = "REVISION")]
        if_revision: Option<String>,
    },
    /// Make an earlier revision the current one again
    Rollback { name: String, number: u32 },
    /// Let the triggers of a draft start runs
    Activate { name: String },
    /// Stop its triggers; runs that live go on
    Pause {
        name: String,
        /// Why, for the others
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Let its triggers start runs again
    Resume { name: String },
    /// Start a run
    Run {
        name: String,
        /// A parameter, as in `--param day=2026-01-31`; JSON where it is some
        #[arg(long = "param", value_name = "NAME=VALUE")]
        params: Vec<String>,
    },
    /// Put it out of use
    Archive { name: String },
    /// Make a draft of an archived one
    Restore { name: String },
    /// Forget an archived one: its name is free then
    Delete { name: String },
}

/// Asks and prints.
pub fn run(args: &PipelineArgs) -> color_eyre::Result<i32> {
    let of = |name: &str, verb: &str| format!("/pipelines/{}{verb}", part(name));
    let post = |name: &str, verb: &str, body: &Value| (Method::POST, of(name, &format!("/{verb}")), Some(Body::json(body)));
    let (method, path, body) = match &args.what {
        What::List { state } => {
            let state = state.as_deref().map(|state| format!("&state={}", part(state))).unwrap_or_default();
            (Method::GET, format!("/pipelines?limit=1000{state}"), None)
        }
        What::Show { name } => (Method::GET, of(name, ""), None),
        What::Create { file } => match text(file) {
            Ok(text) => (Method::POST, "/pipelines".to_owned(), Some(Body::yaml(text))),
            Err(why) => return Ok(complain(&why)),
        },
        What::Revise { name, file, if_revision } => match text(file) {
            Ok(text) => {
                let body = Body::yaml(text).only_if(if_revision.as_deref());
                (Method::PUT, of(name, ""), Some(body))
            }
            Err(why) => return Ok(complain(&why)),
        },
        What::Rollback { name, number } => post(name, "rollback", &json!({"number": number})),
        What::Activate { name } => post(name, "activate", &json!({})),
        What::Pause { name, reason } => post(name, "pause", &json!({"reason": reason})),
        What::Resume { name } => post(name, "resume", &json!({})),
        What::Run { name, params } => match parameters(params) {
            Ok(params) => post(name, "runs", &json!({"params": params})),
            Err(why) => return Ok(complain(&why)),
        },
        What::Archive { name } => post(name, "archive", &json!({})),
        What::Restore { name } => post(name, "restore", &json!({})),
        What::Delete { name } => (Method::DELETE, of(name, ""), None),
    };
    answer(&args.remote, |client| asked(client, &args.what, method, path, body))
}

async fn asked(client: Client, what: &What, method: Method, path: String, body: Option<Body>) -> Result<Answer, ClientError> {
    let json: Value = client.read(method, &path, body).await?;
    Ok(match what {
        What::List { .. } => Answer::table(
            json,
            &[
                ("NAME", &|row| cell(row, "name")),
                ("STATE", &|row| cell(row, "state")),
                ("MODE", &|row| cell(row, "mode")),
                ("REVISION", &|row| cell(row, "revision_number")),
                ("LIVE", &|row| row["live"].as_array().map_or(0, Vec::len).to_string()),
                ("LAST", &|row| cell(&row["last"], "outcome")),
                ("OWNER", &|row| cell(row, "owner")),
                ("DESCRIPTION", &|row| cell(row, "description")),
            ],
        ),
        What::Show { .. } => {
            let text = json["source"]["text"].as_str().unwrap_or_default().trim_end();
            let head =
                format!("# {} is {}, revision {}", cell(&json, "name"), cell(&json, "state"), cell(&json, "revision_number"));
            let lines: Vec<String> = text.lines().map(|line| flexcore_ui::widget::safe_text::safe(line).to_string()).collect();
            Answer::said(json, format!("{head}\n{}", lines.join("\n")))
        }
        What::Run { .. } => {
            let text = format!("run {} of {} is {}", cell(&json, "id"), cell(&json, "pipeline"), cell(&json, "state"));
            Answer::said(json, text)
        }
        What::Delete { name } => Answer::said(json, format!("{name} is deleted")),
        _ => {
            let text =
                format!("{} is {}, revision {}", cell(&json, "name"), cell(&json, "state"), cell(&json, "revision_number"));
            Answer::said(json, text)
        }
    })
}

fn text(file: &PathBuf) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))
}

fn parameters(given: &[String]) -> Result<Map<String, Value>, String> {
    let one = |pair: &String| {
        let (name, value) = pair.split_once('=').ok_or_else(|| format!("--param {pair}: write it as NAME=VALUE"))?;
        Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| Value::from(value))))
    };
    given.iter().map(one).collect()
}
