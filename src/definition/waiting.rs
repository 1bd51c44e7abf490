//! Keys that pipeline files of other installations may have and that mean nothing here: told as what they are, because
//! "unknown" would send an author looking for a misspelling.

use flexcore_engine::pipeline::Mistake;

use super::schema_check::UNKNOWN_KEY;

/// Triggers that are not there.
const TRIGGERS: [&str; 5] = ["event", "queue", "http", "webhook", "file"];

const NO_TRIGGER: &str = "there is no such trigger";

/// Says it in other words where such a key was found.
pub(super) fn explained(mistakes: Vec<Mistake>) -> Vec<Mistake> {
    let mut explained: Vec<Mistake> = mistakes.into_iter().map(in_words).collect();
    // "One of `cron`, `interval` is missing" follows from a trigger that is not there.
    let told: Vec<String> = explained.iter().filter_map(absent_trigger).collect();
    explained.retain(|mistake| !told.contains(&mistake.pointer));
    explained
}

fn in_words(mistake: Mistake) -> Mistake {
    if !mistake.message.starts_with(UNKNOWN_KEY) {
        return mistake;
    }
    let parts: Vec<&str> = mistake.pointer.split('/').skip(1).collect();
    match parts[..] {
        ["steps", _, "limits"] => Mistake::at(
            &mistake.pointer,
            format!("{UNKNOWN_KEY} `limits`: it bounds the code of a plugin, and no step type here runs one"),
        )
        .hint("leave `limits` out; `timeout` bounds the time of any step"),
        ["triggers", _, kind] if TRIGGERS.contains(&kind) => {
            Mistake::at(&mistake.pointer, format!("{UNKNOWN_KEY} `{kind}`: {NO_TRIGGER}"))
                .hint("there are `cron` and `interval`; a run is also started by hand")
        }
        _ => mistake,
    }
}

fn absent_trigger(mistake: &Mistake) -> Option<String> {
    let (trigger, _) = mistake.pointer.rsplit_once('/')?;
    mistake.message.ends_with(NO_TRIGGER).then(|| trigger.to_owned())
}
