//! The health pane: what was looked at, with what was seen; what the process uses; and health in one line.

use flexcore_engine::vitals::{Check, CheckState};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
};

use super::pane_block;
use crate::{
    model::{Model, overview::Pane},
    theme::{Glyph, Role},
    widget::{
        figures,
        ink::Ink,
        spark::spark,
        table::{Column, Row, Table},
    },
};

const COLUMNS: [Column; 3] = [Column::text("CHECK", 18, 9), Column::wide("EVIDENCE", 12, 1, 8), Column::number("FOR", 4, 3)];

fn sign(state: CheckState) -> (Glyph, Role) {
    match state {
        CheckState::Ok => (Glyph::Done, Role::Good),
        CheckState::Warn => (Glyph::Warn, Role::Warn),
        CheckState::Fail => (Glyph::Failed, Role::Danger),
        CheckState::Unknown => (Glyph::Off, Role::Dim),
    }
}

fn checks(model: &Model) -> &[Check] {
    model.facts.vitals.as_ref().map_or(&[], |vitals| &vitals.checks)
}

/// `9 ok`, or what is not.
fn summary(model: &Model) -> (Role, String) {
    let count = |state| checks(model).iter().filter(|check| check.state() == state).count();
    let (failing, warning, unknown) = (count(CheckState::Fail), count(CheckState::Warn), count(CheckState::Unknown));
    match (failing, warning, checks(model).len()) {
        _ if model.past.is_some() => (Role::Dim, "not known of then".into()),
        (_, _, 0) => (Role::Dim, "nothing checked yet".into()),
        (0, 0, _) if unknown > 0 => (Role::Dim, format!("{unknown} not checked yet")),
        (0, 0, all) => (Role::Good, format!("{all} ok")),
        (0, warning, _) => (Role::Warn, format!("{warning} to look at")),
        (failing, _, _) => (Role::Danger, format!("{failing} failing")),
    }
}

pub(super) fn pane(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let rows = &model.overview.health;
    let focused = model.overview.focus == Pane::Health;
    let filter = if rows.filter.is_none() { String::new() } else { format!(" /{}", rows.filter.text()) };
    let block = pane_block(model.theme, focused, &format!("4 Health {}{filter}", summary(model).1));
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let below = if inside.height > 5 { 3 } else { 0 };
    let [upper, lower] = Layout::vertical([Constraint::Fill(1), Constraint::Length(below)]).areas(inside);
    let look = model.theme.look();
    let empty = if model.past.is_some() { "what was checked is not in the log" } else { "nothing was checked yet" };
    let table = Table { look: &look, columns: &COLUMNS, focused, empty };
    table.render(frame.buffer_mut(), upper, &rows.window, rows.keys.len(), |at| {
        checks(model).get(rows.keys[at]).map_or_else(Row::new, |check| row(model, check))
    });
    if model.past.is_some() {
        return then(model, lower, frame);
    }
    process(model, lower, frame);
}

/// What the log tells of a moment's throughput: events are counted by the minute.
fn then(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let theme = &model.theme;
    let mut ink = Ink::new(frame.buffer_mut(), area);
    ink.text(2, 0, "process  not in the log", theme.style(Role::Dim));
    let minute = model.facts.now.as_second().div_euclid(60);
    let minutes = &model.facts.models.history.minutes;
    let count = |minute| minutes.binary_search_by_key(&minute, |known| known.minute).map_or(0, |at| minutes[at].events);
    let room = i64::from(ink.width().saturating_sub(20));
    let history =
        spark((0..room).rev().map(|back| count(minute - back) as f64), usize::try_from(room).unwrap_or(0), 1.0, theme.ascii);
    let column = ink.text(2, 1, "ev/min   ", theme.style(Role::Dim));
    let column = ink.text(column, 1, &history, theme.style(Role::Accent));
    ink.text(column + 1, 1, &figures::count(count(minute)), theme.style(Role::Text));
}

fn row<'a>(model: &Model, check: &'a Check) -> Row<'a> {
    let (glyph, role) = sign(check.state());
    Row::new()
        .cell(format!("{} {}", model.theme.glyph(glyph), check.name()), model.theme.style(role))
        .cell(check.evidence(), model.theme.style(Role::Text))
        .cell(figures::age(model.facts.now, check.since), model.theme.style(Role::Dim))
}

fn process(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let Some(vitals) = &model.facts.vitals else { return };
    let (figures, theme) = (&model.facts.figures, &model.theme);
    let mut ink = Ink::new(frame.buffer_mut(), area);
    let used = &vitals.process;
    let rss = figures::bytes(used.rss_bytes);
    let text = format!(
        "process  {rss}  cpu {:.0}%  threads {}  files {}  workers {}/{}",
        figures.cpu * 100.0,
        used.threads,
        used.open_files,
        vitals.workers_busy,
        vitals.workers
    );
    ink.text(2, 0, &text, theme.style(Role::Text));
    let log = format!(
        "log      {} {} events  {}",
        vitals.store_kind,
        figures::exact(vitals.store.kept()),
        figures::bytes(vitals.store.bytes)
    );
    ink.text(2, 1, &log, theme.style(Role::Dim));
    let room = usize::from(ink.width().saturating_sub(20));
    let history = spark(figures.events_history.iter().map(|value| *value as f64), room, 1.0, theme.ascii);
    let column = ink.text(2, 2, "ev/s     ", theme.style(Role::Dim));
    let column = ink.text(column, 2, &history, theme.style(Role::Accent));
    ink.text(column + 1, 2, &figures::rate(figures.events_per_s), theme.style(Role::Text));
}

/// Health in one line.
pub(super) fn line(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let theme = &model.theme;
    let mut ink = Ink::new(frame.buffer_mut(), area);
    let title = theme.style(if model.overview.focus == Pane::Health { Role::BorderFocus } else { Role::Title });
    let column = ink.text(1, 0, "4 Health", title) + 2;
    let (role, text) = summary(model);
    let mut column = ink.text(column, 0, &text, theme.style(role)) + 2;
    let worst = checks(model).iter().find(|check| check.state() == CheckState::Fail);
    if let Some(check) = worst.or_else(|| checks(model).iter().find(|check| check.state() == CheckState::Warn)) {
        column = ink.text(column, 0, &format!("{}: {}", check.name(), check.evidence()), theme.style(role)) + 2;
    }
    if let Some(vitals) = &model.facts.vitals {
        let used = &vitals.process;
        let text =
            format!("{}  cpu {:.0}%  files {}", figures::bytes(used.rss_bytes), model.facts.figures.cpu * 100.0, used.open_files);
        ink.text(column, 0, &text, theme.style(Role::Dim));
    }
}
