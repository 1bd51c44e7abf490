//! `flexcore alert …`: what a running engine thinks somebody should look at.

use std::io;

use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    remote::{Ask, RemoteArgs, ask, cell, filtered, of, table},
    stage::Stage,
};

/// Alerts of a running engine.
#[derive(Debug, Args)]
pub struct AlertArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    Raised,
    Quiet,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Severity {
    Info,
    Warning,
    Critical,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Alerts, by name: those that are raised, and those that lately were
    List {
        /// Only those that are so now, or only those that no longer are
        #[arg(long, value_enum)]
        state: Option<State>,
        /// Only those that matter as much
        #[arg(long, value_enum)]
        severity: Option<Severity>,
        /// Only those about this pipeline
        #[arg(long)]
        pipeline: Option<String>,
        /// Only those about this queue
        #[arg(long)]
        queue: Option<String>,
        /// Only those that are silenced
        #[arg(long)]
        silenced: bool,
    },
    /// One alert, like run-failed/quakes
    Show { alert: String },
    /// Tell nobody elsewhere of it for a time
    Silence {
        alert: String,
        /// How long, like 2h; at most 30d
        #[arg(long = "for", value_name = "DURATION")]
        length: String,
        /// Why, for the others
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// End a silence before its time
    Unsilence { alert: String },
}

/// Asks and prints.
pub(super) fn run(args: &AlertArgs, stage: &mut Stage<'_>) -> io::Result<i32> {
    let asked = match &args.what {
        What::List { state, severity, pipeline, queue, silenced } => {
            let (state, severity) = (state.as_ref().map(word), severity.as_ref().map(word));
            let filters = [
                ("state", state.as_deref()),
                ("severity", severity.as_deref()),
                ("pipeline", pipeline.as_deref()),
                ("queue", queue.as_deref()),
                ("silenced", silenced.then_some("true")),
            ];
            Ask::get(filtered("alerts", 1_000, &filters))
        }
        What::Show { alert } => Ask::get(of("alerts", alert, "")),
        What::Silence { alert, length, reason } => {
            Ask::post(of("alerts", alert, "silence"), &json!({"for": length, "reason": reason}))
        }
        What::Unsilence { alert } => Ask::new(Method::POST, of("alerts", alert, "unsilence"), None),
    };
    ask(&args.remote, asked, stage, |json| told(&args.what, json))
}

fn word(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

fn told(what: &What, json: &Value) -> String {
    match what {
        What::List { .. } => table(
            json,
            &[
                ("ALERT", "alert"),
                ("STATE", "state"),
                ("SEVERITY", "severity"),
                ("SINCE", "since"),
                ("SILENCED UNTIL", "silence/until"),
                ("WHAT", "summary"),
            ],
        ),
        What::Show { .. } => shown(json),
        What::Silence { alert, .. } => format!("{alert} is silenced until {}", cell(json, "silence/until")),
        What::Unsilence { alert } => format!("{alert} is no longer silenced"),
    }
}

fn shown(alert: &Value) -> String {
    let mut lines = vec![format!("{}: {}, {}", cell(alert, "alert"), cell(alert, "state"), cell(alert, "severity"))];
    lines.push(format!("  {}", cell(alert, "summary")));
    lines.push(format!("  since {}, raised {} time(s)", cell(alert, "since"), cell(alert, "raised_total")));
    for field in ["pipeline", "queue"] {
        if !alert[field].is_null() {
            lines.push(format!("  look at {field} {}", cell(alert, field)));
        }
    }
    if !alert["silence"].is_null() {
        let of = |field: &str| cell(alert, &format!("silence/{field}"));
        lines.push(format!("  silenced until {} by {}: {}", of("until"), of("by"), of("reason")));
    }
    lines.join("\n")
}
