//! Typed fields to fill in, such as the parameters of a run. Each field is checked while it is typed, so that what is sent
//! cannot be wrong in its form.

use flexcore_engine::{id::StepName, unit::Duration};
use jiff::{Timestamp, civil::Date};
use ratatui::{buffer::Buffer, layout::Rect};
use serde_json::{Map, Value};
use tui_input::{Input, InputRequest};

use super::{Look, ink::Ink, safe_text};
use crate::terminal::key::{Code, Key};

/// The longest text of a field, in characters.
const TEXT_MAX: usize = 4_096;

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A name, as of a step.
    Name,
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// true or false.
    Boolean,
    /// RFC 3339.
    DateTime,
    /// A day.
    Date,
    /// A length of time.
    Duration,
    /// JSON.
    Json,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Name => "a name",
            Self::Number => "number",
            Self::Integer => "whole number",
            Self::Boolean => "true or false",
            Self::DateTime => "like 2026-01-31T12:00:00Z",
            Self::Date => "like 2026-01-31",
            Self::Duration => "like 90s, 20m, 2h",
            Self::Json => "JSON",
        }
    }

    /// The value of a text, or what is wrong with it.
    fn parse(self, text: &str) -> Result<Value, &'static str> {
        let trimmed = text.trim();
        match self {
            Self::Text => Ok(Value::from(text)),
            Self::Name if StepName::new(trimmed).is_ok() => Ok(Value::from(trimmed)),
            Self::Name => Err("write a name: 1 to 64 of a-z 0-9 . _ -, beginning with a letter or digit"),
            Self::Number => number(trimmed).ok_or("write a number, like 2.5"),
            Self::Integer => integer(trimmed).ok_or("write a whole number, like 10"),
            Self::Boolean => trimmed.parse::<bool>().map(Value::from).map_err(|_| "write true or false; space changes it"),
            Self::DateTime if trimmed.parse::<Timestamp>().is_ok() => Ok(Value::from(trimmed)),
            Self::DateTime => Err("write a moment with its zone, like 2026-01-31T12:00:00Z"),
            Self::Date if trimmed.parse::<Date>().is_ok() && trimmed.len() == 10 => Ok(Value::from(trimmed)),
            Self::Date => Err("write a day, like 2026-01-31"),
            Self::Duration if trimmed.parse::<Duration>().is_ok() => Ok(Value::from(trimmed)),
            Self::Duration => Err("write a length of time, like 90s, 20m, 2h"),
            Self::Json => serde_json::from_str(trimmed).map_err(|_| "write JSON, like {\"id\": 1}"),
        }
    }
}

fn number(text: &str) -> Option<Value> {
    integer(text).or_else(|| serde_json::Number::from_f64(text.parse().ok()?).map(Value::Number))
}

fn integer(text: &str) -> Option<Value> {
    text.parse::<i64>().map(Value::from).ok().or_else(|| text.parse::<u64>().map(Value::from).ok())
}

/// One field.
#[derive(Debug, Clone)]
pub struct Field {
    name: String,
    kind: Kind,
    description: String,
    default: Option<Value>,
    required: bool,
    input: Input,
}

impl Field {
    /// A field that may stay empty only when it has a default or is not required.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind, description: String::new(), default: None, required: false, input: Input::default() }
    }

    /// What it is for.
    pub fn described(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// The value that it has when it stays empty.
    pub fn default_value(mut self, default: Option<Value>) -> Self {
        self.default = default;
        self
    }

    /// It must be given, unless it has a default.
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// What stands in it at first.
    pub fn text(mut self, text: &str) -> Self {
        self.input = Input::new(one_line(text));
        self
    }

    /// What it holds: nothing, a value, or what is wrong with it.
    fn value(&self) -> Result<Option<Value>, &'static str> {
        match (self.input.value(), self.required && self.default.is_none()) {
            ("", true) => Err("must be given"),
            ("", false) => Ok(None),
            (text, _) => self.kind.parse(text).map(Some),
        }
    }

    fn hint(&self) -> String {
        match &self.default {
            Some(Value::String(text)) => format!("{}, else {text}", self.kind.word()),
            Some(value) => format!("{}, else {value}", self.kind.word()),
            None if self.required => format!("{}, must be given", self.kind.word()),
            None => self.kind.word().to_owned(),
        }
    }
}

/// Fields, one of which has the cursor.
#[derive(Debug, Clone, Default)]
pub struct Form {
    fields: Vec<Field>,
    focus: usize,
    /// Mistakes are shown for fields that were left, and for all once sending was tried.
    tried: bool,
}

