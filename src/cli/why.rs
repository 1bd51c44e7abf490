//! `… why`: why a pipeline, a run or a queue is as it is, as a running engine tells it from its events.

use clap::Args;
use flexcore_engine::moment::Moment;
use jiff::Zoned;
use serde_json::Value;

use super::remote::{Ask, cell, of};
use crate::client::part;

/// As of when.
#[derive(Debug, Args)]
pub(super) struct WhyArgs {
    /// As it was then: a position, or a moment like -15m, 03:07 or 2026-11-22 03:07
    #[arg(long, value_name = "MOMENT", allow_hyphen_values = true)]
    at: Option<String>,
}

impl WhyArgs {
    /// The question about one thing of a list.
    pub(super) fn asked(&self, list: &str, name: &str) -> Result<Ask, String> {
        let path = of(list, name, "why");
        let Some(text) = &self.at else { return Ok(Ask::get(path)) };
        Ok(Ask::get(match Moment::parse(text, &Zoned::now()).map_err(|bad| format!("--at: {bad}"))? {
            Moment::Position(position) => format!("{path}?at={position}"),
            Moment::At(at) => format!("{path}?moment={}", part(&at.to_string())),
        }))
    }
}

/// The answer as people read it.
pub(super) fn told(why: &Value) -> String {
    let mut lines = vec![cell(why, "answer")];
    let items = |list: &str| why[list].as_array().cloned().unwrap_or_default();
    for (title, list, line) in
        [("because", "facts", fact as fn(&Value) -> String), ("next", "next", next), ("you can", "remedies", remedy)]
    {
        let items = items(list);
        if !items.is_empty() {
            lines.push(format!("{title}:"));
            lines.extend(items.iter().map(line));
        }
    }
    lines.join("\n")
}

fn fact(fact: &Value) -> String {
    let position = if fact["position"].is_null() { String::new() } else { format!("#{} ", cell(fact, "position")) };
    format!("  {} {} {position}{}", second(fact), cell(fact, "actor"), cell(fact, "text"))
}

fn next(next: &Value) -> String {
    if next["at"].is_null() { format!("  {}", cell(next, "text")) } else { format!("  {} {}", second(next), cell(next, "text")) }
}

fn remedy(remedy: &Value) -> String {
    format!("  {}: {}", cell(remedy, "text"), cell(remedy, "command"))
}

/// The moment to the second: more digits only hide it.
fn second(item: &Value) -> String {
    let at = cell(item, "at");
    at.parse::<jiff::Timestamp>().map_or(at, |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}
