//! Who is told elsewhere of what happens to a pipeline, as its author wrote it. The engine only knows it; the shell tells.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::Mistake;

/// The most entries of one pipeline.
pub const NOTIFY_MAX: usize = 8;

/// When who is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// When.
    pub on: Vec<Occasion>,
    /// Who.
    pub webhook: PipelineWebhook,
}

/// When somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Occasion {
    /// A run failed for good.
    #[serde(rename = "run.failed")]
    Failed,
    /// A run succeeded after one that failed.
    #[serde(rename = "run.recovered")]
    Recovered,
    /// Ticks of its schedule passed without a run, because nothing worked then.
    #[serde(rename = "schedule.missed")]
    Missed,
    /// The rule `dead-letters` is raised for it.
    #[serde(rename = "dead_letters.threshold")]
    DeadLetters,
}

impl Occasion {
    /// As in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failed => "run.failed",
            Self::Recovered => "run.recovered",
            Self::Missed => "schedule.missed",
            Self::DeadLetters => "dead_letters.threshold",
        }
    }
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PipelineWebhook {
    /// Where to; http or https. It may be, or hold, `${secret:…}`.
    pub url: String,
    /// What it is signed with, as `${secret:…}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl Notify {
    pub(crate) fn mistakes(all: &[Self]) -> Vec<Mistake> {
        let mut found = Vec::new();
        if all.len() > NOTIFY_MAX {
            found.push(Mistake::at("/notify", format!("{} entries: at most {NOTIFY_MAX}", all.len())));
        }
        for (at, notify) in all.iter().enumerate() {
            if notify.on.is_empty() {
                let mistake = Mistake::at(format!("/notify/{at}/on"), "it does not say when");
                found.push(mistake.hint("run.failed, run.recovered, schedule.missed or dead_letters.threshold"));
            }
            if let Some(why) = not_a_url(&notify.webhook.url) {
                found.push(Mistake::at(format!("/notify/{at}/webhook/url"), why));
            }
            if notify.webhook.secret.as_ref().is_some_and(|secret| !secret.contains("${secret:")) {
                let mistake = Mistake::at(format!("/notify/{at}/webhook/secret"), "a secret stands in no file");
                found.push(mistake.hint("write ${secret:NAME}"));
            }
        }
        found
    }
}

/// Why a text is no address to send to; one that is held in a secret is not known yet. The text itself is not told: it may
/// hold a password.
pub fn not_a_url(text: &str) -> Option<String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    if text.starts_with("${secret:") || host.is_some_and(|host| !host.is_empty() && !host.starts_with('/')) {
        return None;
    }
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    Some(format!("the URL begins with `{scheme}:`, not with http:// or https:// and a host"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_told_is_said_at_its_place() {
        let read = |text: &str| serde_json::from_str::<Vec<Notify>>(text).unwrap();
        let good = r#"[{"on": ["run.failed", "run.recovered"], "webhook": {"url": "${secret:URL}", "secret": "${secret:KEY}"}}]"#;
        assert_eq!(Notify::mistakes(&read(good)), []);
        let bad = r#"[{"on": [], "webhook": {"url": "mailto://x", "secret": "plain"}}]"#;
        let pointers: Vec<String> = Notify::mistakes(&read(bad)).into_iter().map(|mistake| mistake.pointer).collect();
        assert_eq!(pointers, ["/notify/0/on", "/notify/0/webhook/url", "/notify/0/webhook/secret"]);
        let many = vec![read(good)[0].clone(); NOTIFY_MAX + 1];
        assert_eq!(Notify::mistakes(&many)[0].message, "9 entries: at most 8");
    }
}
