//! `flexcore pipeline …`: what the console does with pipelines, as commands on a running engine.

mod checkpoint;

use std::{io, path::PathBuf};

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{
    remote::{Ask, RemoteArgs, ask, cell, filtered, of, table},
    runs,
    stage::Stage,
    why::{self, WhyArgs},
};
use crate::client::Body;
use checkpoint::CheckpointWhat;

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
    /// Make a draft of a pipeline file; - is standard input
    Create { file: PathBuf },
    /// Give a pipeline the definition of a file; - is standard input
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
    /// Why it is so: the events that led to it, what comes next, what can be done
    Why {
        name: String,
        #[command(flatten)]
        then: WhyArgs,
    },
    /// Where a continuous pipeline stands, and the versions before
    Checkpoints { name: String },
    /// Compare checkpoints, or put them elsewhere while no run lives
    Checkpoint {
        #[command(subcommand)]
        what: CheckpointWhat,
    },
}

/// Asks and prints.
pub(super) fn run(args: &PipelineArgs, stage: &mut Stage<'_>) -> io::Result<i32> {
    match asked(&args.what, stage) {
        Ok(asked) => ask(&args.remote, asked, stage, |json| told(&args.what, json)),
        Err(why) => Ok(stage.complain(&why)),
    }
}

fn asked(what: &What, stage: &mut Stage<'_>) -> Result<Ask, String> {
    let post = |name: &str, verb: &str, body: &Value| Ask::post(of("pipelines", name, verb), body);
    Ok(match what {
        What::List { state } => Ask::get(filtered("pipelines", 1_000, &[("state", state.as_deref())])),
        What::Show { name } => Ask::get(of("pipelines", name, "")),
        What::Create { file } => Ask::new(Method::POST, "/pipelines", Some(Body::yaml(stage.text(file)?))),
        What::Revise { name, file, if_revision } => {
            let body = Body::yaml(stage.text(file)?).only_if(if_revision.as_deref());
            Ask::new(Method::PUT, of("pipelines", name, ""), Some(body))
        }
        What::Rollback { name, number } => post(name, "rollback", &json!({"number": number})),
        What::Activate { name } => post(name, "activate", &json!({})),
        What::Pause { name, reason } => post(name, "pause", &json!({"reason": reason})),
        What::Resume { name } => post(name, "resume", &json!({})),
        What::Run { name, params } => post(name, "runs", &json!({"params": parameters(params)?})),
        What::Archive { name } => post(name, "archive", &json!({})),
        What::Restore { name } => post(name, "restore", &json!({})),
        What::Delete { name } => Ask::new(Method::DELETE, of("pipelines", name, ""), None),
        What::Why { name, then } => then.asked("pipelines", name)?,
        What::Checkpoints { name } => Ask::get(of("pipelines", name, "checkpoints")),
        What::Checkpoint { what } => what.asked()?,
    })
}

fn told(what: &What, json: &Value) -> String {
    let is_now = || format!("{} is {}, revision {}", cell(json, "name"), cell(json, "state"), cell(json, "revision_number"));
    match what {
        What::List { .. } => table(
            &counted(json),
            &[
                ("NAME", "name"),
                ("STATE", "state"),
                ("MODE", "mode"),
                ("REVISION", "revision_number"),
                ("LIVE", "live"),
                ("LAST", "last/outcome"),
                ("OWNER", "owner"),
                ("DESCRIPTION", "description"),
            ],
        ),
        What::Show { .. } => {
            let text = json["source"]["text"].as_str().unwrap_or_default().trim_end();
            let lines: Vec<String> = text.lines().map(|line| flexcore_ui::widget::safe_text::safe(line).to_string()).collect();
            format!("# {}\n{}", is_now(), lines.join("\n"))
        }
        What::Run { .. } => runs::asked_for(json),
        What::Delete { name } => format!("{name} is deleted"),
        What::Why { .. } => why::told(json),
        What::Checkpoints { .. } => checkpoint::listed(json),
        What::Checkpoint { what } => what.told(json),
        What::Create { .. }
        | What::Revise { .. }
        | What::Rollback { .. }
        | What::Activate { .. }
        | What::Pause { .. }
        | What::Resume { .. }
        | What::Archive { .. }
        | What::Restore { .. } => is_now(),
    }
}

/// Of the live runs a table has room for their number.
fn counted(json: &Value) -> Value {
    let mut counted = json.clone();
    for row in counted["items"].as_array_mut().into_iter().flatten() {
        row["live"] = row["live"].as_array().map_or(0, Vec::len).into();
    }
    counted
}

fn parameters(given: &[String]) -> Result<Map<String, Value>, String> {
    let one = |pair: &String| {
        let (name, value) = pair.split_once('=').ok_or_else(|| format!("--param {pair}: write it as NAME=VALUE"))?;
        Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| Value::from(value))))
    };
    given.iter().map(one).collect()
}
