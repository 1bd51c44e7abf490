//! The line at the bottom: the filter being typed, what was said last, or what keys there are, the most important first.

mod wording;

use std::borrow::Cow;

use ratatui::{
    Frame,
    layout::{Position, Rect},
    style::Style,
};
use tui_input::Input;

use super::past;
use crate::{
    effect::Tone,
    keymap::{Action, Bound, Scope},
    model::{Model, overlay::Overlay, overview::Pane},
    screen::Filters,
    theme::{Glyph, Role},
    widget::{ink::Ink, safe_text},
};

pub(super) fn footer(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    if let Some(Overlay::Moment { input, wrong }) = &model.overlay {
        return past::prompt(model, input, wrong, area, frame);
    }
    if let Some(Overlay::Filter { input, wrong, .. }) = &model.overlay {
        return filter(model, input, wrong.as_deref(), area, frame);
    }
    let mut ink = Ink::new(frame.buffer_mut(), area);
    let mut column = 1;
    if !model.pending.is_empty() {
        let keys: String = model.pending.iter().map(ToString::to_string).collect();
        column = ink.text(column, 0, &format!("{keys}{} ", model.theme.glyph(Glyph::More)), model.theme.style(Role::Key));
    }
    match model.messages.toast(model.now) {
        Some(message) => {
            let style = model.theme.style(role_of(message.tone));
            let glyph = model.theme.glyph(glyph_of(message.tone));
            ink.text(column, 0, &format!("{glyph} {}", message.text), style);
        }
        None => hints(model, &mut ink, column),
    }
}

/// A message's colour.
pub(super) fn role_of(tone: Tone) -> Role {
    match tone {
        Tone::Info => Role::Text,
        Tone::Good => Role::Good,
        Tone::Warn => Role::Warn,
        Tone::Bad => Role::Danger,
    }
}

/// A message's picture.
pub(super) fn glyph_of(tone: Tone) -> Glyph {
    match tone {
        Tone::Info => Glyph::Cursor,
        Tone::Good => Glyph::Done,
        Tone::Warn => Glyph::Warn,
        Tone::Bad => Glyph::Failed,
    }
}

/// What holds here at the left, what holds everywhere at the right: the ways to help and to everything by name are never left
/// out, then comes what holds here, and what is left of the line shows the rest.
fn hints(model: &Model, ink: &mut Ink<'_>, column: u16) {
    // What lies over the screen, and a form, say themselves what keys they take.
    if model.overlay.is_some() || model.top().is_some_and(|opened| opened.screen.types_text()) {
        return;
    }
    let (everywhere, here): (Vec<_>, Vec<_>) =
        model.keymap.hints(model.scopes()).into_iter().partition(|bound| bound.binding.scope == Scope::Global);
    let hint = |bound: &&Bound| wording::of(model, bound).map(|text| (bound.first_key(), text));
    let here: Vec<Hint> = here.iter().filter_map(hint).collect();
    let of = |ways: &[Action]| -> Vec<Hint> {
        let bounds = ways.iter().filter_map(|way| everywhere.iter().find(|bound| bound.binding.action == *way));
        bounds.filter_map(hint).collect()
    };
    let width = ink.width();
    let mut end = width;
    // Help fits in the narrowest terminal there is.
    let mut right = fitting(of(&[Action::Help]), &mut end, 0);
    if model.past.is_some() {
        right.extend(fitting(of(&[Action::Back, Action::StepForward, Action::StepBack, Action::Travel]), &mut end, 0));
    }
    right.extend(fitting(of(&[Action::Palette, Action::Filter, Action::Quit]), &mut end, width / 2));
    let left = fitting_left(here, column, end);
    let rest: &[Action] = if model.past.is_some() {
        &[]
    } else if model.top().is_some() {
        &[Action::Back]
    } else {
        &[Action::FocusNext, Action::Zoom]
    };
    let left_end = column + left.iter().map(hint_width).sum::<u16>();
    right.extend(fitting(of(rest), &mut end, left_end));
    right.reverse();
    draw_hints(model, ink, end, &right);
    draw_hints(model, ink, column, &left);
}

