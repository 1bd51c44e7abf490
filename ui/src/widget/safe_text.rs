//! Text from outside, made harmless. A pull request's title can hold an escape sequence, a log line a bidi override that
//! swaps what the operator reads: here they become visible signs of known width instead of commands to the terminal.

use std::{borrow::Cow, fmt::Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The most combining marks kept on one character: floods of them cover other lines.
const MARKS_MAX: usize = 2;

/// One line of harmless text: control characters as `␛`, what would be invisible as `⟨U+202E⟩`.
pub fn safe(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) || text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut marks = 0;
    for c in text.chars() {
        marks = if is_mark(c) { marks + 1 } else { flush_marks(marks, &mut out) };
        if marks <= MARKS_MAX {
            push_safe(c, &mut out);
        }
    }
    flush_marks(marks, &mut out);
    Cow::Owned(out)
}

/// Like [`safe`] for bytes that may not be UTF-8: other bytes become `⟨xFF⟩`.
pub fn safe_bytes(bytes: &[u8]) -> String {
    bytes.utf8_chunks().fold(String::new(), |mut out, chunk| {
        out.push_str(&safe(chunk.valid()));
        chunk.invalid().iter().for_each(|byte| put(&mut out, format_args!("⟨x{byte:02X}⟩")));
        out
    })
}

/// Harmless lines of a text of several lines. Tabs become spaces up to the next multiple of four.
pub fn safe_lines(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().map(|line| if line.contains('\t') { safe(&expand_tabs(line)).into_owned() } else { safe(line).into_owned() })
}

/// What may go to a clipboard: nothing in it can make a shell execute a paste.
pub fn for_clipboard(text: &str) -> String {
    let kept = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    kept.filter(|c| !is_hidden(*c)).collect::<String>().trim_end().to_owned()
}

/// Columns that a harmless text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Harmless text of at most `columns`, its end replaced by `…` when it is longer.
pub fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    // Nothing further than this can be seen, however long the text is: each column shows one character and few marks.
    let reach = (columns + 1) * (1 + MARKS_MAX);
    let near = text.char_indices().nth(reach).map_or(text, |(end, _)| &text[..end]);
    let whole = safe(near);
    if near.len() == text.len() && whole.width() <= columns {
        return whole;
    }
    let (kept, _) = take_columns(&whole, columns.saturating_sub(1));
    Cow::Owned(if columns == 0 { String::new() } else { format!("{kept}…") })
}

/// Harmless text of at most `columns`, its beginning replaced by `…` when it is longer: the end of a path says more.
pub fn cut_start(text: &str, columns: usize) -> Cow<'_, str> {
    let whole = safe(text);
    let mut over = whole.width();
    if over <= columns {
        return whole;
    }
    let mut kept = whole.char_indices();
    let wanted = columns.saturating_sub(1);
    while over > wanted {
        let Some((_, c)) = kept.next() else { break };
        over -= char_width(c).min(over);
    }
    Cow::Owned(if columns == 0 { String::new() } else { format!("…{}", kept.as_str()) })
}

/// Harmless text of exactly `columns`: cut or filled up with spaces at its end.
pub fn fit(text: &str, columns: usize) -> String {
    let mut out = cut(text, columns).into_owned();
    let missing = columns.saturating_sub(out.width());
    out.extend(std::iter::repeat_n(' ', missing));
    out
}

/// Like [`fit`], with the spaces before the text.
pub fn fit_right(text: &str, columns: usize) -> String {
    let kept = cut(text, columns);
    format!("{}{kept}", " ".repeat(columns.saturating_sub(kept.width())))
}

/// The beginning of a harmless text that fits, and the rest.
pub fn take_columns(text: &str, columns: usize) -> (&str, &str) {
    let mut used = 0;
    let end = text.char_indices().find(|(_, c)| {
        used += char_width(*c);
        used > columns
    });
    text.split_at(end.map_or(text.len(), |(index, _)| index))
}

fn expand_tabs(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + 8);
    for piece in line.split_inclusive('\t') {
        out.push_str(piece.trim_end_matches('\t'));
        if piece.ends_with('\t') {
            out.extend(std::iter::repeat_n(' ', 4 - out.width() % 4));
        }
    }
    out
}

fn char_width(c: char) -> usize {
    c.width().unwrap_or(0)
}

