//! What is different between records that were expected and records that were found. The order of keys does not matter;
//! `2` and `2.0` are the same number.

use serde_json::Value;

/// The most lines about one list.
const LINES_MAX: usize = 12;
/// The longest value that is shown, in characters.
const VALUE_CHARS_MAX: usize = 120;

/// Compares two lists of records.
pub(super) fn of_records(expected: &[Value], found: &[Value]) -> Vec<String> {
    let mut lines = Vec::new();
    if expected.len() != found.len() {
        lines.push(format!("expected {} records, found {}", expected.len(), found.len()));
    }
    for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
        compare(&format!("record {}", index + 1), expected, found, &mut lines);
    }
    let missing = expected.iter().enumerate().skip(found.len());
    lines.extend(missing.map(|(index, record)| format!("record {} is missing: {}", index + 1, shown(record))));
    let extra = found.iter().enumerate().skip(expected.len());
    lines.extend(extra.map(|(index, record)| format!("record {} was not expected: {}", index + 1, shown(record))));
    if lines.len() > LINES_MAX {
        let more = lines.len() - LINES_MAX;
        lines.truncate(LINES_MAX);
        lines.push(format!("and {more} more"));
    }
    lines
}

/// Compares a number of records with the records.
pub(super) fn of_count(expected: &Value, found: &[Value]) -> Vec<String> {
    if same(expected, &found.len().into()) {
        return Vec::new();
    }
    let records = found.iter().take(3).map(|record| format!("found: {}", shown(record)));
    [format!("expected {}, found {}", shown(expected), found.len())].into_iter().chain(records).collect()
}

fn compare(at: &str, expected: &Value, found: &Value, lines: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(left), Value::Object(right)) => {
            for (key, value) in left {
                match right.get(key) {
                    Some(other) => compare(&format!("{at} .{key}"), value, other, lines),
                    None => lines.push(format!("{at} .{key}: expected {}, found nothing", shown(value))),
                }
            }
            let extra = right.iter().filter(|(key, _)| !left.contains_key(*key));
            lines.extend(extra.map(|(key, value)| format!("{at} .{key}: not expected, found {}", shown(value))));
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (value, other)) in left.iter().zip(right).enumerate() {
                compare(&format!("{at}[{index}]"), value, other, lines);
            }
        }
        _ if same(expected, found) => {}
        _ => lines.push(format!("{at}: expected {}, found {}", shown(expected), shown(found))),
    }
}

fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => a == b || (a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64(),
        _ => left == right,
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn records_that_mean_the_same_do_not_differ() {
        let lines = of_records(&[json!({"a": 1, "b": [2.0]})], &[json!({"b": [2], "a": 1.0})]);
        assert_eq!(lines, [""; 0]);
    }

    #[test]
    fn each_difference_is_told_with_its_path() {
        let expected = [json!({"a": {"b": 1}, "c": [1, 2], "d": "x"}), json!(1)];
        let found = [json!({"a": {"b": 2}, "c": [1, 3], "e": null})];
        assert_eq!(
            of_records(&expected, &found),
            [
                "expected 2 records, found 1",
                "record 1 .a .b: expected 1, found 2",
                "record 1 .c[1]: expected 2, found 3",
                "record 1 .d: expected \"x\", found nothing",
                "record 1 .e: not expected, found null",
                "record 2 is missing: 1",
            ]
        );
    }

    #[test]
    fn a_count_that_is_wrong_is_told_with_the_first_records() {
        assert_eq!(of_count(&json!(2), &[json!(1), json!(2)]), [""; 0]);
        assert_eq!(of_count(&json!(0), &[json!({"a": 1})]), ["expected 0, found 1", "found: {\"a\":1}"]);
    }

    #[test]
    fn many_differences_are_cut() {
        let expected: Vec<Value> = (0..50).map(Value::from).collect();
        let lines = of_records(&expected, &[]);
        assert_eq!((lines.len(), lines[LINES_MAX].as_str()), (LINES_MAX + 1, "and 39 more"));
    }
}
