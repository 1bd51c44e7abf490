//! How an engine is, in sentences.

use flexcore_ui::widget::safe_text::safe;
use reqwest::Method;
use serde_json::Value;

use crate::{
    cli::remote::cell,
    client::{Client, ClientError},
    http::wire::pipelines::PipelineBody,
};

/// The most pipelines that get a line of their own.
const PIPELINES_MAX: usize = 100;

/// The engine, its pipelines, what is raised.
pub(super) async fn of(client: &Client) -> Result<String, ClientError> {
    let info: Value = client.read(Method::GET, "/info", None).await?;
    let (_, health) = client.verdict("/health").await?;
    let pipelines: Value = client.read(Method::GET, &format!("/pipelines?limit={PIPELINES_MAX}"), None).await?;
    let alerts: Value = client.read(Method::GET, "/alerts?state=raised", None).await?;
    let mut lines = vec![format!(
        "engine {}: {}{}, {} events in {}, you are {}{}",
        cell(&info, "node"),
        cell(&health, "status"),
        health["reason"].as_str().map(|reason| format!(" ({})", safe(reason))).unwrap_or_default(),
        cell(&info, "position"),
        cell(&info, "store"),
        cell(&info, "caller"),
        if info["read_only"] == true { ", read-only" } else { "" },
    )];
    let items = |list: &Value| list["items"].as_array().cloned().unwrap_or_default();
    let unwell = |check: &&Value| check["state"] != "ok";
    let checks = health["checks"].as_array().into_iter().flatten().filter(unwell);
    lines.extend(
        checks.map(|check| format!("check {}: {}, {}", cell(check, "name"), cell(check, "state"), cell(check, "evidence"))),
    );
    let alerts = items(&alerts);
    lines.extend(alerts.iter().map(|alert| format!("alert {}: {}", cell(alert, "severity"), cell(alert, "summary"))));
    let rows = items(&pipelines);
    lines.extend(rows.iter().filter_map(|row| serde_json::from_value(row.clone()).ok()).map(|row| pipeline(&row)));
    if rows.is_empty() {
        lines.push("there is no pipeline".into());
    }
    if !pipelines["next"].is_null() {
        lines.push(format!("these are the first {PIPELINES_MAX} pipelines: `pipeline list` lists more"));
    }
    Ok(lines.join("\n"))
}

fn pipeline(row: &PipelineBody) -> String {
    let live = match row.live.len() {
        0 => String::new(),
        1 => ", one run is live".into(),
        runs => format!(", {runs} runs are live"),
    };
    let last = row.last.as_ref().map(|last| format!(", the last one {} at {}", last.outcome, last.at.strftime("%FT%TZ")));
    let failing = if row.failed_in_row > 1 { format!(", {} failed in a row", row.failed_in_row) } else { String::new() };
    let dead = if row.dead_total > 0 { format!(", {} dead letters", row.dead_total) } else { String::new() };
    let name = safe(&row.name);
    format!("pipeline {name}: {}{live}, {} runs{}{failing}{dead}", row.state, row.runs_total, last.unwrap_or_default())
}
