//! Keys that the first FlexCore used. They are not accepted in files; whoever writes them is told today's name instead of
//! being left to guess.

use flexcore_engine::pipeline::Mistake;

use super::schema_check::UNKNOWN_KEY;

/// Old key of a step, today's key, what to write.
const OF_STEP: [(&str, &str, &str); 5] = [
    ("type", "uses", "a step's type is `uses` today"),
    ("config", "with", "a step's settings are `with` today"),
    ("depends_on", "needs", "`depends_on` is `needs` today"),
    ("max_retries", "retry", "write `retry: {attempts: …}`; the first try counts as one"),
    ("is_enabled", "enabled", "`is_enabled` is `enabled` today"),
];

/// Old key of a pipeline and what to write.
const OF_PIPELINE: [(&str, &str); 3] = [
    ("is_enabled", "leave it out: a pipeline is activated and paused by command"),
    ("max_retries", "write `retry: {attempts: …}`; the first try counts as one"),
    ("schedule", "write `triggers: [{cron: …}]`"),
];

/// Gives old keys their hint, and drops the complaint that today's key is missing where the old one stands.
pub(super) fn explained(mut mistakes: Vec<Mistake>) -> Vec<Mistake> {
    let mut explained_missing = Vec::new();
    for mistake in mistakes.iter_mut().filter(|mistake| mistake.message.starts_with(UNKNOWN_KEY)) {
        let (parent, key) = mistake.pointer.rsplit_once('/').unwrap_or_default();
        if parent.is_empty() {
            let hint = OF_PIPELINE.iter().find(|(old, _)| *old == key).map(|(_, hint)| (*hint).to_owned());
            mistake.hint = hint.or(mistake.hint.take());
        } else if let Some((_, today, hint)) = OF_STEP.iter().find(|(old, ..)| *old == key && is_step(parent)) {
            explained_missing.push((parent.to_owned(), format!("`{today}` is missing")));
            mistake.hint = Some((*hint).to_owned());
        }
    }
    mistakes
        .retain(|mistake| !explained_missing.iter().any(|(at, message)| *at == mistake.pointer && *message == mistake.message));
    mistakes
}

fn is_step(pointer: &str) -> bool {
    pointer.strip_prefix("/steps/").is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
}
