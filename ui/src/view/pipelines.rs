//! The pipelines pane.

use flexcore_engine::{
    event::pipeline::Outcome,
    projection::board::{LastRun, PipelineRow, PipelineState},
};
use ratatui::{Frame, layout::Rect, style::Style, text::Line};

use super::pane_block;
use crate::{
    model::{
        Model,
        overview::{PIPELINE_SORTS, Pane, Standing, records_per_s},
        rows::Rows,
    },
    theme::{Glyph, Role, Theme},
    widget::{
        figures,
        spark::spark,
        table::{Column, Row, Table},
    },
};

const COLUMNS: [Column; 8] = [
    Column::wide("NAME", 14, 1, 9),
    Column::text("STATE", 11, 8),
    Column::number("RUNS", 4, 3),
    Column::number("REC/s", 6, 6),
    Column::number("ERR", 5, 5),
    Column::text("LAST", 6, 7),
    Column::number("NEXT", 6, 4),
    Column::text("LAST 30m", 10, 2),
];

/// A state's glyph and colour.
pub(super) fn sign(standing: Standing) -> (Glyph, Role) {
    match standing {
        Standing::Failing => (Glyph::Failed, Role::Danger),
        Standing::Retrying => (Glyph::Warn, Role::Warn),
        Standing::Cancelling => (Glyph::Waiting, Role::Warn),
        Standing::Running => (Glyph::Running, Role::Busy),
        Standing::Queued => (Glyph::Waiting, Role::Busy),
        Standing::Active => (Glyph::Done, Role::Good),
        Standing::Paused => (Glyph::Paused, Role::Warn),
        Standing::Draft | Standing::Archived => (Glyph::Off, Role::Off),
    }
}

pub(super) fn pane(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let rows = &model.overview.pipelines;
    let focused = model.overview.focus == Pane::Pipelines;
    let block = pane_block(model.theme, focused, &title(model)).title_bottom(place(rows, model.theme));
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let look = model.theme.look();
    let empty = if rows.total > 0 { "nothing passes the filter" } else { "no pipeline yet: n makes one" };
    let empty = if model.past.is_some() && rows.total == 0 { "there was no pipeline yet" } else { empty };
    let table = Table { look: &look, columns: &COLUMNS, focused, empty };
    table.render(frame.buffer_mut(), inside, &rows.window, rows.keys.len(), |at| {
        let key = &rows.keys[at];
        let row = model.facts.models.board.pipelines.get(key);
        row.map_or_else(Row::new, |row| pipeline(model, row)).marked(rows.marks.contains(key))
    });
}

/// `1 of 24`, or how many are marked.
pub(super) fn place<'a, K: Clone + Ord>(rows: &Rows<K>, theme: Theme) -> Line<'a> {
    let at = rows.window.selected(rows.keys.len()).map_or(0, |at| at + 1);
    let marked = if rows.marks.is_empty() { String::new() } else { format!(" {} marked,", rows.marks.len()) };
    Line::styled(format!("{marked} {at} of {} ", rows.keys.len()), theme.style(Role::Dim)).right_aligned()
}

/// `/filter 3/24 by rate`, as far as there is something to say.
pub(super) fn limits<K>(rows: &Rows<K>, sorts: &[&str]) -> String {
    let mut text = String::new();
    if !rows.filter.is_none() {
        text = format!(" /{} {}/{}", rows.filter.text(), rows.keys.len(), rows.total);
    }
    if rows.sort > 0 || rows.reverse {
        text.push_str(" by ");
        text.push_str(sorts.get(rows.sort).copied().unwrap_or("name"));
        text.push_str(if rows.reverse { ", reversed" } else { "" });
    }
    text
}

fn title(model: &Model) -> String {
    let rows = &model.overview.pipelines;
    let failing = model.overview.failing.len();
    let failing = if failing > 0 { format!(" {} {failing} failing", model.theme.glyph(Glyph::None)) } else { String::new() };
    format!("1 Pipelines {}{failing}{}", rows.total, limits(rows, &PIPELINE_SORTS))
}

fn pipeline<'a>(model: &Model, row: &'a PipelineRow) -> Row<'a> {
    let (facts, theme) = (&model.facts, &model.theme);
    let standing = Standing::of(row, facts);
    let (glyph, role) = sign(standing);
    let style = |role| theme.style(role);
    let name = if row.state == PipelineState::Archived { Role::Off } else { Role::Text };
    let errors = row.failed_total + row.dead_total;
    let rate = records_per_s(row, facts);
    let none = || (theme.glyph(Glyph::None).to_owned(), style(Role::Dim));
    let counted = |value: u64| if value == 0 { none() } else { (figures::count(value), style(Role::Text)) };
    let (runs, runs_style) = counted(row.live.len() as u64);
    let (moved, moved_style) = if rate < 0.005 { none() } else { (figures::rate(rate), style(Role::Accent)) };
    let (failed, failed_style) = if errors == 0 { none() } else { (figures::count(errors), style(Role::Danger)) };
    let (last, last_style) = row.last.map_or_else(none, |last| outcome(model, last));
    let (next, next_style) = next(model, row).map_or_else(none, |next| (next, style(Role::Text)));
    Row::new()
        .cell(row.name.as_str(), style(name))
        .cell(format!("{} {}", theme.glyph(glyph), standing.word()), style(role))
        .cell(runs, runs_style)
        .cell(moved, moved_style)
        .cell(failed, failed_style)
        .cell(last, last_style)
        .cell(next, next_style)
        .cell(minutes(model, row), style(Role::Accent))
}

fn outcome(model: &Model, last: LastRun) -> (String, Style) {
    let (glyph, role) = match last.outcome {
        Outcome::Succeeded => (Glyph::Done, Role::Good),
        Outcome::Failed => (Glyph::Failed, Role::Danger),
        Outcome::Cancelled => (Glyph::Off, Role::Warn),
    };
    let age = figures::age(model.facts.now, last.at);
    (format!("{} {age}", model.theme.glyph(glyph)), model.theme.style(role))
}

fn next(model: &Model, row: &PipelineRow) -> Option<String> {
    let due = model.facts.next_due(row).filter(|_| row.state == PipelineState::Active)?;
    Some(figures::until(model.facts.now, due).trim_start_matches("in ").to_owned())
}

/// Records of the last 30 minutes, three minutes a column.
fn minutes(model: &Model, row: &PipelineRow) -> String {
    let figures = model.facts.figures.pipeline(&row.name);
    let minutes = figures.map(|figures| figures.last_minutes(model.facts.now, 30)).unwrap_or_default();
    let sums: Vec<f64> = minutes.chunks(3).map(|part| part.iter().sum::<u64>() as f64).collect();
    spark(sums.into_iter(), 10, 0.0, model.theme.ascii)
}
