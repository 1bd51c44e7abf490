//! A question before a change: what will happen, and how to say yes.

use ratatui::{
    Frame,
    layout::{Position, Rect},
};

use super::boxed;
use crate::{
    model::{Model, overlay::Asked, sheet::Grade},
    theme::Role,
    widget::{ink::Ink, table::wrap},
};

pub(super) fn confirm(model: &Model, asked: &Asked, body: Rect, frame: &mut Frame<'_>) {
    let theme = &model.theme;
    let confirmation = &asked.confirmation;
    let columns = 72.min(body.width.saturating_sub(2));
    let room = usize::from(columns.saturating_sub(11)).max(10);
    let effects: Vec<String> = confirmation.effects.iter().flat_map(|effect| wrap(effect, room)).collect();
    let rows = effects.len() as u16 + 3;
    let area = boxed(model, body, (columns, rows), &confirmation.title, frame);
    let mut ink = Ink::new(frame.buffer_mut(), area);
    ink.text(1, 1, "effect", theme.style(Role::Dim));
    for (row, effect) in effects.iter().enumerate() {
        ink.text(10, row as u16 + 1, effect, theme.style(Role::Text));
    }
    let below = effects.len() as u16 + 2;
    match &confirmation.grade {
        Grade::Yes => {
            let column = ink.text(1, below, "y", theme.style(Role::Key));
            let column = ink.text(column + 1, below, "yes", theme.style(Role::Text)) + 3;
            let column = ink.text(column, below, "n", theme.style(Role::Key));
            ink.text(column + 1, below, "no (default)", theme.style(Role::Text));
        }
        Grade::Type(name) => {
            let style = theme.style(if asked.is_meant() { Role::Good } else { Role::Warn });
            let column = ink.text(1, below, &format!("type {name} to confirm: "), style);
            ink.text(column, below, asked.typed.value(), theme.style(Role::Text));
            let x = (area.x + column + asked.typed.visual_cursor() as u16).min(area.right().saturating_sub(1));
            let y = (area.y + below).min(area.bottom().saturating_sub(1));
            frame.set_cursor_position(Position { x, y });
        }
    }
}