/// A key and what it does.
type Hint = (String, Cow<'static, str>);

/// As many as have room above `least`, taken off `end`.
fn fitting(hints: Vec<Hint>, end: &mut u16, least: u16) -> Vec<Hint> {
    let mut fit = Vec::new();
    for hint in hints {
        let width = hint_width(&hint);
        if *end > width && *end - width >= least {
            *end -= width;
            fit.push(hint);
        }
    }
    fit
}

fn fitting_left(hints: Vec<Hint>, column: u16, end: u16) -> Vec<Hint> {
    let mut at = column;
    let fits = |hint: &Hint| {
        let fits = at + hint_width(hint) <= end;
        at += if fits { hint_width(hint) } else { 0 };
        fits
    };
    hints.into_iter().filter(fits).collect()
}

fn hint_width((key, what): &Hint) -> u16 {
    (safe_text::width(key) + safe_text::width(what) + 3) as u16
}

fn draw_hints(model: &Model, ink: &mut Ink<'_>, mut column: u16, hints: &[Hint]) {
    for (key, what) in hints {
        column = ink.text(column, 0, key, model.theme.style(Role::Key));
        column = ink.text(column + 1, 0, what, model.theme.style(Role::Dim)) + 2;
    }
}

fn filter(model: &Model, input: &Input, wrong: Option<&str>, area: Rect, frame: &mut Frame<'_>) {
    let told = match wrong {
        Some(why) => (why.to_owned(), model.theme.style(Role::Warn)),
        None => (help(model), model.theme.style(Role::Dim)),
    };
    typed_line(model, "/", input, &told, area, frame);
}

/// A line that is being typed: what it is, the text with its cursor, and what is to be said about it.
pub(super) fn typed_line(
    model: &Model,
    label: &str,
    input: &Input,
    (told, style): &(String, Style),
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let theme = &model.theme;
    let mut ink = Ink::new(frame.buffer_mut(), area);
    let column = ink.text(1, 0, label, theme.style(Role::Key));
    let room = usize::from(ink.width().saturating_sub(column + 2));
    let scroll = input.visual_scroll(room);
    let text = safe_text::safe(input.value()).into_owned();
    let end = ink.text(column, 0, &text.chars().skip(scroll).collect::<String>(), theme.style(Role::Text));
    ink.text(end + 3, 0, told, *style);
    let cursor = area.x + column + (input.visual_cursor().saturating_sub(scroll)).min(room) as u16;
    frame.set_cursor_position(Position { x: cursor.min(area.right().saturating_sub(1)), y: area.y });
}

fn help(model: &Model) -> String {
    match model.filters() {
        Filters::Rows if on_events(model) => {
            format!("{}   enter keep  esc undo   !not  /regex/  -f fuzzy  jq:.data.…", shown(model))
        }
        Filters::Rows => format!("{}   enter keep  esc undo   !not  /regex/  -f fuzzy", shown(model)),
        Filters::Text | Filters::Nothing => "enter keep  esc undo".into(),
    }
}

fn on_events(model: &Model) -> bool {
    model.top().is_none() && model.overview.focus == Pane::Events
}

/// `37/412`, where the console knows.
fn shown(model: &Model) -> String {
    let overview = &model.overview;
    if model.top().is_some() {
        return String::new();
    }
    let (shown, total) = match overview.focus {
        Pane::Pipelines => (overview.pipelines.keys.len(), overview.pipelines.total),
        Pane::Events => (overview.events.shown.len(), model.facts.events.len()),
        Pane::Queues => (overview.queues.keys.len(), overview.queues.total),
        Pane::Health => (overview.health.keys.len(), overview.health.total),
    };
    format!("{shown}/{total}")
}