impl Form {
    /// A form; its first field has the cursor.
    pub fn new(fields: Vec<Field>) -> Self {
        Self { fields, focus: 0, tried: false }
    }

    /// Rows that it wants.
    pub fn height(&self) -> u16 {
        self.fields.len() as u16 * 2
    }

    /// Takes a key; false: it is not one for a form, such as enter or escape.
    pub fn key(&mut self, key: Key) -> bool {
        match key.code {
            Code::Tab | Code::Down => self.step(1),
            Code::BackTab | Code::Up => self.step(-1),
            Code::Enter | Code::Esc => return false,
            _ => return self.edit(key),
        }
        true
    }

    /// Takes pasted text: one line of it, without what commands a terminal.
    pub fn paste(&mut self, text: &str) {
        one_line(text).chars().for_each(|c| self.request(InputRequest::InsertChar(c)));
    }

    /// The text of a field, as it stands.
    pub fn text(&self, name: &str) -> &str {
        self.fields.iter().find(|field| field.name == name).map_or("", |field| field.input.value())
    }

    /// The values that were given. `None`: something is wrong; the cursor is there now, and the mistake is shown.
    pub fn values(&mut self) -> Option<Map<String, Value>> {
        self.tried = true;
        if let Some(wrong) = self.fields.iter().position(|field| field.value().is_err()) {
            self.focus = wrong;
            return None;
        }
        let given = |field: &Field| field.value().ok().flatten().map(|value| (field.name.clone(), value));
        Some(self.fields.iter().filter_map(given).collect())
    }

    fn step(&mut self, by: isize) {
        let len = self.fields.len().max(1).cast_signed();
        self.focus = (self.focus.cast_signed() + by).rem_euclid(len).cast_unsigned();
    }

    fn edit(&mut self, key: Key) -> bool {
        let request = match key.code {
            Code::Backspace if key.alt => InputRequest::DeletePrevWord,
            Code::Backspace => InputRequest::DeletePrevChar,
            Code::Delete => InputRequest::DeleteNextChar,
            Code::Left => InputRequest::GoToPrevChar,
            Code::Right => InputRequest::GoToNextChar,
            Code::Home => InputRequest::GoToStart,
            Code::End => InputRequest::GoToEnd,
            Code::Char('u') if key.ctrl => InputRequest::DeleteLine,
            Code::Char('w') if key.ctrl => InputRequest::DeletePrevWord,
            Code::Char(' ') if self.is_boolean() => return self.flip(),
            _ => match key.typed() {
                Some(c) => InputRequest::InsertChar(c),
                None => return false,
            },
        };
        self.request(request);
        true
    }

    fn is_boolean(&self) -> bool {
        self.fields.get(self.focus).is_some_and(|field| field.kind == Kind::Boolean)
    }

    fn flip(&mut self) -> bool {
        if let Some(field) = self.fields.get_mut(self.focus) {
            let default = field.default == Some(Value::Bool(true));
            let now = field.input.value().parse().unwrap_or(default);
            field.input = Input::new((!now).to_string());
        }
        true
    }

    fn request(&mut self, request: InputRequest) {
        let Some(field) = self.fields.get_mut(self.focus) else { return };
        let inserts = matches!(request, InputRequest::InsertChar(_));
        if !inserts || field.input.value().chars().count() < TEXT_MAX {
            field.input.handle(request);
        }
    }

    /// Draws it; gives where the cursor is.
    pub fn render(&self, buffer: &mut Buffer, area: Rect, look: &Look) -> Option<(u16, u16)> {
        let mut ink = Ink::new(buffer, area);
        let label = self.fields.iter().map(|field| safe_text::width(&field.name)).max().unwrap_or(0) as u16;
        let label = label.min(ink.width() / 3).max(1);
        let first = (self.focus as u16 * 2 + 2).saturating_sub(ink.height()) / 2;
        let mut cursor = None;
        for (index, field) in self.fields.iter().enumerate().skip(usize::from(first)) {
            let row = (index as u16 - first) * 2;
            if row >= ink.height() {
                break;
            }
            let column = self.field(&mut ink, row, label, field, index == self.focus, look);
            if index == self.focus && column < ink.width() {
                cursor = Some((area.x + column, area.y + row));
            }
        }
        cursor
    }

