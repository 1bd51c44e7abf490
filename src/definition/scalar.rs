//! What an unquoted word of YAML 1.2 is: nothing, true or false, a number, or text. `no` and `on` are text: the schema of
//! YAML 1.1, which made them booleans, has cost people enough.

use serde_json::{Number, Value};

/// The value of an unquoted word. `Err`: what is wrong with it.
pub(super) fn plain(text: &str) -> Result<Value, String> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Ok(Value::Null),
        "true" | "True" | "TRUE" => Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => Ok(Value::Bool(false)),
        _ => number(text).unwrap_or_else(|| Ok(text.into())),
    }
}

/// `None`: not a number.
fn number(text: &str) -> Option<Result<Value, String>> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(Err(format!("JSON has no number `{text}`")));
    }
    if let Some((digits, radix)) = text.strip_prefix("0x").map(|hex| (hex, 16)).or(text.strip_prefix("0o").map(|oct| (oct, 8))) {
        let all_digits = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        return all_digits.then(|| u64::from_str_radix(digits, radix).map(Value::from).map_err(|_| too_large(text)));
    }
    if unsigned.is_empty() || !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(whole(text).ok_or_else(|| too_large(text)));
    }
    is_float(unsigned).then(|| float(text).ok_or_else(|| too_large(text)))
}

fn whole(text: &str) -> Option<Value> {
    let text = text.strip_prefix('+').unwrap_or(text);
    text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<u64>().map(Value::from)).ok()
}

fn float(text: &str) -> Option<Value> {
    Number::from_f64(text.parse().ok()?).map(Value::Number)
}

/// `1.`, `.5`, `1e3`, `1.5e-3`: digits somewhere before the exponent, and digits in it.
fn is_float(unsigned: &str) -> bool {
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa_is_good = digits(before) && digits(after) && !(before.is_empty() && after.is_empty());
    mantissa_is_good && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

fn too_large(text: &str) -> String {
    format!("the number `{}` does not fit into 64 bits", text.chars().take(60).collect::<String>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_read_by_the_core_schema_of_yaml_1_2() {
        let cases = [
            ("", json!(null)),
            ("~", json!(null)),
            ("true", json!(true)),
            ("no", json!("no")),
            ("on", json!("on")),
            ("yes", json!("yes")),
            ("5", json!(5)),
            ("-5", json!(-5)),
            ("+5", json!(5)),
            ("007", json!(7)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("0x", json!("0x")),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            ("1.", json!(1.0)),
            ("1e3", json!(1000.0)),
            ("1e", json!("1e")),
            (".", json!(".")),
            (".e1", json!(".e1")),
            (".id", json!(".id")),
            ("1.2.3", json!("1.2.3")),
            ("12:30", json!("12:30")),
            ("infinity", json!("infinity")),
            ("nan", json!("nan")),
            ("18446744073709551615", json!(u64::MAX)),
            ("-", json!("-")),
            ("1_000", json!("1_000")),
        ];
        for (text, value) in cases {
            assert_eq!(plain(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn numbers_that_json_cannot_hold_are_refused_not_rounded() {
        for text in [".inf", "-.inf", ".nan", "18446744073709551616", "-9223372036854775809", "1e999", "0xFFFFFFFFFFFFFFFFF"] {
            assert!(plain(text).is_err(), "{text}");
        }
    }
}
