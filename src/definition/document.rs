//! A text of YAML as a JSON value that knows where everything stands. Built from the parser's events and not by serde,
//! because serde forgets the places of keys, and stops at the first key that stands twice. JSON is YAML, too.

use std::collections::HashMap;

use flexcore_engine::pipeline::{Mistake, mistake::PlacedMistake};
use serde_json::{Map, Value};
use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, Span, StrInput, Tag};

use super::{
    places::{Inner, Place, Places},
    scalar,
    schema_check::escaped,
    syntax,
};

/// The longest text, in bytes.
pub const TEXT_BYTES_MAX: usize = 256 << 10;
/// The deepest nesting of lists and maps.
pub const DEPTH_MAX: usize = 64;
/// The most that aliases may copy in all: values, and bytes of text.
const COPIED_MAX: usize = 1 << 20;

/// A document with its places.
#[derive(Debug)]
pub struct Document {
    /// What it says.
    pub value: Value,
    /// Where it says so.
    pub places: Places,
    /// What is wrong, although it could be read: keys that stand twice, values that JSON does not have.
    pub mistakes: Vec<PlacedMistake>,
    /// Pointers of the values that JSON does not have; what stands for them in `value` says nothing.
    pub unread: Vec<String>,
}

/// Reads one document. `Err`: it is not YAML, or too large.
pub fn read(text: &str) -> Result<Document, PlacedMistake> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the text has {} KiB; the most is {} KiB", text.len() >> 10, TEXT_BYTES_MAX >> 10);
        return Err(Place::START.mistake(Mistake::at("", message).hint("records belong into files of their own")));
    }
    match text.find('\0') {
        Some(at) => Err(place_of_byte(text, at).mistake(Mistake::at("", "a NUL character stands here; this is not a text"))),
        None => Reader::new(text).document(),
    }
}

/// The place of the character at a byte.
pub(super) fn place_of_byte(text: &str, at: usize) -> Place {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |feed| feed + 1);
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Place { line: number(before.matches('\n').count() + 1), column: number(before[line_start..].chars().count() + 1) }
}

struct Reader<'t> {
    text: &'t str,
    events: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Anchor>,
    copied: usize,
    depth: usize,
    pointer: String,
    mistakes: Vec<PlacedMistake>,
    unread: Vec<String>,
}

/// A value that aliases may copy.
struct Anchor {
    value: Value,
    size: usize,
    depth: usize,
}