    /// Draws a field in two rows; gives the column of its cursor.
    fn field(&self, ink: &mut Ink<'_>, row: u16, label: u16, field: &Field, focused: bool, look: &Look) -> u16 {
        ink.text_right(label, row, label, &field.name, if focused { look.title } else { look.text });
        let start = label + 2;
        let room = usize::from(ink.width().saturating_sub(start + 1));
        let skipped = field.input.visual_scroll(room);
        let (_, seen) = safe_text::take_columns(field.input.value(), skipped);
        ink.text_in(start, row, room as u16, safe_text::take_columns(seen, room).0, look.accent);
        match field.value() {
            Err(wrong) if self.tried || !field.input.value().is_empty() => drop(ink.text(start, row + 1, wrong, look.bad)),
            _ if field.description.is_empty() => drop(ink.text(start, row + 1, &field.hint(), look.dim)),
            _ => drop(ink.text(start, row + 1, &format!("{} ({})", field.description, field.hint()), look.dim)),
        }
        start + (field.input.visual_cursor().saturating_sub(skipped)) as u16
    }
}

fn one_line(text: &str) -> String {
    safe_text::for_clipboard(text).chars().take(TEXT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widget::ink::rows;

    fn form() -> Form {
        Form::new(vec![
            Field::new("limit", Kind::Integer).described("records at most").default_value(Some(10.into())),
            Field::new("since", Kind::DateTime).required(),
            Field::new("dry", Kind::Boolean).default_value(Some(true.into())),
        ])
    }

    fn typed(form: &mut Form, text: &str) {
        text.chars().for_each(|c| assert!(form.key(Key::char(c))));
    }

    fn drawn(form: &Form, width: u16, height: u16) -> (Vec<String>, Option<(u16, u16)>) {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let cursor = form.render(&mut buffer, Rect::new(0, 0, width, height), &Look::default());
        (rows(&buffer), cursor)
    }

    #[test]
    fn what_is_given_has_its_type_and_what_is_not_is_left_out() {
        let mut form = form();
        form.key(Key::plain(Code::Tab));
        typed(&mut form, "2026-01-31T12:00:00Z");
        form.key(Key::plain(Code::Down));
        typed(&mut form, " ");
        assert_eq!(Value::Object(form.values().unwrap()), serde_json::json!({"since": "2026-01-31T12:00:00Z", "dry": false}));
    }

    #[test]
    fn a_mistake_is_shown_where_it_is() {
        let mut form = form();
        typed(&mut form, "1x");
        let (shown, cursor) = drawn(&form, 50, 6);
        assert_eq!(
            &shown[..4],
            ["limit  1x", "       write a whole number, like 10", "since", "       like 2026-01-31T12:00:00Z, must be given"]
        );
        assert_eq!(cursor, Some((9, 0)));
        assert_eq!(form.values(), None);
        form.key(Key::plain(Code::Backspace));
        assert_eq!(form.values(), None);
        assert_eq!(drawn(&form, 50, 6).1, Some((7, 2)));
        assert_eq!(drawn(&form, 50, 6).0[3], "       must be given");
    }

    #[test]
    fn kinds_take_what_they_are() {
        let table = [
            (Kind::Number, "2.5", true),
            (Kind::Number, "NaN", false),
            (Kind::Integer, "18446744073709551615", true),
            (Kind::Integer, "2.5", false),
            (Kind::Date, "2026-02-30", false),
            (Kind::Date, "2026-02-28", true),
            (Kind::DateTime, "2026-02-28", false),
            (Kind::Boolean, "yes", false),
            (Kind::Json, "{\"a\": [1]}", true),
            (Kind::Json, "{", false),
            (Kind::Text, "anything", true),
        ];
        for (kind, text, fits) in table {
            assert_eq!(kind.parse(text).is_ok(), fits, "{kind:?} {text}");
        }
    }

    #[test]
    fn a_paste_is_one_harmless_line() {
        let mut form = Form::new(vec![Field::new("text", Kind::Text)]);
        form.paste("a\nb\x1b[31m");
        assert_eq!(form.text("text"), "a b [31m");
        form.paste(&"x".repeat(10_000));
        assert_eq!(form.text("text").len(), TEXT_MAX);
    }

    #[test]
    fn any_size_can_be_drawn_and_an_empty_form_too() {
        let mut form = form();
        for (width, height) in [(0, 0), (1, 1), (8, 2), (200, 60)] {
            drawn(&form, width, height);
            form.key(Key::plain(Code::BackTab));
        }
        let mut empty = Form::default();
        empty.key(Key::plain(Code::Tab));
        empty.key(Key::char('x'));
        drawn(&empty, 5, 5);
        assert_eq!(empty.values(), Some(Map::new()));
    }
}
