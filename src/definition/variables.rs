//! `${NAME}` and `${NAME:-default}` in values, filled from the environment when a file is loaded. `${secret:…}` stays as it
//! is: only a worker resolves it. A filled value is a text, whatever it looks like.

use flexcore_engine::pipeline::Mistake;
use serde_json::Value;

use super::schema_check::escaped;

/// Looks a variable up.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The longest text after filling, in bytes: a short file stays short.
const FILLED_BYTES_MAX: usize = 64 << 10;

/// The environment of this process. A variable that is not UTF-8 is as good as none.
pub fn of_process(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Fills every text in a value; collects what could not be filled.
pub fn fill(value: &mut Value, env: Environment<'_>) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    walk(value, &mut String::new(), env, &mut mistakes);
    mistakes
}

fn walk(value: &mut Value, pointer: &mut String, env: Environment<'_>, mistakes: &mut Vec<Mistake>) {
    match value {
        Value::String(text) if text.contains("${") => match filled(text, env) {
            Ok(filled) => *text = filled,
            Err(wrong) => mistakes.extend(wrong.into_iter().map(|mistake| Mistake { pointer: pointer.clone(), ..mistake })),
        },
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                within(pointer, &index.to_string(), |pointer| walk(item, pointer, env, mistakes));
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                within(pointer, key, |pointer| walk(item, pointer, env, mistakes));
            }
        }
        _ => {}
    }
}

fn within(pointer: &mut String, part: &str, work: impl FnOnce(&mut String)) {
    let length = pointer.len();
    pointer.push('/');
    pointer.push_str(&escaped(part));
    work(pointer);
    pointer.truncate(length);
}

fn filled(text: &str, env: Environment<'_>) -> Result<String, Vec<Mistake>> {
    let (mut out, mut rest, mut mistakes) = (String::with_capacity(text.len()), text, Vec::new());
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            out.push_str(&rest[..at - 1]);
            out.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        out.push_str(&rest[..at]);
        let Some(end) = rest[at..].find('}') else {
            mistakes.push(Mistake::at("", "a `${` without its `}`").hint("for a plain `${` write `$${`"));
            rest = "";
            break;
        };
        match one(&rest[at + 2..at + end], env) {
            Ok(text) => out.push_str(&text),
            Err(mistake) => mistakes.push(mistake),
        }
        rest = &rest[at + end + 1..];
    }
    out.push_str(rest);
    if out.len() > FILLED_BYTES_MAX.max(text.len()) {
        mistakes.push(Mistake::at("", format!("with its variables filled in this text is longer than {FILLED_BYTES_MAX} bytes")));
    }
    if mistakes.is_empty() { Ok(out) } else { Err(mistakes) }
}

fn one(inside: &str, env: Environment<'_>) -> Result<String, Mistake> {
    if inside.starts_with("secret:") {
        return Ok(format!("${{{inside}}}"));
    }
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    if !is_variable(name) {
        let hint = "a name has letters, digits and _; for a plain `${` write `$${`";
        return Err(Mistake::at("", format!("`${{{inside}}}` names no variable")).hint(hint));
    }
    // As in a shell: with `:-` an empty variable counts as none.
    let found = env(name).filter(|text| default.is_none() || !text.is_empty());
    found.or_else(|| default.map(str::to_owned)).ok_or_else(|| {
        Mistake::at("", format!("the variable `{name}` is not set")).hint(format!("set it, or give a default: ${{{name}:-…}}"))
    })
}

fn is_variable(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "HOST" => Some("db.local".into()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn variables_are_filled_defaults_stand_in_and_secrets_stay() {
        let cases = [
            ("${HOST}", "db.local"),
            ("a ${HOST}:${PORT:-5432} b", "a db.local:5432 b"),
            ("${EMPTY}", ""),
            ("${EMPTY:-x}", "x"),
            ("${NONE:-}", ""),
            ("$${HOST}", "${HOST}"),
            ("$HOST $ {", "$HOST $ {"),
            ("${secret:PG}/${HOST}", "${secret:PG}/db.local"),
        ];
        for (text, expected) in cases {
            let mut value = json!({"a": [text]});
            assert_eq!(fill(&mut value, &env), [], "{text}");
            assert_eq!(value, json!({"a": [expected]}), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_filled_is_told_with_its_place() {
        let mut value = json!({"a/b": ["${NONE} ${OTHER}"], "c": "${1}", "d": "${HOST"});
        let told: Vec<_> = fill(&mut value, &env).iter().map(|mistake| format!("{} {mistake}", mistake.pointer)).collect();
        assert_eq!(
            told,
            [
                "/a~1b/0 the variable `NONE` is not set (set it, or give a default: ${NONE:-…})",
                "/a~1b/0 the variable `OTHER` is not set (set it, or give a default: ${OTHER:-…})",
                "/c `${1}` names no variable (a name has letters, digits and _; for a plain `${` write `$${`)",
                "/d a `${` without its `}` (for a plain `${` write `$${`)",
            ]
        );
    }
}
