//! What operators are told of, and where: the file that the setting `alerts.rules` names. `docs/ALERTS.md` is its manual.
//! Every mistake in it is told with its place, as `flexcore check` does for pipeline files.

use std::{fmt, path::Path, sync::LazyLock};

use flexcore_engine::{
    alert::{Rule, Severity, Written, default_rules, rules_of},
    pipeline::{
        Mistake,
        mistake::{PlacedMistake, nearest},
    },
    unit::Duration,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::definition::{document, files, schema_check::SchemaCheck, variables};

/// The most webhooks of one file.
pub const WEBHOOKS_MAX: usize = 16;
/// The most tries of one delivery.
pub const ATTEMPTS_MAX: u32 = 20;
/// The longest that one try may take.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(60);

/// The file, as written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct AlertsFile {
    /// Rules of one's own; one with the name of a default rule replaces it.
    rules: Vec<Written>,
    /// Who is told elsewhere.
    webhooks: Vec<Webhook>,
}

/// Somebody elsewhere who is told of alerts.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Names it in events.
    pub name: String,
    /// Where to; http or https. It may be, or hold, `${secret:…}`.
    pub url: String,
    /// What deliveries are signed with, as `${secret:…}`; they are not signed without one.
    #[serde(default)]
    pub secret: Option<String>,
    /// Only alerts that matter at least as much: info, warning or critical.
    #[serde(default = "info")]
    pub severity: Severity,
    /// Only alerts of these rules; `*` stands for anything.
    #[serde(default)]
    pub rules: Vec<String>,
    /// How long one try may take; 10s unless said.
    #[serde(default = "ten_seconds")]
    pub timeout: Duration,
    /// Tries in all, the first included; 8 unless said.
    #[serde(default = "eight")]
    pub attempts: u32,
}

fn info() -> Severity {
    Severity::Info
}

pub(crate) fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

pub(crate) fn eight() -> u32 {
    8
}

/// Rules and webhooks, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Alerting {
    /// What is evaluated.
    pub rules: Vec<Rule>,
    /// Who is told.
    pub webhooks: Vec<Webhook>,
}

impl Default for Alerting {
    /// The default rules, and nobody is told elsewhere.
    fn default() -> Self {
        Self { rules: default_rules(), webhooks: Vec::new() }
    }
}

/// A file of alerts that cannot be used: every mistake with its place.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub struct BadAlerts {
    path: String,
    mistakes: Vec<PlacedMistake>,
}

impl fmt::Display for BadAlerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, PlacedMistake { line, column, mistake }) in self.mistakes.iter().enumerate() {
            let feed = if at > 0 { "\n" } else { "" };
            write!(f, "{feed}{}:{line}:{column}: {}", self.path, mistake.message)?;
            if let Some(hint) = &mistake.hint {
                write!(f, " ({hint})")?;
            }
        }
        Ok(())
    }
}

static SCHEMA: LazyLock<SchemaCheck> = LazyLock::new(|| {
    let schema = serde_json::to_value(schemars::schema_for!(AlertsFile)).expect("a derived schema is JSON");
    SchemaCheck::new(schema).expect("a derived schema is a schema")
});

/// Reads and checks a file.
pub fn read(path: &Path) -> Result<Alerting, BadAlerts> {
    let bad = |mistakes| BadAlerts { path: path.display().to_string(), mistakes };
    let text = files::read(path).map_err(|mistake| bad(vec![mistake]))?;
    parse(&text).map_err(bad)
}

fn parse(text: &str) -> Result<Alerting, Vec<PlacedMistake>> {
    let mut document = document::read(text).map_err(|mistake| vec![mistake])?;
    let mut mistakes = variables::fill(&mut document.value, &variables::of_process);
    mistakes.extend(SCHEMA.mistakes(&document.value));
    let alerting = match serde_json::from_value::<AlertsFile>(document.value) {
        Ok(file) => {
            mistakes.extend(file.webhooks.iter().enumerate().flat_map(|(at, webhook)| webhook.mistakes(at, &file.webhooks)));
            if file.webhooks.len() > WEBHOOKS_MAX {
                let message = format!("{} webhooks: at most {WEBHOOKS_MAX}", file.webhooks.len());
                mistakes.push(Mistake::at("/webhooks", message));
            }
            let rules = rules_of(default_rules(), &file.rules);
            let below = |mistake: Mistake| Mistake { pointer: format!("/rules{}", mistake.pointer), ..mistake };
            rules.map_err(|wrong| mistakes.extend(wrong.into_iter().map(below))).ok().map(|rules| (rules, file.webhooks))
        }
        Err(error) if mistakes.is_empty() => {
            mistakes.push(Mistake::at("", format!("this is no file of alerts: {error}")));
            None
        }
        Err(_) => None,
    };
    let mut placed = document.mistakes;
    placed.extend(mistakes.into_iter().map(|mistake| document.places.place(mistake)));
    placed.sort_by_key(|mistake| (mistake.line, mistake.column));
    match alerting {
        Some((rules, webhooks)) if placed.is_empty() => Ok(Alerting { rules, webhooks }),
        _ => Err(placed),
    }
}

