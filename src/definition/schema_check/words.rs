//! What a schema wants and what stands there instead, in the words of people who do not know JSON Schema.

use std::str::FromStr;

use flexcore_engine::{
    id::PipelineName,
    pipeline::{Mistake, mistake::nearest},
    unit::{ByteSize, Duration},
};
use jsonschema::{ValidationError, error::ValidationErrorKind as Kind};
use serde_json::Value;

/// The longest piece of the author's text that a message repeats, in characters.
const QUOTE_CHARS_MAX: usize = 60;

/// What would have been right in one place.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Expected {
    /// Words to choose from.
    pub(super) options: Vec<String>,
    /// Kinds of values, like `a list`.
    pub(super) nouns: Vec<String>,
}

impl Expected {
    pub(super) fn of_node(node: &Value) -> Self {
        Self { options: Vec::new(), nouns: nouns_of(node) }
    }

    pub(super) fn of_option(option: &Value) -> Self {
        Self { options: vec![plain(option)], nouns: Vec::new() }
    }

    pub(super) fn of_options(options: &Value) -> Self {
        let options = options.as_array().into_iter().flatten().filter(|option| !option.is_null());
        Self { options: options.map(plain).collect(), nouns: Vec::new() }
    }

    /// Either would do.
    pub(super) fn or(mut self, other: Self) -> Self {
        let add = |into: &mut Vec<String>, from: Vec<String>| {
            for word in from {
                if !into.contains(&word) {
                    into.push(word);
                }
            }
        };
        add(&mut self.options, other.options);
        add(&mut self.nouns, other.nouns);
        self
    }

    pub(super) fn mistake(self, at: String, given: &Value) -> Mistake {
        match given {
            Value::String(text) if !self.options.is_empty() => self.wrong_word(at, text),
            _ => self.wrong_kind(at, given),
        }
    }

    fn wrong_word(self, at: String, text: &str) -> Mistake {
        let options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        let mistake = Mistake::at(at, format!("expected {}, found `{}`", one_of(&options), cut(text)));
        match nearest(text, options) {
            Some(word) => mistake.hint(format!("did you mean `{word}`?")),
            None => mistake,
        }
    }

    fn wrong_kind(self, at: String, given: &Value) -> Mistake {
        let options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        // A word to choose is a text: both kinds of error of one place say the same thing.
        let kinds = self.nouns.iter().filter(|noun| options.is_empty() || *noun != "a text").cloned();
        let mut wanted: Vec<String> = kinds.collect();
        if !options.is_empty() {
            wanted.insert(0, one_of(&options));
        }
        let wanted = if wanted.is_empty() { "nothing".into() } else { wanted.join(" or ") };
        let mistake = Mistake::at(at, format!("expected {wanted}, found {}", found(given)));
        match hint_for(&wanted, given) {
            Some(hint) => mistake.hint(hint),
            None => mistake,
        }
    }
}

/// What people forget most: the unit, the quotes.
fn hint_for(wanted: &str, given: &Value) -> Option<String> {
    match given {
        Value::Number(number) if wanted.starts_with("a duration") => Some(format!("add the unit: {number}s or {number}m")),
        Value::Number(number) if wanted.starts_with("a size") => Some(format!("as text: \"{number}\", or with a unit")),
        Value::Number(_) | Value::Bool(_) if wanted == "a text" => Some(format!("put it in quotes: \"{given}\"")),
        Value::String(text) if wanted == "true or false" => match text.to_lowercase().as_str() {
            "yes" | "on" | "y" | "true" => Some("write `true`".into()),
            "no" | "off" | "n" | "false" => Some("write `false`".into()),
            _ => None,
        },
        Value::String(text) if wanted.contains("number") && text.parse::<f64>().is_ok() => {
            Some(format!("without quotes: {text}"))
        }
        _ => None,
    }
}

fn one_of(options: &[&str]) -> String {
    match options {
        [only] => format!("`{only}`"),
        _ => format!("one of {}", said(options)),
    }
}

