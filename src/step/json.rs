//! What counts as a record: JSON text of bounded depth. Everything that comes from outside passes through here once, so
//! that what stands behind may trust a record.

use std::fmt;

use bytes::Bytes;
use flexcore_engine::port::step::{Origin, Record, RecordError};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// The deepest nesting of a record: what `serde_json` reads.
pub(crate) const DEPTH_MAX: usize = 127;
/// How much of a text that is no record is kept to show.
const EXCERPT_BYTES_MAX: usize = 16 << 10;

/// Whether the text is one JSON value that every reader behind can read.
pub(crate) fn check(text: &[u8]) -> Result<(), String> {
    match serde_json::from_slice::<Walked>(text) {
        Ok(Walked) => Ok(()),
        Err(error) => Err(explain(&error)),
    }
}

fn explain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text);
    match (error.line(), error.column()) {
        (_, 0) => format!("not JSON: {what}"),
        (1, column) => format!("not JSON: {what} at column {column}"),
        (line, column) => format!("not JSON: {what} at line {line}, column {column}"),
    }
}

/// The text as it can be kept: JSON as it is, anything else as a JSON string of its beginning.
pub(crate) fn excerpt(text: &[u8]) -> Bytes {
    let cut = &text[..text.len().min(EXCERPT_BYTES_MAX)];
    serde_json::Value::from(String::from_utf8_lossy(cut)).to_string().into()
}

/// Input that is not a record, with the reason.
pub(crate) fn rejected(text: &[u8], origin: Origin, message: impl Into<String>) -> (Record, RecordError) {
    (Record { json: excerpt(text), origin }, RecordError { message: message.into(), retryable: false })
}

/// Writes a string as JSON.
pub(crate) fn write_str(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("writing to memory does not fail");
}

/// Removes white space between tokens: a record has no line feed.
pub(crate) fn compact(text: &[u8]) -> Vec<u8> {
    let (mut out, mut in_text, mut escaped) = (Vec::with_capacity(text.len()), false, false);
    for &byte in text {
        if in_text || !byte.is_ascii_whitespace() {
            out.push(byte);
        }
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ => {}
        }
    }
    out
}

/// Whether JSON text is nested deeper than so many levels. Looks closely only where there are many brackets at all.
pub(crate) fn depth_exceeds(text: &[u8], levels: usize) -> bool {
    if memchr::memchr2_iter(b'[', b'{', text).nth(levels).is_none() {
        return false;
    }
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for &byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > levels {
            return true;
        }
    }
    false
}

/// A value that was read and found good, and not kept. Unlike `IgnoredAny` it looks at UTF-8, escapes and depth.
struct Walked;

impl<'de> Deserialize<'de> for Walked {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(Walk)
    }
}

struct Walk;

impl<'de> Visitor<'de> for Walk {
    type Value = Walked;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Walked, E> {
        Ok(Walked)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Walked, E> {
        Ok(Walked)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Walked, E> {
        Ok(Walked)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Walked, E> {
        Ok(Walked)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Walked, E> {
        Ok(Walked)
    }

    fn visit_str<E>(self, _: &str) -> Result<Walked, E> {
        Ok(Walked)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Walked, A::Error> {
        while items.next_element::<Walked>()?.is_some() {}
        Ok(Walked)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Walked, A::Error> {
        while pairs.next_entry::<Walked, Walked>()?.is_some() {}
        Ok(Walked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_json_in_utf8_of_bounded_depth() {
        let deep = |levels: usize| [b"[".repeat(levels), b"]".repeat(levels)].concat();
        for good in [&b"1"[..], b"{\"a\":[1,null,\"\\u00e9\"]}", &deep(DEPTH_MAX)] {
            assert_eq!(check(good), Ok(()));
        }
        for bad in [&b""[..], b"{", b"{\"a\":1}}", b"\"\xff\"", b"\"\\ud800\"", b"NaN", b"1e999", b"\"\0\"", &deep(DEPTH_MAX + 1)]
        {
            assert!(check(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn depth_counts_brackets_outside_of_strings_only() {
        assert!(!depth_exceeds(format!("\"{}\"", "[\\\"".repeat(500)).as_bytes(), 10));
        assert!(!depth_exceeds("[{}],".repeat(100).as_bytes(), 2));
        assert!(depth_exceeds("[".repeat(11).as_bytes(), 10));
    }

    #[test]
    fn white_space_goes_only_between_tokens() {
        assert_eq!(compact(b"{ \"a b\\\" c\" :\n [1,\r\n\t2] }"), b"{\"a b\\\" c\":[1,2]}");
    }
}
