//! The palette: what is typed, what matches, and the key that does the same.

use ratatui::{
    Frame,
    layout::{Position, Rect},
};

use super::boxed;
use crate::{
    model::{
        Model,
        overlay::{Hit, Palette},
    },
    theme::{Glyph, Role},
    widget::{Window, ink::Ink, safe_text},
};

pub(super) fn palette(model: &Model, palette: &Palette, body: Rect, frame: &mut Frame<'_>) {
    let theme = &model.theme;
    let rows = (palette.all.len() as u16 + 2).min(16).min(body.height.saturating_sub(2));
    let area = boxed(model, body, (76, rows), "Commands, views, things", frame);
    let mut ink = Ink::new(frame.buffer_mut(), area);
    let column = ink.text(1, 0, ": ", theme.style(Role::Key));
    ink.text(column, 0, palette.input.value(), theme.style(Role::Text));
    let list = usize::from(ink.height().saturating_sub(2));
    for (row, at) in Window::at(palette.selected).rows(list, palette.len()).enumerate() {
        let Some(hit) = palette.line(at) else { continue };
        line(model, &mut ink, row as u16 + 1, hit, palette.is_recent(at));
        if at == palette.selected {
            ink.text(1, row as u16 + 1, theme.glyph(Glyph::Cursor), theme.style(Role::Text));
            ink.restyle_row(row as u16 + 1, theme.style(Role::Selected));
        }
    }
    if palette.is_empty() {
        ink.text(3, 1, "nothing is called that", theme.style(Role::Dim));
    }
    let all = if palette.meant.is_empty() { palette.all.len() } else { palette.len() };
    let count = format!("{} of {all}   tab complete  enter do it  esc close", palette.len());
    ink.text(1, ink.height().saturating_sub(1), &count, theme.style(Role::Dim));
    let x = (area.x + column + palette.input.visual_cursor() as u16).min(area.right().saturating_sub(1));
    frame.set_cursor_position(Position { x, y: area.y });
}

fn line(model: &Model, ink: &mut Ink<'_>, row: u16, hit: &Hit, recent: bool) {
    let theme = &model.theme;
    let end = ink.width().saturating_sub(1);
    let keys = if recent && hit.keys.is_empty() { "lately" } else { &hit.keys };
    ink.text_in(3, row, 28, &hit.name, theme.style(Role::Text));
    let room = end.saturating_sub(32 + safe_text::width(keys) as u16 + 1);
    ink.text_in(32, row, room, &hit.description, theme.style(Role::Dim));
    ink.text_right(end, row, 16, keys, theme.style(Role::Key));
}