/// Words in backticks, with commas.
pub(super) fn said(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a schema node wants, if it says so in one word.
pub(super) fn noun_of(node: &Value) -> Option<String> {
    nouns_of(node).into_iter().next()
}

fn nouns_of(node: &Value) -> Vec<String> {
    match node["format"].as_str() {
        Some("flexcore-duration") => return vec!["a duration like 30s".into()],
        Some("flexcore-size") => return vec!["a size like 64KiB".into()],
        _ => {}
    }
    let names: Vec<&str> = match &node["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    names.into_iter().filter(|name| *name != "null").map(|name| noun(name).to_owned()).collect()
}

fn noun(json_type: &str) -> &str {
    match json_type {
        "string" => "a text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "a map",
        other => other,
    }
}

/// A value as a reader sees it.
pub(super) fn found(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text `{}`", cut(text)),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "a map".into(),
    }
}

/// A piece of the author's text, short enough for a message and harmless in a terminal.
pub(super) fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(QUOTE_CHARS_MAX).flat_map(harmless).collect();
    if text.chars().count() > QUOTE_CHARS_MAX {
        shown.push('…');
    }
    shown
}

fn harmless(c: char) -> impl Iterator<Item = char> {
    let escape = c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let (escaped, kept) = if escape { (Some(c.escape_default()), None) } else { (None, Some(c)) };
    escaped.into_iter().flatten().chain(kept)
}

/// A description's line as the middle of a sentence.
pub(super) fn uncapitalised(line: &str) -> String {
    let mut chars = line.chars();
    let second_is_lower = chars.clone().nth(1).is_none_or(|c| !c.is_uppercase());
    match chars.next() {
        Some(first) if second_is_lower => first.to_lowercase().chain(chars).collect(),
        _ => line.to_owned(),
    }
}

/// The other keywords: limits, formats, patterns.
pub(super) fn sentence(error: &ValidationError<'_>, node: &Value) -> String {
    let given = error.instance();
    match error.kind() {
        Kind::Minimum { limit } => format!("must be {limit} or more, found {given}"),
        Kind::Maximum { limit } => format!("must be {limit} or less, found {given}"),
        Kind::ExclusiveMinimum { limit } => format!("must be more than {limit}, found {given}"),
        Kind::ExclusiveMaximum { limit } => format!("must be less than {limit}, found {given}"),
        Kind::MinLength { limit: 1 } => "must not be empty".into(),
        Kind::MinLength { limit } => format!("must have {limit} characters or more"),
        Kind::MaxLength { limit } => format!("must have {limit} characters or less"),
        Kind::MinItems { limit: 1 } => "the list must not be empty".into(),
        Kind::MinItems { limit } => format!("the list must have {limit} entries or more"),
        Kind::MaxItems { limit } => format!("the list must have {limit} entries or less"),
        Kind::MinProperties { limit: 1 } => "the map must not be empty".into(),
        Kind::MinProperties { limit } => format!("the map must have {limit} keys or more"),
        Kind::MaxProperties { limit } => format!("the map must have {limit} keys or less"),
        Kind::UniqueItems => "an entry stands twice in the list".into(),
        Kind::FalseSchema => "nothing may stand here".into(),
        Kind::Format { format } => bad_format(format, &plain(given)),
        Kind::Pattern { pattern } => bad_pattern(pattern, node, &plain(given)),
        Kind::PropertyNames { error } => format!("the key {}", sentence(error, node)),
        Kind::OneOfMultipleValid { .. } => "fits more than one of the forms that are possible here".into(),
        _ => cut(&error.to_string()),
    }
}

fn bad_format(format: &str, text: &str) -> String {
    let reason = match format {
        "flexcore-duration" => Duration::from_str(text).err().map(|error| error.to_string()),
        "flexcore-size" => ByteSize::from_str(text).err().map(|error| error.to_string()),
        _ => None,
    };
    reason.map_or_else(|| format!("`{}` is not a {format}", cut(text)), |reason| cut_sentence(&reason))
}

fn bad_pattern(pattern: &str, node: &Value, text: &str) -> String {
    match (node["format"].as_str(), PipelineName::new(text)) {
        (Some("flexcore-name"), Err(reason)) => cut_sentence(&reason.to_string()),
        _ => format!("`{}` does not match `{pattern}`", cut(text)),
    }
}

/// Our own sentences repeat the author's text whole; a long one hides the sentence.
fn cut_sentence(sentence: &str) -> String {
    match (sentence.find('`'), sentence.rfind('`')) {
        (Some(open), Some(close)) if open < close => {
            format!("{}`{}{}", &sentence[..open], cut(&sentence[open + 1..close]), &sentence[close..])
        }
        _ => cut(sentence),
    }
}
