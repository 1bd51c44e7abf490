//! The palette: what is typed, what matches, and the key that does the same.

use ratatui::{
    Frame,
    layout::{Position, Rect},
};

use super::boxed;
use crate::{
    model::{Model, overlay::Palette},
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
    let window = Window::at(palette.selected);
    let end = ink.width().saturating_sub(1);
    for (row, at) in window.rows(list, palette.found.len()).enumerate() {
        let hit = &palette.all[palette.found[at]];
        let row = row as u16 + 1;
        ink.text_in(3, row, 28, &hit.name, theme.style(Role::Text));
        let room = end.saturating_sub(32 + safe_text::width(&hit.keys) as u16 + 1);
        ink.text_in(32, row, room, &hit.description, theme.style(Role::Dim));
        ink.text_right(end, row, 16, &hit.keys, theme.style(Role::Key));
        if at == palette.selected {
            ink.text(1, row, theme.glyph(Glyph::Cursor), theme.style(Role::Text));
            ink.restyle_row(row, theme.style(Role::Selected));
        }
    }
    let count = format!("{} of {}   tab complete  enter do it  esc close", palette.found.len(), palette.all.len());
    ink.text(1, ink.height().saturating_sub(1), &count, theme.style(Role::Dim));
    let x = (area.x + column + palette.input.visual_cursor() as u16).min(area.right().saturating_sub(1));
    frame.set_cursor_position(Position { x, y: area.y });
}
