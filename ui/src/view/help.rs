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
    widget::{figures, ink::Ink},
};

/// A line of help: a heading, or keys and what they do.
enum HelpLine<'a> {
    Scope(Scope),
    Key(&'a Bound),
}

pub(super) fn help(model: &Model, scroll: usize, body: Rect, frame: &mut Frame<'_>) {
    let lines = lines(model);
    let rows = (lines.len() as u16).min(body.height.saturating_sub(2));
    let title = format!("Keys here{}", if model.facts.read_only { " (read-only: no action changes anything)" } else { "" });
    let area = boxed(model, body, (76, rows), &title, frame);
    let mut ink = Ink::new(frame.buffer_mut(), area);
    let first = scroll.min(lines.len().saturating_sub(usize::from(rows)));
    for (row, line) in lines.iter().skip(first).take(usize::from(rows)).enumerate() {
        match line {
            HelpLine::Scope(scope) => drop(ink.text(1, row as u16, scope.name(), model.theme.style(Role::Title))),
            HelpLine::Key(bound) => {
                ink.text_in(3, row as u16, 16, &bound.keys(), model.theme.style(Role::Key));
                ink.text(20, row as u16, bound.binding.description, model.theme.style(Role::Text));
            }
        }
    }
}

fn lines(model: &Model) -> Vec<HelpLine<'_>> {
    let mut lines = Vec::new();
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
