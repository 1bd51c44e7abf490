//! Where the four panes stand: side by side where there is room, stacked where there is less, one at a time below that.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
};

use super::{events, health, pipelines, queues};
use crate::{
    model::{Model, overview::Pane},
    theme::Role,
    widget::ink::Ink,
};

/// Columns and rows of the body from which panes stand side by side.
const WIDE: (u16, u16) = (120, 28);
/// Columns and rows of the body from which panes are stacked.
const STACKED: (u16, u16) = (80, 22);

pub(super) fn overview(model: &Model, body: Rect, frame: &mut Frame<'_>) {
    let fits = |(columns, rows): (u16, u16)| body.width >= columns && body.height >= rows;
    if model.overview.zoomed && fits(STACKED) {
        return pane(model, model.overview.focus, body, frame);
    }
    if fits(WIDE) {
        wide(model, body, frame);
    } else if fits(STACKED) {
        stacked(model, body, frame);
    } else {
        single(model, body, frame);
    }
}

fn wide(model: &Model, body: Rect, frame: &mut Frame<'_>) {
    let [top, bottom] = Layout::vertical([Constraint::Percentage(54), Constraint::Fill(1)]).areas(body);
    let [left, right] = Layout::horizontal([Constraint::Percentage(62), Constraint::Fill(1)]).areas(top);
    let [upper, lower] = Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).areas(right);
    pane(model, Pane::Pipelines, left, frame);
    pane(model, Pane::Queues, upper, frame);
    pane(model, Pane::Health, lower, frame);
    pane(model, Pane::Events, bottom, frame);
}

/// Queues and health are one line each, and take the place of the pipelines when they have the focus.
fn stacked(model: &Model, body: Rect, frame: &mut Frame<'_>) {
    let parts = [Constraint::Length(1), Constraint::Length(1), Constraint::Percentage(45), Constraint::Fill(1)];
    let [queue_line, health_line, upper, lower] = Layout::vertical(parts).areas(body);
    queues::line(model, queue_line, frame);
    health::line(model, health_line, frame);
    let focus = model.overview.focus;
    pane(model, if focus == Pane::Events { Pane::Pipelines } else { focus }, upper, frame);
    pane(model, Pane::Events, lower, frame);
}

fn single(model: &Model, body: Rect, frame: &mut Frame<'_>) {
    let [tabs, area] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(body);
    let mut ink = Ink::new(frame.buffer_mut(), tabs);
    let mut column = 1;
    for tab in Pane::ALL {
        let role = if tab == model.overview.focus { Role::Selected } else { Role::Dim };
        column = ink.text(column, 0, &format!("{} {}", tab.digit(), tab.name()), model.theme.style(role)) + 1;
    }
    pane(model, model.overview.focus, area, frame);
}

fn pane(model: &Model, pane: Pane, area: Rect, frame: &mut Frame<'_>) {
    match pane {
        Pane::Pipelines => pipelines::pane(model, area, frame),
        Pane::Events => events::pane(model, area, frame),
        Pane::Queues => queues::pane(model, area, frame),
        Pane::Health => health::pane(model, area, frame),
    }
}
