//! Help for the screen one is on, from the key table; and what was said.

use ratatui::{Frame, layout::Rect};

use super::{
    boxed,
    footer::{glyph_of, role_of},
};
use crate::{
    keymap::{Bound, Scope},
    model::Model,
    theme::Role,
    widget::{figures, ink::Ink, table::wrap},
};

/// The columns of one column of help.
const COLUMN: u16 = 58;

/// A line of help: what one sees, a heading, or keys and what they do.
enum HelpLine<'a> {
    About(String),
    Scope(Scope),
    Key(&'a Bound),
}

pub(super) fn help(model: &Model, scroll: usize, body: Rect, frame: &mut Frame<'_>) {
    let lines = lines(model);
    let room = usize::from(body.height.saturating_sub(2));
    let columns = if body.width >= 2 * COLUMN + 2 && lines.len() > room { 2 } else { 1 };
    let rows = lines.len().div_ceil(columns).min(room);
    let hidden = lines.len().saturating_sub(rows * columns);
    let first = scroll.min(hidden);
    let read_only = if model.facts.read_only { " (read-only: no action changes anything)" } else { "" };
    let read_only = if model.past.is_some() { " (the past: no action changes anything)" } else { read_only };
    let more = if hidden > 0 { format!(", {} more: j k", hidden - first) } else { String::new() };
    let size = (COLUMN * columns as u16 + if columns == 1 { 20 } else { 0 }, rows as u16);
    let area = boxed(model, body, size, &format!("Keys here{read_only}{more}"), frame);
    let mut ink = Ink::new(frame.buffer_mut(), area);
    for (at, line) in lines.iter().skip(first).take(rows * columns).enumerate() {
        let (left, row) = ((at / rows.max(1)) as u16 * COLUMN, (at % rows.max(1)) as u16);
        match line {
            HelpLine::About(text) => drop(ink.text(left + 1, row, text, model.theme.style(Role::Dim))),
            HelpLine::Scope(scope) => drop(ink.text(left + 1, row, scope.name(), model.theme.style(Role::Title))),
            HelpLine::Key(bound) => {
                ink.text_in(left + 3, row, 13, &bound.keys(), model.theme.style(Role::Key));
                ink.text(left + 17, row, bound.binding.description, model.theme.style(Role::Text));
            }
        }
    }
}

fn lines(model: &Model) -> Vec<HelpLine<'_>> {
    let mut lines = Vec::new();
    let about = model.scopes().first().map_or("", |scope| scope.about());
    lines.extend(wrap(about, usize::from(COLUMN) - 3).into_iter().filter(|line| !line.is_empty()).map(HelpLine::About));
    let mut scope = None;
    for bound in model.keymap.lines(model.scopes()).into_iter().filter(|bound| !bound.chords.is_empty()) {
        if scope.replace(bound.binding.scope) != Some(bound.binding.scope) {
            lines.push(HelpLine::Scope(bound.binding.scope));
        }
        lines.push(HelpLine::Key(bound));
    }
    lines
}

/// What was said, newest first.
pub(super) fn messages(model: &Model, scroll: usize, body: Rect, frame: &mut Frame<'_>) {
    let all = model.messages.all();
    let rows = body.height.saturating_sub(4).min((all.len() as u16).max(1));
    let area = boxed(model, body, (body.width.saturating_sub(8), rows), &format!("Messages {}", all.len()), frame);
    let mut ink = Ink::new(frame.buffer_mut(), area);
    if all.is_empty() {
        ink.text(1, 0, "nothing was said yet", model.theme.style(Role::Dim));
    }
    let first = scroll.min(all.len().saturating_sub(usize::from(rows)));
    for (row, message) in all.iter().rev().skip(first).take(usize::from(rows)).enumerate() {
        let style = model.theme.style(role_of(message.tone));
        let column = ink.text(1, row as u16, &figures::time(message.at), model.theme.style(Role::Dim));
        ink.text(column + 1, row as u16, &format!("{} {}", model.theme.glyph(glyph_of(message.tone)), message.text), style);
    }
}
