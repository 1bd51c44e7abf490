//! `flexcore runs …`: runs of a running engine.

use std::io;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    remote::{Ask, RemoteArgs, ask, cell, filtered, of, table},
    stage::Stage,
    why::{self, WhyArgs},
};

/// Runs of a running engine.
#[derive(Debug, Args)]
pub struct RunsArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Runs, newest first
    List {
        /// Only those of this pipeline
        #[arg(long)]
        pipeline: Option<String>,
        /// Only those in this state
        #[arg(long)]
        state: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
    },
    /// One run with its steps
    Show { run: String },
    /// Why it is so: what it waits for, or how it came to its end
    Why {
        run: String,
        #[command(flatten)]
        then: WhyArgs,
    },
    /// What its steps said
    Logs { run: String },
    /// Ask it to stop
    Cancel {
        run: String,
        /// Why, for the others
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Start a new run with the parameters of one that ended badly
    Retry { run: String },
}

/// Asks and prints.
pub(super) fn run(args: &RunsArgs, stage: &mut Stage<'_>) -> io::Result<i32> {
    let asked = match &args.what {
        What::List { pipeline, state, limit } => {
            Ask::get(filtered("runs", *limit, &[("pipeline", pipeline.as_deref()), ("state", state.as_deref())]))
        }
        What::Show { run } => Ask::get(of("runs", run, "")),
        What::Why { run, then } => match then.asked("runs", run) {
            Ok(asked) => asked,
            Err(why) => return Ok(stage.complain(&why)),
        },
        What::Logs { run } => Ask::get(of("runs", run, "logs")),
        What::Cancel { run, reason } => Ask::post(of("runs", run, "cancel"), &json!({"reason": reason})),
        What::Retry { run } => Ask::new(Method::POST, of("runs", run, "retry"), None),
    };
    ask(&args.remote, asked, stage, |json| told(&args.what, json))
}

fn told(what: &What, json: &Value) -> String {
    match what {
        What::List { .. } => table(
            json,
            &[
                ("ID", "id"),
                ("PIPELINE", "pipeline"),
                ("NUMBER", "number"),
                ("STATE", "state"),
                ("QUEUED", "queued_at"),
                ("IN", "records_in"),
                ("OUT", "records_out"),
                ("DEAD", "dead"),
                ("ERROR", "error/message"),
            ],
        ),
        What::Show { .. } => shown(json),
        What::Why { .. } => why::told(json),
        What::Logs { .. } => {
            let line = |line: &Value| {
                format!("{} {:<5} {}: {}", cell(line, "at"), cell(line, "level"), cell(line, "step"), cell(line, "text"))
            };
            let lines: Vec<String> = json["items"].as_array().into_iter().flatten().map(line).collect();
            lines.join("\n")
        }
        What::Cancel { .. } | What::Retry { .. } => asked_for(json),
    }
}

/// A run that was asked for, or asked to stop.
pub(super) fn asked_for(run: &Value) -> String {
    format!("run {} of {} is {}", cell(run, "id"), cell(run, "pipeline"), cell(run, "state"))
}

fn shown(run: &Value) -> String {
    let mut lines = vec![format!("run {} of {}: {}", cell(run, "number"), cell(run, "pipeline"), cell(run, "state"))];
    lines.push(format!("  asked for by {} at {}, attempt {}", cell(run, "actor"), cell(run, "queued_at"), cell(run, "attempt")));
    if !run["error"].is_null() {
        lines.push(format!("  error at step {}: {}", cell(&run["error"], "step"), cell(&run["error"], "message")));
    }
    for step in run["steps"].as_array().into_iter().flatten() {
        let counts = &step["counts"];
        lines.push(format!(
            "  {}: {}, {} in, {} out, {} dead",
            cell(step, "step"),
            cell(step, "state"),
            cell(counts, "in"),
            cell(counts, "out"),
            cell(counts, "dead")
        ));
    }
    lines.join("\n")
}