type Read<T> = Result<T, PlacedMistake>;

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        let options = granit_parser::options! {
            emit_comments: false,
            flow_nesting_limit: DEPTH_MAX * 2,
            block_nesting_limit: DEPTH_MAX * 2,
        };
        let events = Parser::new_from_str_with_options(text, options);
        let (anchors, pointer) = (HashMap::new(), String::new());
        Self { text, events, anchors, copied: 0, depth: 0, pointer, mistakes: Vec::new(), unread: Vec::new() }
    }

    fn document(mut self) -> Read<Document> {
        let mut read = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) if read.is_some() => {
                    let message = "a second document begins here; a file holds one pipeline";
                    return Err(start(span).mistake(Mistake::at("", message).hint("one file each")));
                }
                Event::DocumentStart(..) => {
                    let (event, span) = self.next()?;
                    read = Some(self.node(event, span)?);
                }
                _ => break,
            }
        }
        let (value, places) = read.ok_or_else(|| Place::START.mistake(Mistake::at("", "the file is empty").hint(EMPTY_HINT)))?;
        if value.is_null() {
            return Err(Place::START.mistake(Mistake::at("", "the file is empty").hint(EMPTY_HINT)));
        }
        Ok(Document { value, places, mistakes: self.mistakes, unread: self.unread })
    }

    fn next(&mut self) -> Read<(Event<'t>, Span)> {
        match self.events.next_event() {
            Some(Ok(pair)) => Ok(pair),
            Some(Err(error)) => Err(syntax::mistake(&error, self.text)),
            None => Err(Place::START.mistake(Mistake::at("", "the text ends too soon"))),
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span) -> Read<(Value, Places)> {
        let place = start(span);
        let (anchor, value, inner) = match event {
            Event::Alias(id) => return self.alias(id, place).map(|value| (value, Places::leaf(place))),
            Event::Scalar(text, style, anchor, tag) => (anchor, self.scalar(&text, style, tag.as_deref(), place), Inner::Leaf),
            Event::SequenceStart(_, anchor, tag) => {
                self.no_tag(tag.as_deref(), "seq", place);
                let (value, inner) = self.nested(place, Self::list)?;
                (anchor, value, inner)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.no_tag(tag.as_deref(), "map", place);
                let (value, inner) = self.nested(place, Self::map)?;
                (anchor, value, inner)
            }
            other => return Err(place.mistake(Mistake::at("", format!("this is not YAML: {other:?} cannot stand here")))),
        };
        if anchor != 0 {
            let (size, depth) = measure(&value);
            self.anchors.insert(anchor, Anchor { value: value.clone(), size, depth });
        }
        Ok((value, Places { key: None, value: place, inner }))
    }

    fn nested(&mut self, place: Place, read: fn(&mut Self) -> Read<(Value, Inner)>) -> Read<(Value, Inner)> {
        self.deeper_by(1, place)?;
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn deeper_by(&self, levels: usize, place: Place) -> Read<()> {
        if self.depth + levels <= DEPTH_MAX {
            return Ok(());
        }
        Err(place.mistake(syntax::too_deep()))
    }

    fn list(&mut self) -> Read<(Value, Inner)> {
        let (mut values, mut inner) = (Vec::new(), Vec::new());
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok((Value::Array(values), Inner::List(inner)));
            }
            let (value, places) = self.within(&values.len().to_string(), |reader| reader.node(event, span))?;
            values.push(value);
            inner.push(places);
        }
    }

    fn map(&mut self) -> Read<(Value, Inner)> {
        let (mut values, mut inner) = (Map::new(), Vec::new());
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok((Value::Object(values), Inner::Map(inner)));
            }
            let key_place = start(span);
            let key = Self::key(event, key_place)?;
            let (event, span) = self.next()?;
            let (value, places) = self.within(&key, |reader| reader.node(event, span))?;
            if values.contains_key(&key) {
                let pointer = format!("{}/{}", self.pointer, escaped(&key));
                let mistake = Mistake::at(pointer, format!("the key `{key}` stands here for the second time"));
                self.mistakes.push(key_place.mistake(mistake));
                continue;
            }
            values.insert(key.clone(), value);
            inner.push((key, Places { key: Some(key_place), ..places }));
        }
    }

    fn key(event: Event<'t>, place: Place) -> Read<String> {
        match event {
            Event::Scalar(text, ..) => Ok(text.into_owned()),
            _ => Err(place.mistake(Mistake::at("", "a key must be a word; a list, a map or an alias cannot be one"))),
        }
    }

    fn within<T>(&mut self, part: &str, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&escaped(part));
        let result = read(self);
        self.pointer.truncate(length);
        result
    }

    fn alias(&mut self, id: usize, place: Place) -> Read<Value> {
        let Some(anchor) = self.anchors.get(&id) else {
            return Err(place.mistake(Mistake::at("", "this alias stands inside of what it refers to")));
        };
        self.deeper_by(anchor.depth, place)?;
        self.copied += anchor.size;
        if self.copied > COPIED_MAX {
            let message = "the aliases of this file copy too much";
            return Err(
                place.mistake(Mistake::at("", message).hint(format!("the most is {COPIED_MAX} values and bytes of text")))
            );
        }
        Ok(anchor.value.clone())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, place: Place) -> Value {
        let is_text = style != ScalarStyle::Plain || tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
        self.no_tag(tag, "str", place);
        if is_text {
            return text.into();
        }
        scalar::plain(text).unwrap_or_else(|wrong| {
            let mistake = Mistake::at(self.pointer.clone(), wrong).hint("in quotes it is a text");
            self.mistakes.push(place.mistake(mistake));
            self.unread.push(self.pointer.clone());
            text.into()
        })
    }

    fn no_tag(&mut self, tag: Option<&Tag>, allowed: &str, place: Place) {
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema_tag(allowed)) {
            let message = format!("the tag `{}` has no meaning here", tag.original());
            self.mistakes.push(place.mistake(Mistake::at(self.pointer.clone(), message).hint("leave it out")));
        }
    }
}

const EMPTY_HINT: &str = "a pipeline needs at least `name` and `steps`";

fn start(span: Span) -> Place {
    syntax::place(&span.start)
}

/// How much a copy of a value costs, and how deep it is.
fn measure(value: &Value) -> (usize, usize) {
    match value {
        Value::String(text) => (1 + text.len(), 0),
        Value::Array(items) => sum(items.iter().map(measure)),
        Value::Object(map) => sum(map.iter().map(|(key, value)| {
            let (size, depth) = measure(value);
            (size + key.len(), depth)
        })),
        _ => (1, 0),
    }
}

fn sum(parts: impl Iterator<Item = (usize, usize)>) -> (usize, usize) {
    parts.fold((1, 1), |(size, depth), (part_size, part_depth)| (size + part_size, depth.max(part_depth + 1)))
}

#[cfg(test)]
mod tests;
