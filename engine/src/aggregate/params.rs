//! The parameters of a run, checked against the definition before the run exists: a wrong one must not cost an attempt.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Rejection;
use crate::pipeline::{
    definition::{Param, ParamFormat, ParamType},
    mistake::nearest,
};

/// The parameters as a run sees them: what was given, and defaults for the rest.
pub fn checked(declared: &BTreeMap<String, Param>, given: &Map<String, Value>) -> Result<Map<String, Value>, Rejection> {
    if let Some(name) = given.keys().find(|name| !declared.contains_key(*name)) {
        return Err(bad(name, unknown(declared, name)));
    }
    declared.iter().map(|(name, param)| Ok((name.clone(), value(name, param, given.get(name))?))).collect()
}

fn value(name: &str, param: &Param, given: Option<&Value>) -> Result<Value, Rejection> {
    let Some(value) = given.or(param.default.as_ref()) else {
        return Err(bad(name, format!("must be given: {}", wanted(param))));
    };
    if fits(param, value) {
        return Ok(value.clone());
    }
    Err(bad(name, format!("must be {}, not {}", wanted(param), clipped(value))))
}

fn fits(param: &Param, value: &Value) -> bool {
    let type_fits = match param.kind {
        ParamType::String => value.is_string(),
        ParamType::Number => value.is_number(),
        ParamType::Integer => value.is_i64() || value.is_u64(),
        ParamType::Boolean => value.is_boolean(),
    };
    let text = value.as_str().unwrap_or_default();
    type_fits
        && match param.format {
            None => true,
            Some(ParamFormat::DateTime) => text.parse::<jiff::Timestamp>().is_ok(),
            Some(ParamFormat::Date) => text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok(),
        }
}

fn wanted(param: &Param) -> &'static str {
    match (param.kind, param.format) {
        (_, Some(ParamFormat::DateTime)) => "a moment like \"2026-01-31T12:00:00Z\"",
        (_, Some(ParamFormat::Date)) => "a date like \"2026-01-31\"",
        (ParamType::String, None) => "a string",
        (ParamType::Number, None) => "a number",
        (ParamType::Integer, None) => "a whole number",
        (ParamType::Boolean, None) => "true or false",
    }
}

fn unknown(declared: &BTreeMap<String, Param>, name: &str) -> String {
    let known: Vec<&str> = declared.keys().map(String::as_str).collect();
    match nearest(name, known.iter().copied()) {
        Some(word) => format!("is not one of this pipeline; did you mean `{word}`?"),
        None if known.is_empty() => "is not one of this pipeline; it has none".into(),
        None => format!("is not one of this pipeline; it has {}", known.join(", ")),
    }
}

fn clipped(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 60 { text } else { text.chars().take(60).chain(['…']).collect() }
}

fn bad(param: &str, reason: String) -> Rejection {
    Rejection::BadParam { param: param.into(), reason }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn declared() -> BTreeMap<String, Param> {
        serde_json::from_value(json!({
            "since": {"type": "string", "format": "date-time", "default": "1970-01-01T00:00:00Z"},
            "day": {"type": "string", "format": "date"},
            "limit": {"type": "integer", "default": 5},
            "ratio": {"type": "number", "default": 0.5},
            "full": {"type": "boolean", "default": false},
        }))
        .unwrap()
    }

    fn check(given: &Value) -> Result<Map<String, Value>, String> {
        checked(&declared(), given.as_object().unwrap()).map_err(|rejection| rejection.to_string())
    }

    #[test]
    fn what_is_not_given_has_its_default() {
        let all = check(&json!({"day": "2026-01-31", "limit": 7})).unwrap();
        let expected = json!({"since": "1970-01-01T00:00:00Z", "day": "2026-01-31", "limit": 7, "ratio": 0.5, "full": false});
        assert_eq!(Value::Object(all), expected);
    }

    #[test]
    fn a_wrong_parameter_is_named_with_what_would_be_right() {
        let cases = [
            (json!({}), "parameter `day`: must be given: a date like \"2026-01-31\""),
            (json!({"day": "31.1.2026"}), "parameter `day`: must be a date like \"2026-01-31\", not \"31.1.2026\""),
            (json!({"day": "2026-01-31", "limit": 1.5}), "parameter `limit`: must be a whole number, not 1.5"),
            (json!({"day": "2026-01-31", "full": "yes"}), "parameter `full`: must be true or false, not \"yes\""),
            (json!({"day": "2026-01-31", "sinse": 1}), "parameter `sinse`: is not one of this pipeline; did you mean `since`?"),
        ];
        for (given, message) in cases {
            assert_eq!(check(&given).unwrap_err(), message);
        }
    }
}
