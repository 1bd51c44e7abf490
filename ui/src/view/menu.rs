//! A menu: the digit of each line, and what it is.

use ratatui::{Frame, layout::Rect};

use super::boxed;
use crate::{
    model::{Model, overlay::Menu},
    theme::{Glyph, Role},
    widget::{Window, ink::Ink},
};

pub(super) fn menu(model: &Model, menu: &Menu, body: Rect, frame: &mut Frame<'_>) {
    let theme = &model.theme;
    let rows = (menu.lines.len() as u16 + 2).min(body.height.saturating_sub(2));
    let area = boxed(model, body, (38, rows), menu.title, frame);
    let mut ink = Ink::new(frame.buffer_mut(), area);
    let list = usize::from(ink.height().saturating_sub(2)).max(1);
    for (row, at) in Window::at(menu.selected).rows(list, menu.lines.len()).enumerate() {
        let row = row as u16;
        let column = ink.text(3, row, &at.to_string(), theme.style(Role::Key));
        ink.text(column + 1, row, &menu.lines[at].0, theme.style(Role::Text));
        if at == menu.selected {
            ink.text(1, row, theme.glyph(Glyph::Cursor), theme.style(Role::Text));
            ink.restyle_row(row, theme.style(Role::Selected));
        }
    }
    ink.text(1, ink.height().saturating_sub(1), "enter or digit chooses  esc closes", theme.style(Role::Dim));
}
