//! A value that fits none of several forms. Listing the mistakes of all forms helps nobody, so the one is found that the
//! author most likely meant, and only its mistakes are told.

use flexcore_engine::pipeline::Mistake;

use super::{Expected, Finding};

/// The mistakes of the form that fits best, of the value at `at`.
pub(super) fn best(at: &str, branches: Vec<Vec<Finding>>) -> Vec<Finding> {
    if branches.iter().all(|branch| refuses_kind(at, branch)) {
        return vec![Finding::Expected(at.to_owned(), merged(at, branches))];
    }
    let mut fitting: Vec<_> = branches.into_iter().filter(|branch| !refuses_kind(at, branch)).collect();
    if let Some(tag) = common_tag(&fitting) {
        let expected = merged(&tag, fitting);
        return vec![Finding::Expected(tag, expected)];
    }
    if let Some(missing) = every_form_misses(at, &fitting) {
        return missing;
    }
    fitting.sort_by_key(|branch| branch.iter().map(weight).sum::<u32>());
    fitting.into_iter().next().unwrap_or_default()
}

/// Nothing of what tells the forms apart is there: all of it is offered, with the keys that no form knows.
fn every_form_misses(at: &str, branches: &[Vec<Finding>]) -> Option<Vec<Finding>> {
    let (first, rest) = branches.split_first().filter(|(_, rest)| !rest.is_empty())?;
    let missing = |branch: &Vec<Finding>| {
        branch.iter().find_map(|finding| match finding {
            Finding::Missing(mistake) if mistake.pointer == at => {
                Some(mistake.message.trim_end_matches(" is missing").to_owned())
            }
            _ => None,
        })
    };
    let mut keys: Vec<String> = branches.iter().map(missing).collect::<Option<_>>()?;
    keys.dedup();
    let unknown = first.iter().filter_map(|finding| match finding {
        Finding::Unknown(mistake) if rest.iter().all(|branch| knows_not(branch, &mistake.pointer)) => Some(mistake),
        _ => None,
    });
    let unknown: Vec<Mistake> = unknown.map(|mistake| near_one_of(&keys, mistake)).collect();
    let misspelt = unknown.iter().any(|mistake| mistake.hint.is_some());
    let unknown: Vec<Finding> = unknown.into_iter().map(Finding::Unknown).collect();
    if misspelt {
        return Some(unknown);
    }
    let message =
        if keys.len() == 1 { format!("{} is missing", keys[0]) } else { format!("one of {} is missing", keys.join(", ")) };
    Some(unknown.into_iter().chain([Finding::Missing(Mistake::at(at, message))]).collect())
}

/// The key that no form knows, with the one that is missing if it is near.
fn near_one_of(missing: &[String], unknown: &Mistake) -> Mistake {
    let given = unknown.pointer.rsplit('/').next().unwrap_or_default();
    Mistake { hint: None, ..unknown.clone() }.did_you_mean(given, missing.iter().map(|key| key.trim_matches('`')))
}

fn knows_not(branch: &[Finding], pointer: &str) -> bool {
    branch.iter().any(|finding| matches!(finding, Finding::Unknown(mistake) if mistake.pointer == pointer))
}

/// Whether this form does not even want this kind of value.
fn refuses_kind(at: &str, branch: &[Finding]) -> bool {
    branch.iter().any(|finding| matches!(finding, Finding::Expected(pointer, _) if pointer == at))
}

/// The place of a word that tells the forms apart, when the word fits none of them.
fn common_tag(branches: &[Vec<Finding>]) -> Option<String> {
    let (first, rest) = branches.split_first().filter(|(_, rest)| !rest.is_empty())?;
    let is_word_at = |finding: &Finding, place: &str| matches!(finding, Finding::Expected(pointer, expected) if pointer == place && !expected.options.is_empty());
    let mut places = first.iter().map(Finding::pointer);
    places
        .find(|place| {
            let in_branch = |branch: &Vec<Finding>| branch.iter().any(|finding| is_word_at(finding, place));
            in_branch(first) && rest.iter().all(in_branch)
        })
        .map(str::to_owned)
}

fn merged(at: &str, branches: Vec<Vec<Finding>>) -> Expected {
    let expected = branches.into_iter().flatten().filter_map(|finding| match finding {
        Finding::Expected(pointer, expected) if pointer == at => Some(expected),
        _ => None,
    });
    expected.fold(Expected::default(), Expected::or)
}

/// How much a mistake speaks against its form: a tag that is another form's most, a misspelt key least.
fn weight(finding: &Finding) -> u32 {
    match finding {
        Finding::Expected(_, expected) if expected.options.len() == 1 => 12,
        Finding::Missing(_) => 5,
        Finding::Expected(..) | Finding::Other(_) => 4,
        Finding::Unknown(mistake) if mistake.hint.as_deref().is_some_and(|hint| hint.starts_with("did you mean")) => 1,
        Finding::Unknown(_) => 2,
    }
}
