//! `flexcore pipeline checkpoints` and `checkpoint …`: where a continuous pipeline stands, and putting it elsewhere.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::remote::{Ask, cell, of, table};

/// What to do with checkpoints.
#[derive(Debug, Subcommand)]
pub(super) enum CheckpointWhat {
    /// How two versions differ
    Diff {
        name: String,
        /// The one; 0 is the beginning
        from: u64,
        /// The other; the newest unless it is named
        to: Option<u64>,
    },
    /// Put one stream of a step elsewhere: the next run begins there
    Set {
        name: String,
        step: String,
        /// As the list of checkpoints has it, such as a file
        stream: String,
        /// As its step writes it: JSON
        #[arg(required_unless_present = "beginning")]
        cursor: Option<String>,
        /// At its beginning
        #[arg(long, conflicts_with = "cursor")]
        beginning: bool,
    },
    /// Set sources and sinks to where they stood together in a version; 0 is the beginning
    Rollback { name: String, version: u64 },
}

impl CheckpointWhat {
    /// What is asked of the engine, or what is wrong with it.
    pub(super) fn asked(&self) -> Result<Ask, String> {
        Ok(match self {
            Self::Diff { name, from, to } => {
                let to = to.map(|to| format!("&to={to}")).unwrap_or_default();
                Ask::get(of("pipelines", name, &format!("checkpoints/difference?from={from}{to}")))
            }
            Self::Set { name, step, stream, cursor, .. } => {
                let cursor = cursor.as_deref().map(parsed).transpose()?;
                let change = json!({"step": step, "stream": stream, "cursor": cursor});
                Ask::post(of("pipelines", name, "checkpoints"), &json!({"changes": [change]}))
            }
            Self::Rollback { name, version } => {
                Ask::post(of("pipelines", name, "checkpoints/rollback"), &json!({"version": version}))
            }
        })
    }

    /// What the engine answered, for people.
    pub(super) fn told(&self, json: &Value) -> String {
        match self {
            Self::Diff { .. } => table(json, &[("STEP", "step"), ("STREAM", "stream"), ("FROM", "from"), ("TO", "to")]),
            Self::Set { .. } | Self::Rollback { .. } => listed(json),
        }
    }
}

fn parsed(text: &str) -> Result<Value, String> {
    let example = r#"write it as the list of checkpoints has it, like '{"n":7}'"#;
    serde_json::from_str(text).map_err(|error| format!("the cursor {text} is not JSON ({error}): {example}"))
}

/// Where everything stands, then the versions.
pub(super) fn listed(json: &Value) -> String {
    let current = table(
        &json!({"items": json["current"]}),
        &[("STEP", "step"), ("STREAM", "stream"), ("VERSION", "version"), ("SINCE", "at"), ("STANDS AT", "cursor")],
    );
    if !json["run"].is_null() {
        return format!("as of run {}; each run of a batch begins at the beginning\n\n{current}", cell(json, "run"));
    }
    let mut versions = json!({"items": json["items"]});
    for version in versions["items"].as_array_mut().into_iter().flatten() {
        version["made"] = made_by(version).into();
        version["changes"] = version["changes"].as_array().map_or(0, Vec::len).into();
    }
    let versions = table(
        &versions,
        &[
            ("VERSION", "version"),
            ("POSITION", "position"),
            ("AT", "at"),
            ("BY", "by"),
            ("MADE BY", "made"),
            ("CHANGES", "changes"),
        ],
    );
    format!("{current}\n\n{versions}")
}

fn made_by(version: &Value) -> String {
    match version["kind"].as_str() {
        Some("run") => format!("run {} attempt {}", cell(version, "run"), cell(version, "attempt")),
        Some("rolled_back") => format!("rolled back to {}", cell(version, "to")),
        _ => cell(version, "kind"),
    }
}
