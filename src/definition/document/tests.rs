use serde_json::json;

use super::*;

fn value(text: &str) -> Value {
    read(text).unwrap().value
}

fn mistake(text: &str) -> String {
    let placed = read(text).unwrap_err();
    format!("{}:{}: {}", placed.line, placed.column, placed.mistake)
}

#[test]
fn a_document_is_its_value_and_knows_the_places_of_keys_and_values() {
    let document = read("a: 1\nb:\n  - x\n  - {c: two}\n").unwrap();
    assert_eq!(document.value, json!({"a": 1, "b": ["x", {"c": "two"}]}));
    let placed = |pointer: &str, message: &str| {
        let placed = document.places.place(Mistake::at(pointer, message));
        (placed.line, placed.column)
    };
    assert_eq!(placed("/a", "wrong"), (1, 4));
    assert_eq!(placed("/a", "unknown key"), (1, 1));
    assert_eq!(placed("/b/0", "wrong"), (3, 5));
    assert_eq!(placed("/b/1/c", "wrong"), (4, 9));
    assert_eq!(placed("/b/1/c", "unknown key"), (4, 6));
    assert_eq!(placed("/b/1/d", "`d` is missing"), (4, 5));
    assert_eq!(placed("", "wrong"), (1, 1));
}

#[test]
fn json_is_read_as_it_is() {
    assert_eq!(value("{\"a\": [1, 2.5, null, true, \"\\u00fc\\n\"]}"), json!({"a": [1, 2.5, null, true, "ü\n"]}));
}

#[test]
fn words_that_were_booleans_once_stay_text() {
    assert_eq!(value("[no, on, yes, off, n, 'true', \"5\"]"), json!(["no", "on", "yes", "off", "n", "true", "5"]));
}

#[test]
fn an_alias_is_a_copy() {
    assert_eq!(value("a: &x {b: 1}\nc: *x"), json!({"a": {"b": 1}, "c": {"b": 1}}));
}

#[test]
fn aliases_that_multiply_are_refused_before_they_fill_the_memory() {
    let level = |level: usize| format!("a{level}: &a{level} [{}]", vec![format!("*a{}", level - 1); 10].join(", "));
    let lines: Vec<_> = ["a0: &a0 [x, x, x]".to_owned()].into_iter().chain((1..12).map(level)).collect();
    let text = lines.join("\n");
    assert!(mistake(&text).contains("the aliases of this file copy too much"), "{}", mistake(&text));
}

#[test]
fn aliases_cannot_nest_deeper_than_a_text_may() {
    let level = |level: usize| format!("a{level}: &a{level} [[*a{}]]", level - 1);
    let lines: Vec<_> = ["a0: &a0 x".to_owned()].into_iter().chain((1..200).map(level)).collect();
    let text = lines.join("\n");
    assert!(mistake(&text).contains("deeper than 64 levels"), "{}", mistake(&text));
}

#[test]
fn an_alias_inside_its_own_anchor_is_refused() {
    assert_eq!(mistake("a: &x [*x]"), "1:8: this alias stands inside of what it refers to");
}

#[test]
fn deep_nesting_is_refused_with_its_place() {
    let brackets = |count| format!("{}{}", "[".repeat(count), "]".repeat(count));
    assert_eq!(value(&brackets(64)).to_string(), brackets(64));
    assert_eq!(mistake(&brackets(65)), "1:65: lists and maps are nested deeper than 64 levels here");
    assert!(mistake(&brackets(100_000)).contains("nested deeper than 64 levels"), "{}", mistake(&brackets(100_000)));
    let block: Vec<_> = (0..100).map(|level| format!("{}a:", " ".repeat(level))).collect();
    assert_eq!(mistake(&block.join("\n")), "65:65: lists and maps are nested deeper than 64 levels here");
}

#[test]
fn a_text_that_is_too_long_is_refused_unread() {
    assert!(mistake(&"a".repeat(1 << 20)).starts_with("1:1: the text has 1024 KiB; the most is 256 KiB"));
}

#[test]
fn every_key_that_stands_twice_is_told() {
    let document = read("a: 1\nb: 2\na: 3\nb: 4\n").unwrap();
    let told: Vec<_> = document.mistakes.iter().map(|placed| (placed.line, placed.mistake.message.as_str())).collect();
    assert_eq!(told, [(3, "the key `a` stands here for the second time"), (4, "the key `b` stands here for the second time")]);
    assert_eq!(document.value, json!({"a": 1, "b": 2}));
}

#[test]
fn columns_count_characters_and_not_bytes() {
    assert_eq!(mistake("ü: äöü\0"), "1:7: a NUL character stands here; this is not a text");
}
