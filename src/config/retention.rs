//! How long events are kept, as people write it.

use std::collections::BTreeMap;

use flexcore_engine::{handle::may_go, unit::Duration};

/// The least age: what happened a moment ago is still being read.
const AGE_MIN: Duration = Duration::from_secs(60);
/// The most types with an age of their own.
const TYPES_MAX: usize = 64;

/// An age; nothing is none.
pub(super) fn age(text: &str) -> Result<Option<Duration>, String> {
    if text.is_empty() { Ok(None) } else { at_least_a_minute(text).map(Some) }
}

/// `TYPE=AGE`, separated by commas or spaces.
pub(super) fn types(text: &str) -> Result<Vec<(String, Duration)>, String> {
    let parts = text.split([',', ' ', '\n']).filter(|part| !part.is_empty());
    let types: BTreeMap<String, Duration> = parts.map(one).collect::<Result<_, _>>()?;
    match types.len() {
        count if count > TYPES_MAX => Err(format!("{count} types have an age; {TYPES_MAX} may have one")),
        _ => Ok(types.into_iter().collect()),
    }
}

fn one(part: &str) -> Result<(String, Duration), String> {
    let (kind, age) = part.split_once('=').ok_or_else(|| format!("`{part}` is not TYPE=AGE, like order.seen=7d"))?;
    if !may_go(kind) {
        return Err(format!(
            "events of type `{kind}` cannot go by themselves: what the engine knows is made of them; \
             retention.age_max drops them with all others"
        ));
    }
    Ok((kind.to_owned(), at_least_a_minute(age)?))
}

fn at_least_a_minute(text: &str) -> Result<Duration, String> {
    let age: Duration = text.parse().map_err(|error| format!("{error}"))?;
    if age < AGE_MIN { Err(format!("`{text}` is less than the least age, {AGE_MIN}")) } else { Ok(age) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_of_types_are_read_as_they_are_written() {
        let day = |count: u64| Duration::from_secs(count * 86_400);
        assert_eq!(types(""), Ok(Vec::new()));
        let both = vec![("command.rejected".to_owned(), day(30)), ("order.seen".to_owned(), day(7))];
        assert_eq!(types("order.seen=7d, command.rejected=30d"), Ok(both));
        assert_eq!(age(""), Ok(None));
        assert_eq!(age("90d"), Ok(Some(day(90))));
    }

    #[test]
    fn what_cannot_go_is_told_with_what_can_be_done() {
        for (text, told) in [
            ("order.seen", "`order.seen` is not TYPE=AGE"),
            ("order.seen=soon", "soon"),
            ("order.seen=5s", "least age"),
            ("run.checkpointed=1d", "retention.age_max drops them"),
        ] {
            let error = types(text).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
        assert!(age("1s").unwrap_err().contains("least age"));
    }
}
