//! `flexcore node`: who is running, and how it is.

use std::io;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::Value;

use super::{
    remote::{Answer, Ask, Column, RemoteArgs, answer, ask, cell, table},
    stage::Stage,
};
use crate::client::{Client, ClientError};

/// The running engine.
#[derive(Debug, Args)]
pub struct NodeArgs {
    #[command(subcommand)]
    command: Option<NodeCommand>,
    #[command(flatten)]
    remote: RemoteArgs,
}

#[derive(Debug, Subcommand)]
enum NodeCommand {
    /// How it is, check by check; exit code 1 when it cannot take work on
    Health,
    /// Who is here: consoles, and commands by SSH
    Sessions,
}

/// Asks and prints.
pub(super) fn run(args: &NodeArgs, stage: &mut Stage<'_>) -> io::Result<i32> {
    match args.command {
        None => answer(&args.remote, stage, info),
        Some(NodeCommand::Health) => answer(&args.remote, stage, health),
        Some(NodeCommand::Sessions) => ask(&args.remote, Ask::get("/sessions"), stage, sessions),
    }
}

async fn info(client: Client) -> Result<Answer, ClientError> {
    let json: Value = client.read(Method::GET, "/info", None).await?;
    let text = format!(
        "{} {} (process {}), {} events in {}, since {}\nat {}, as {} with the role {}",
        cell(&json, "node"),
        cell(&json, "version"),
        cell(&json, "process"),
        cell(&json, "position"),
        cell(&json, "store"),
        cell(&json, "started_at"),
        client.place(),
        cell(&json, "caller"),
        cell(&json, "role")
    );
    Ok(Answer::said(json, text))
}

fn sessions(json: &Value) -> String {
    const COLUMNS: [Column<'_>; 6] =
        [("WHO", "actor"), ("ROLE", "role"), ("BY", "way"), ("FROM", "from"), ("COMMAND", "command"), ("SINCE", "since")];
    table(json, &COLUMNS)
}

async fn health(client: Client) -> Result<Answer, ClientError> {
    const COLUMNS: [Column<'_>; 4] = [("CHECK", "name"), ("STATE", "state"), ("SINCE", "since"), ("EVIDENCE", "evidence")];
    let (well, json) = client.verdict("/health").await?;
    let reason = json["reason"].as_str().map(|reason| format!(": {reason}")).unwrap_or_default();
    let checks = table(&serde_json::json!({ "items": json["checks"] }), &COLUMNS);
    let text = format!("{}{reason}\n\n{checks}", cell(&json, "status"));
    Ok(Answer { failed: !well, ..Answer::said(json, text) })
}
