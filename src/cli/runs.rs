//! `flexcore runs …`: runs of a running engine.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::remote::{Answer, RemoteArgs, answer, cell};
use crate::client::{Body, Client, ClientError, part};

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
pub fn run(args: &RunsArgs) -> color_eyre::Result<i32> {
    let of = |run: &str, verb: &str| format!("/runs/{}{verb}", part(run));
    let (method, path, body) = match &args.what {
        What::List { pipeline, state, limit } => {
            let filter = |name: &str, value: &Option<String>| {
                value.as_deref().map(|value| format!("&{name}={}", part(value))).unwrap_or_default()
            };
            let path = format!("/runs?limit={limit}{}{}", filter("pipeline", pipeline), filter("state", state));
            (Method::GET, path, None)
        }
        What::Show { run } => (Method::GET, of(run, ""), None),
        What::Logs { run } => (Method::GET, of(run, "/logs"), None),
        What::Cancel { run, reason } => (Method::POST, of(run, "/cancel"), Some(Body::json(&json!({"reason": reason})))),
        What::Retry { run } => (Method::POST, of(run, "/retry"), None),
    };
    answer(&args.remote, |client| asked(client, &args.what, method, path, body))
}

async fn asked(client: Client, what: &What, method: Method, path: String, body: Option<Body>) -> Result<Answer, ClientError> {
    let json: Value = client.read(method, &path, body).await?;
    Ok(match what {
        What::List { .. } => Answer::table(
            json,
            &[
                ("ID", &|row| cell(row, "id")),
                ("PIPELINE", &|row| cell(row, "pipeline")),
                ("NUMBER", &|row| cell(row, "number")),
                ("STATE", &|row| cell(row, "state")),
                ("QUEUED", &|row| cell(row, "queued_at")),
                ("IN", &|row| cell(row, "records_in")),
                ("OUT", &|row| cell(row, "records_out")),
                ("DEAD", &|row| cell(row, "dead")),
                ("ERROR", &|row| cell(&row["error"], "message")),
            ],
        ),
        What::Show { .. } => {
            let text = shown(&json);
            Answer::said(json, text)
        }
        What::Logs { .. } => {
            let line = |line: &Value| {
                format!("{} {:<5} {}: {}", cell(line, "at"), cell(line, "level"), cell(line, "step"), cell(line, "text"))
            };
            let lines: Vec<String> = json["items"].as_array().into_iter().flatten().map(line).collect();
            Answer::said(json, lines.join("\n"))
        }
        What::Cancel { .. } | What::Retry { .. } => {
            let text = format!("run {} of {} is {}", cell(&json, "id"), cell(&json, "pipeline"), cell(&json, "state"));
            Answer::said(json, text)
        }
    })
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
