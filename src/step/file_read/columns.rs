//! Columns of a csv file: their names as JSON keys, their values as the types that the author gave. Nothing is guessed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::step::json::write_str;

/// What the values of a column become. Empty values become null, but for text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::step) enum ColumnType {
    /// As it is.
    String,
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// true or false.
    Boolean,
}

/// The columns of one file.
pub(super) struct Columns {
    columns: Vec<Column>,
}

struct Column {
    name: String,
    /// `"name":`
    key: Vec<u8>,
    kind: ColumnType,
}

impl Columns {
    /// Checks names and types against each other.
    pub(super) fn new(names: Vec<String>, types: &BTreeMap<String, ColumnType>) -> Result<Self, String> {
        if let Some(unknown) = types.keys().find(|key| !names.contains(key)) {
            let names = names.join(", ");
            return Err(format!("`types` names the column `{unknown}`, which is not there: it has {names}"));
        }
        for (index, name) in names.iter().enumerate() {
            if names[..index].contains(name) {
                return Err(format!("the column `{name}` is there twice"));
            }
        }
        let column = |name: String| {
            let mut key = Vec::new();
            write_str(&mut key, &name);
            key.push(b':');
            Column { kind: types.get(&name).copied().unwrap_or(ColumnType::String), key, name }
        };
        Ok(Self { columns: names.into_iter().map(column).collect() })
    }

    /// One row as a JSON object.
    pub(super) fn object(&self, row: &csv::ByteRecord) -> Result<Vec<u8>, String> {
        if row.len() != self.columns.len() {
            return Err(format!("the row has {} values, the header {}", row.len(), self.columns.len()));
        }
        let mut out = Vec::with_capacity(row.as_slice().len() * 2);
        out.push(b'{');
        for (index, (column, value)) in self.columns.iter().zip(row).enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&column.key);
            let text = std::str::from_utf8(value).map_err(|_| format!("`{}` is not UTF-8", column.name))?;
            column.write(&mut out, text)?;
        }
        out.push(b'}');
        Ok(out)
    }
}

impl Column {
    fn write(&self, out: &mut Vec<u8>, text: &str) -> Result<(), String> {
        let (trimmed, wrong) = (text.trim(), |what| format!("`{}` is `{text}`, not {what}", self.name));
        match self.kind {
            ColumnType::String => write_str(out, text),
            _ if trimmed.is_empty() => out.extend_from_slice(b"null"),
            ColumnType::Number => out.extend_from_slice(number(trimmed).ok_or_else(|| wrong("a number"))?.as_bytes()),
            ColumnType::Integer => {
                let integer: i64 = trimmed.parse().map_err(|_| wrong("a whole number"))?;
                out.extend_from_slice(integer.to_string().as_bytes());
            }
            ColumnType::Boolean => {
                let flag = boolean(trimmed).ok_or_else(|| wrong("true or false"))?;
                out.extend_from_slice(flag.to_string().as_bytes());
            }
        }
        Ok(())
    }
}

/// The number as JSON: as written where that is JSON already, so that no digit is lost.
fn number(text: &str) -> Option<String> {
    if serde_json::from_str::<serde_json::Number>(text).is_ok() {
        return Some(text.to_owned());
    }
    text.parse().ok().and_then(serde_json::Number::from_f64).map(|number| number.to_string())
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits_and_are_always_json() {
        for (text, json) in [("1.10", "1.10"), ("-0.5e3", "-0.5e3"), ("+7", "7.0"), (".5", "0.5"), ("007", "7.0")] {
            assert_eq!(number(text).as_deref(), Some(json), "{text}");
        }
        for bad in ["abc", "NaN", "inf", "1,5", "0x10", "1e999"] {
            assert_eq!(number(bad), None, "{bad}");
        }
    }
}
