use proptest::prelude::*;
use ratatui::{buffer::Buffer, layout::Rect};

use super::*;
use crate::widget::{Look, ink::rows};

const EVENT: &str = r#"{"step":{"name":"test","exit_code":101},"log":["a","b"],"ok":true,"odd key":null,"":[]}"#;

fn tree(text: &str) -> JsonTree {
    JsonTree::new(Bytes::copy_from_slice(text.as_bytes()))
}

fn drawn(tree: &JsonTree, width: u16, height: u16) -> Vec<String> {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    tree.render(&mut buffer, Rect::new(0, 0, width, height), &Look::default(), true);
    rows(&buffer)
}

fn go(tree: &mut JsonTree, row: usize) {
    tree.window().0.select(row);
}

#[test]
fn a_small_text_is_open_and_its_values_are_aligned() {
    let expected = [
        "▾ {5}",
        "  ▾ step    {2}",
        "      name      \"test\"",
        "      exit_code 101",
        "  ▾ log     [2]",
        "      0 \"a\"",
        "      1 \"b\"",
        "    ok      true",
        "    odd key null",
        "            [0]",
        ".                               1 of 10",
    ];
    assert_eq!(drawn(&tree(EVENT), 39, 11), expected);
}

#[test]
fn folding_hides_what_is_inside_and_shows_how_it_begins() {
    let mut tree = tree(EVENT);
    go(&mut tree, 1);
    tree.fold();
    assert_eq!(drawn(&tree, 40, 4)[1], "  ▸ step    {2} {\"name\":\"test\",\"exit_co…");
    tree.fold();
    assert_eq!(tree.path(), ".");
    tree.toggle_all();
    assert_eq!(drawn(&tree, 40, 9)[2], "  ▸ log     [2] [\"a\",\"b\"]");
    tree.toggle_all();
    assert_eq!(tree.window().1, 10);
}

#[test]
fn the_path_is_one_that_jq_understands() {
    let mut tree = tree(EVENT);
    for (row, path) in [(0, "."), (3, ".step.exit_code"), (6, ".log[1]"), (8, ".[\"odd key\"]"), (9, ".[\"\"]")] {
        go(&mut tree, row);
        assert_eq!(tree.path(), path);
    }
    let mut list = JsonTree::of_items([&b"{\"a\":1}"[..], b"2"]);
    go(&mut list, 2);
    assert_eq!(list.path(), ".[0].a");
}

#[test]
fn strings_are_copied_as_text_and_the_rest_as_json() {
    let mut tree = tree(r#"{"a":"x\n\"yé","b":{"c": 1}}"#);
    go(&mut tree, 1);
    assert_eq!(tree.value(), "x\n\"yé");
    go(&mut tree, 2);
    assert_eq!(tree.value(), r#"{"c": 1}"#);
}

#[test]
fn escapes_and_half_surrogates_are_shown_and_not_obeyed() {
    let tree = tree(r#"["\u001b[2J","\ud800x","\ud83d\ude00","a\u202eb"]"#);
    let shown = drawn(&tree, 30, 6);
    assert_eq!(&shown[1..5], ["    0 \"␛[2J\"", "    1 \"⟨U+D800⟩x\"", "    2 \"😀\"", "    3 \"a⟨U+202E⟩b\""]);
}

#[test]
fn what_is_not_json_is_shown_as_lines_with_a_note() {
    let tree = tree("oops: {\nsecond");
    assert_eq!(drawn(&tree, 44, 4), ["oops: {", "second", "", "not JSON: expected a value at byte 0  1 of 2"]);
    for bad in ["", "{", "[1,", "\"abc", "{\"a\" 1}", "1 2", "{\"a\":\"\\", "tru", "[}"] {
        assert!(self::tree(bad).note().is_some_and(|note| note.starts_with("not JSON")), "{bad}");
    }
}

#[test]
fn a_search_opens_what_hides_the_hit() {
    let mut tree = tree(EVENT);
    tree.toggle_all();
    assert!(tree.search("EXIT"));
    assert_eq!(tree.path(), ".step.exit_code");
    assert!(tree.search("B"));
    assert_eq!(tree.path(), ".log[1]");
    assert!(!tree.search("nothing like this"));
    tree.search("a");
    let first = tree.path();
    assert!(tree.next_hit(true));
    assert_ne!(tree.path(), first);
    assert!(tree.next_hit(false));
    assert_eq!(tree.path(), first);
}

#[test]
fn a_large_text_opens_folded_and_says_what_it_leaves_out() {
    let text = format!("[{}]", vec![r#"{"id":1,"tags":["a","b"]}"#; 40_000].join(","));
    let mut tree = tree(&text);
    assert!(tree.note().unwrap().starts_with("cut: the first 100000 values"));
    assert_eq!(tree.window().1, 20_001);
    assert_eq!(drawn(&tree, 60, 3)[1], "  ▸     0 {2} {\"id\":1,\"tags\":[\"a\",\"b\"]}");
}

#[test]
fn a_deep_text_does_not_overflow_our_stack() {
    let text = "[".repeat(70_000) + &"]".repeat(70_000);
    let tree = tree(&text);
    assert_eq!(tree.note(), None);
    drawn(&tree, 20, 5);
}

proptest! {
    #[test]
    fn anything_can_be_opened_drawn_and_walked(text in "[\\[\\]{}\":,0-9a-z\\\\ ]{0,60}|\\PC*", width in 0_u16..40, height in 0_u16..9) {
        let mut tree = tree(&text);
        for step in 0..12_usize {
            drawn(&tree, width, height);
            match step % 4 {
                0 => tree.unfold(),
                1 => tree.fold(),
                2 => { let (window, len) = tree.window(); window.step(3, len); }
                _ => { tree.search("a"); tree.next_hit(false); tree.toggle_all(); }
            }
            let _ = (tree.path(), tree.value());
        }
    }

    #[test]
    fn every_valid_json_text_is_understood(numbers in prop::collection::vec(any::<f64>(), 0..5), text in any::<String>()) {
        let value = serde_json::json!({"n": numbers, "t": text, (text.clone()): {"deep": [text.clone()]}});
        let tree = tree(&serde_json::to_string_pretty(&value).unwrap());
        prop_assert_eq!(tree.note(), None);
    }
}
