//! The name of a definition's content: SHA-256 over canonical JSON (keys sorted, no spaces), so that comments, order of
//! keys and spelling in YAML do not make a new revision.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Definition;
use crate::id::Revision;

/// The revision of a definition.
pub fn of(definition: &Definition) -> Revision {
    let value = serde_json::to_value(definition).expect("a definition is made of strings, numbers, lists and maps");
    let mut text = String::new();
    canonical(&value, &mut text);
    Revision(Sha256::digest(text.as_bytes()).into())
}

fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<_> = map.keys().collect();
            keys.sort_unstable();
            separated(out, '{', '}', keys, |key, out| {
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                canonical(&map[key], out);
            });
        }
        Value::Array(items) => separated(out, '[', ']', items, canonical),
        leaf => out.push_str(&leaf.to_string()),
    }
}

fn separated<T>(out: &mut String, open: char, close: char, items: impl IntoIterator<Item = T>, each: impl Fn(T, &mut String)) {
    out.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        each(item, out);
    }
    out.push(close);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_json_sorts_keys_at_every_depth() {
        let mut text = String::new();
        canonical(&serde_json::json!({"b": [1, {"z": null, "a": "ü\n"}], "a": true}), &mut text);
        assert_eq!(text, r#"{"a":true,"b":[1,{"a":"ü\n","z":null}]}"#);
    }
}
