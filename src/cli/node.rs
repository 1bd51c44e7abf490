//! `flexcore node`: who is running, and how it is.

use clap::Args;
use reqwest::Method;
use serde_json::Value;

use super::remote::{Answer, RemoteArgs, answer, cell};

/// The running engine.
#[derive(Debug, Args)]
pub struct NodeArgs {
    #[command(flatten)]
    remote: RemoteArgs,
}

/// Asks and prints.
pub fn run(args: &NodeArgs) -> color_eyre::Result<i32> {
    answer(&args.remote, |client| async move {
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
    })
}