fn push_safe(c: char, out: &mut String) {
    match c {
        '\0'..='\x1f' => out.push(char::from_u32(0x2400 + u32::from(c)).expect("the control pictures begin there")),
        '\x7f' => out.push('␡'),
        // They only choose between two pictures of the same character, and terminals disagree about the width of one.
        '\u{fe00}'..='\u{fe0f}' => {}
        c if c.is_control() || is_hidden(c) => put(out, format_args!("⟨U+{:04X}⟩", u32::from(c))),
        c => out.push(c),
    }
}

/// Says how many marks were left out after the ones that were kept; gives the new count.
fn flush_marks(marks: usize, out: &mut String) -> usize {
    if marks > MARKS_MAX {
        put(out, format_args!("⟨+{}⟩", marks - MARKS_MAX));
    }
    0
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a string does not fail");
}

fn is_plain(c: char) -> bool {
    !c.is_control() && !is_mark(c) && !is_hidden(c)
}

fn is_mark(c: char) -> bool {
    !c.is_control() && !is_hidden(c) && c.width() == Some(0)
}

/// Characters that change what is seen without being seen: bidi controls, zero-width characters, fillers, tags, line
/// separators and what is not a character at all.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn controls_escapes_and_bidi_overrides_become_visible() {
        let table = [
            ("plain", "plain"),
            ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
            ("a\tb\nc\rd", "a␉b␊c␍d"),
            ("\x7f\u{9b}31m", "␡⟨U+009B⟩31m"),
            ("user\u{202e}txt.exe", "user⟨U+202E⟩txt.exe"),
            ("zero\u{200b}width\u{feff}", "zero⟨U+200B⟩width⟨U+FEFF⟩"),
            ("line\u{2028}separator", "line⟨U+2028⟩separator"),
            ("tag\u{e0041}", "tag⟨U+E0041⟩"),
            ("heart\u{2764}\u{fe0f}", "heart\u{2764}"),
            ("São Paulo, 東京", "São Paulo, 東京"),
        ];
        for (given, expected) in table {
            assert_eq!(safe(given), expected);
        }
    }

    #[test]
    fn harmless_text_is_not_copied() {
        assert!(matches!(safe("São Paulo, 東京"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_flood_of_combining_marks_is_counted_instead_of_drawn() {
        let flood = format!("a{}b", "\u{301}".repeat(500));
        assert_eq!(safe(&flood), "a\u{301}\u{301}⟨+498⟩b");
        assert_eq!(safe("e\u{301}"), "e\u{301}");
    }

    #[test]
    fn bytes_that_are_not_text_are_shown_as_numbers() {
        assert_eq!(safe_bytes(b"ok \xff\xfe\x1b"), "ok ⟨xFF⟩⟨xFE⟩␛");
    }

    #[test]
    fn long_text_is_cut_by_columns_and_not_by_bytes() {
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("abcd", 4), "abcd");
        assert_eq!(cut("東京都", 4), "東…");
        assert_eq!(cut("abc", 0), "");
        assert_eq!(cut_start("/var/log/app.log", 8), "…app.log");
        assert_eq!(fit("ab", 4), "ab  ");
        assert_eq!(fit_right("7", 3), "  7");
        assert_eq!(fit("東京", 3), "東…");
    }

    #[test]
    fn a_megabyte_in_one_line_is_cut_without_looking_at_all_of_it() {
        let long = "\u{301}\x1b".repeat(1 << 20);
        assert_eq!(cut(&long, 10).width(), 10);
    }

    #[test]
    fn what_is_copied_cannot_execute_when_pasted() {
        assert_eq!(for_clipboard("rm -rf /\n\x1b[A\u{202e}x\r\n"), "rm -rf /  [Ax");
    }

    #[test]
    fn tabs_in_several_lines_become_spaces() {
        assert_eq!(safe_lines("a\tb\n\tc").collect::<Vec<_>>(), ["a   b", "    c"]);
    }

    proptest! {
        #[test]
        fn nothing_that_commands_a_terminal_is_left(text in any::<String>(), columns in 0_usize..50) {
            let shown = cut(&text, columns).into_owned();
            prop_assert!(!shown.chars().any(|c| c.is_control() || is_hidden(c)), "{shown:?}");
            prop_assert!(shown.width() <= columns);
            prop_assert_eq!(fit(&text, columns).width(), columns);
            prop_assert!(cut_start(&text, columns).width() <= columns);
        }
    }
}