impl Webhook {
    fn mistakes(&self, at: usize, all: &[Self]) -> Vec<Mistake> {
        let here = |key: &str, message: String| Mistake::at(format!("/webhooks/{at}/{key}"), message);
        let mut found = Vec::new();
        if let Err(error) = flexcore_engine::id::PipelineName::new(&self.name) {
            found.push(here("name", error.to_string()));
        }
        if all[..at].iter().any(|other| other.name == self.name) {
            found.push(here("name", format!("there is already a webhook `{}`", self.name)));
        }
        if let Some(why) = flexcore_engine::pipeline::definition::not_a_url(&self.url) {
            found.push(here("url", why));
        }
        if self.secret.as_ref().is_some_and(|secret| !secret.contains("${secret:")) {
            let mistake = here("secret", "a secret stands in no file".into());
            found
                .push(mistake.hint("write ${secret:NAME}: a variable, a file of secrets.folder, or what secrets.command prints"));
        }
        let known = ["info", "warning", "critical"];
        if let Some(pattern) = self.rules.iter().find(|pattern| known.contains(&pattern.as_str())) {
            let near = nearest(pattern, known).unwrap_or_default();
            found.push(here("rules", format!("`{pattern}` is a severity, no rule")).hint(format!("severity: {near}")));
        }
        if self.timeout.0.is_zero() || self.timeout > TIMEOUT_MAX {
            found.push(here(
                "timeout",
                format!("{} is not a time for one try: more than nothing, at most {TIMEOUT_MAX}", self.timeout),
            ));
        }
        if !(1..=ATTEMPTS_MAX).contains(&self.attempts) {
            found.push(here("attempts", format!("{} tries: 1 to {ATTEMPTS_MAX}", self.attempts)));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "
rules:
  - {name: orders-wait, figure: queue.oldest_age, of: orders, above: 600, for: 2m, severity: critical}
  - {name: queue-grows, enabled: false}
webhooks:
  - {name: ops, url: 'https://ops.example/in', secret: '${secret:OPS_KEY}', severity: warning, rules: ['orders-*']}
";

    #[test]
    fn rules_are_added_to_the_defaults_or_switch_them_off() {
        let alerting = parse(GOOD).unwrap();
        let names: Vec<&str> = alerting.rules.iter().map(|rule| rule.name.as_str()).collect();
        assert!(names.contains(&"orders-wait") && names.contains(&"run-failed") && !names.contains(&"queue-grows"), "{names:?}");
        assert_eq!((alerting.webhooks[0].attempts, alerting.webhooks[0].severity), (8, Severity::Warning));
        assert_eq!(parse("webhooks: []").unwrap(), Alerting::default());
    }

    #[test]
    fn every_mistake_has_its_place_and_a_hint_where_there_is_one() {
        let bad = "
rules:
  - {name: a, figure: queue.redy, above: 1}
  - name: b
    figure: queue.ready
    abov: 1
  - {name: c, events: [run.faild], above: 1}
webhooks:
  - {name: ops, url: 'ftp://x', secret: plain, timeout: 2h, attempts: 0}
  - {name: ops, url: '${secret:URL}', rules: [critical]}
";
        let mistakes = parse(bad).unwrap_err();
        let bad = BadAlerts { path: "a.yaml".into(), mistakes };
        let told = bad.to_string();
        for part in ["a.yaml:3:", "queue.ready", "a.yaml:6:5: unknown key `abov`"] {
            assert!(told.contains(part), "`{part}` is not told:\n{told}");
        }
        let mistakes = parse(&GOOD.replace("https:", "ftp:").replace("'${secret:OPS_KEY}'", "plain")).unwrap_err();
        let told = BadAlerts { path: "a.yaml".into(), mistakes }.to_string();
        for part in ["a.yaml:6:22: ", "`ftp:`", "a secret stands in no file (write ${secret:NAME}"] {
            assert!(told.contains(part), "`{part}` is not told:\n{told}");
        }
        let mistakes = parse("rules: [{name: c, events: [run.faild], above: 1}]").unwrap_err();
        let told = BadAlerts { path: "a.yaml".into(), mistakes }.to_string();
        assert_eq!(told, "a.yaml:1:28: the engine has no event `run.faild` (did you mean `run.failed`?)");
        assert!(read(Path::new("/nowhere/a.yaml")).unwrap_err().to_string().contains("cannot be read"));
    }
}
