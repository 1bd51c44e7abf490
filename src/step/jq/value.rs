//! JSON text to jaq's values and back, without a tree in between. jaq's own writer may give text that is not JSON (NaN,
//! byte strings, keys that are numbers); this one gives JSON or says why not.

use std::io::Write;

use jaq_json::{Num, Val, read};

use crate::step::json::{DEPTH_MAX, depth_exceeds};

/// What is said of a value that is nested too deeply.
pub(super) const TOO_DEEP: &str = "the JSON text is nested deeper than 128 levels";

/// Whether reading the text would go too deep.
pub(super) fn is_too_deep(text: &[u8]) -> bool {
    depth_exceeds(text, DEPTH_MAX)
}

/// Reads JSON text.
pub(super) fn parse(text: &[u8]) -> Result<Val, String> {
    if is_too_deep(text) {
        return Err(TOO_DEEP.into());
    }
    read::parse_single(text).map_err(|error| format!("not JSON: {error}"))
}

/// A value as jaq's.
pub(super) fn of(value: &serde_json::Value) -> Val {
    parse(value.to_string().as_bytes()).unwrap_or_default()
}

/// What a text or a list takes by itself, without what is in the list.
pub(super) fn bytes(value: &Val) -> usize {
    match value {
        Val::TStr(text) | Val::BStr(text) => text.len(),
        Val::Arr(items) => size_of::<Val>() * items.len(),
        Val::Null | Val::Bool(_) | Val::Num(_) | Val::Obj(_) => 0,
    }
}

/// Whether a value is nested deeper than so many levels, as far as a short look tells: at the first and last children of each
/// level and at a bounded number of lists and objects. What nests by accident, in a loop, does so along one line.
pub(super) fn is_nested_deeper(value: &Val, levels: usize) -> bool {
    const CHILDREN_MAX: usize = 512;
    let mut looks_left = levels.saturating_mul(8);
    let mut waiting = vec![(value, 0_usize)];
    while let Some((value, depth)) = waiting.pop().filter(|_| looks_left > 0) {
        looks_left -= 1;
        if depth > levels {
            return true;
        }
        match value {
            Val::Arr(items) => push_outer(&mut waiting, items.iter(), CHILDREN_MAX, depth + 1),
            Val::Obj(pairs) => push_outer(&mut waiting, pairs.values(), CHILDREN_MAX, depth + 1),
            Val::Null | Val::Bool(_) | Val::Num(_) | Val::BStr(_) | Val::TStr(_) => {}
        }
    }
    false
}

/// The lists and objects among the first and the last children.
fn push_outer<'a>(
    waiting: &mut Vec<(&'a Val, usize)>,
    mut children: impl DoubleEndedIterator<Item = &'a Val>,
    children_max: usize,
    depth: usize,
) {
    let first = children.by_ref().take(children_max);
    waiting.extend(first.filter(|child| is_container(child)).map(|child| (child, depth)));
    let last = children.rev().take(children_max);
    waiting.extend(last.filter(|child| is_container(child)).map(|child| (child, depth)));
}

fn is_container(value: &Val) -> bool {
    matches!(value, Val::Arr(_) | Val::Obj(_))
}

/// Why a value has no JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unwritable {
    TooDeep,
    TooLarge,
    BadKey,
}

/// Writes JSON text, up to a size of the whole of `out`.
pub(super) fn write(out: &mut Vec<u8>, value: &Val, bytes_max: usize) -> Result<(), Unwritable> {
    write_at(out, value, bytes_max, DEPTH_MAX)
}

fn write_at(out: &mut Vec<u8>, value: &Val, bytes_max: usize, depth_left: usize) -> Result<(), Unwritable> {
    match value {
        Val::Null => out.extend_from_slice(b"null"),
        Val::Bool(true) => out.extend_from_slice(b"true"),
        Val::Bool(false) => out.extend_from_slice(b"false"),
        Val::Num(number) => write_number(out, number),
        Val::TStr(text) | Val::BStr(text) => write_text(out, text),
        Val::Arr(items) => {
            let depth_left = depth_left.checked_sub(1).ok_or(Unwritable::TooDeep)?;
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                separate(out, index);
                write_at(out, item, bytes_max, depth_left)?;
            }
            out.push(b']');
        }
        Val::Obj(pairs) => {
            let depth_left = depth_left.checked_sub(1).ok_or(Unwritable::TooDeep)?;
            out.push(b'{');
            for (index, (key, value)) in pairs.iter().enumerate() {
                separate(out, index);
                let (Val::TStr(key) | Val::BStr(key)) = key else { return Err(Unwritable::BadKey) };
                write_text(out, key);
                out.push(b':');
                write_at(out, value, bytes_max, depth_left)?;
            }
            out.push(b'}');
        }
    }
    if out.len() > bytes_max { Err(Unwritable::TooLarge) } else { Ok(()) }
}

fn separate(out: &mut Vec<u8>, index: usize) {
    if index > 0 {
        out.push(b',');
    }
}

fn write_text(out: &mut Vec<u8>, text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    serde_json::to_writer(out, &*text).expect("writing to memory does not fail");
}

fn write_number(out: &mut Vec<u8>, number: &Num) {
    match number {
        Num::Int(int) => serde_json::to_writer(out, int).expect("writing to memory does not fail"),
        Num::Float(float) => write_float(out, *float),
        Num::Dec(text) if is_number(text) => out.extend_from_slice(text.as_bytes()),
        Num::Dec(text) => write_float(out, text.parse().unwrap_or(f64::NAN)),
        Num::BigInt(int) => write_big(out, &int.to_string()),
    }
}

/// As jq: whole numbers without a point, NaN as null, infinity as the largest number.
fn write_float(out: &mut Vec<u8>, float: f64) {
    let float = float.clamp(f64::MIN, f64::MAX);
    let done = if float.is_nan() {
        out.write_all(b"null")
    } else if float.fract() == 0.0 && float.abs() < 1e17 {
        write!(out, "{float:.0}")
    } else {
        serde_json::to_writer(&mut *out, &float).map_err(std::io::Error::from)
    };
    done.expect("writing to memory does not fail");
}

/// Beyond what a double holds, other readers would refuse the number.
fn write_big(out: &mut Vec<u8>, digits: &str) {
    match digits.parse::<f64>() {
        Ok(float) if float.is_finite() => out.extend_from_slice(digits.as_bytes()),
        other => write_float(out, other.unwrap_or(f64::NAN)),
    }
}

/// A decimal as read from JSON is written as it was; one that jaq made of a string (`+1.5`, `01.5`) may not be JSON.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let starts = match digits {
        [b'0', next, ..] => !next.is_ascii_digit(),
        [first, ..] => first.is_ascii_digit(),
        [] => false,
    };
    starts && text.parse().is_ok_and(f64::is_finite)
}
