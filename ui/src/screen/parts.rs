//! What several screens draw: frames, tabs, states, errors.

use flexcore_engine::{
    event::run::RunError,
    projection::{
        board::PipelineState,
        describe::Severity,
        runs::{RunRow, RunState, StepRow, StepState},
    },
};
use jiff::Timestamp;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::{Block, Borders, Widget},
};

use crate::{
    model::facts::Facts,
    theme::{Glyph, Role, Theme},
    widget::{Look, figures, graph::State, ink::Ink, safe_text},
};

/// Draws a frame with a title and gives what is inside.
pub(super) fn framed(buffer: &mut Buffer, area: Rect, theme: Theme, title: &str, focused: bool) -> Rect {
    let area = area.intersection(buffer.area);
    if area.height < 2 || area.width < 4 {
        return area;
    }
    let border = theme.style(if focused { Role::BorderFocus } else { Role::Border });
    let head = theme.style(if focused { Role::Title } else { Role::Dim });
    let title = format!(" {} ", safe_text::cut(title, usize::from(area.width - 4)));
    let block =
        Block::new().borders(Borders::ALL).border_set(theme.border()).border_style(border).title(Span::styled(title, head));
    let inside = block.inner(area);
    block.render(area, buffer);
    inside
}

/// Draws the names of parts in a row; the chosen one stands out.
pub(super) fn tabs(ink: &mut Ink<'_>, row: u16, names: &[String], chosen: usize, look: &Look) {
    let mut column = 1;
    for (index, name) in names.iter().enumerate() {
        let style = if index == chosen { look.selected } else { look.dim };
        column = ink.text(column, row, &format!(" {name} "), style) + 1;
    }
}

/// A tab after, or before, going round.
pub(super) fn turned(tab: usize, by: isize, tabs: usize) -> usize {
    (tab.cast_signed() + by).rem_euclid(tabs.max(1).cast_signed()).cast_unsigned()
}

/// Splits an area: so many rows above, the rest below.
pub(super) fn above(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    (Rect { height: rows, ..area }, Rect { y: area.y + rows, height: area.height - rows, ..area })
}

/// Splits an area: so many columns at the left, the rest at the right.
pub(super) fn beside(area: Rect, columns: u16) -> (Rect, Rect) {
    let columns = columns.min(area.width);
    (Rect { width: columns, ..area }, Rect { x: area.x + columns, width: area.width - columns, ..area })
}

/// The sign and style of a pipeline's state.
pub(super) fn pipeline_state(state: PipelineState, theme: Theme) -> (String, Style) {
    let (glyph, role) = match state {
        PipelineState::Draft => (Glyph::Off, Role::Dim),
        PipelineState::Active => (Glyph::Running, Role::Good),
        PipelineState::Paused => (Glyph::Paused, Role::Warn),
        PipelineState::Archived => (Glyph::Off, Role::Off),
    };
    (format!("{} {}", theme.glyph(glyph), state.word()), theme.style(role))
}

/// The sign and style of a run's state.
pub(super) fn run_state(state: RunState, theme: Theme) -> (String, Style) {
    let (glyph, role) = match state {
        RunState::Queued => (Glyph::Waiting, Role::Dim),
        RunState::Running => (Glyph::Running, Role::Busy),
        RunState::Retrying | RunState::Cancelling => (Glyph::Waiting, Role::Warn),
        RunState::Succeeded => (Glyph::Done, Role::Good),
        RunState::Failed => (Glyph::Failed, Role::Danger),
        RunState::Cancelled => (Glyph::Paused, Role::Dim),
    };
    (format!("{} {}", theme.glyph(glyph), state.word()), theme.style(role))
}

/// How a step's state is drawn in a graph.
pub(super) fn step_state(state: StepState) -> State {
    match state {
        StepState::Running => State::Running,
        StepState::Succeeded => State::Done,
        StepState::Failed => State::Failed,
        StepState::Skipped | StepState::Cancelled => State::Stopped,
    }
}

/// The style of what matters so much.
pub(super) fn severity(severity: Severity, look: &Look) -> Style {
    match severity {
        Severity::Info => look.text,
        Severity::Warn => look.warn,
        Severity::Error => look.bad,
    }
}

/// How long a run has taken, or took.
pub(super) fn took(run: &RunRow, now: Timestamp) -> Option<std::time::Duration> {
    run.started_at.map(|from| figures::between(from, run.ended_at.unwrap_or(now)))
}

/// A moment, absolute and relative; without its date while it is less than a day away.
pub(super) fn when(now: Timestamp, at: Timestamp) -> String {
    let recent = figures::between(at, now).as_secs() < 86_400;
    let absolute = if recent { figures::time(at) + "Z" } else { figures::moment(at) };
    format!("{absolute} ({})", figures::ago(now, at))
}

/// Records in, out and dead of a run: its own figures once it has ended, the vital ones while it lives. `None`: it lived then,
/// and the past has no vital figures.
pub(super) fn records(run: &RunRow, facts: &Facts) -> Option<(u64, u64, u64)> {
    if facts.is_past && !run.state.is_ended() {
        return None;
    }
    let live = facts.vitals.as_ref().and_then(|vitals| vitals.runs.iter().find(|known| known.run == run.id));
    if run.state == RunState::Succeeded {
        return Some((run.records_in, run.records_out, run.dead));
    }
    let Some(live) = live.filter(|_| !run.state.is_ended()) else {
        let ends = (run.steps.first(), run.steps.last());
        let out = |step: Option<&StepRow>| step.map_or(0, |step| step.counts.records_out);
        return Some((out(ends.0), out(ends.1), run.dead));
    };
    Some((live.totals.records_in, live.totals.records_out, live.totals.dead.max(run.dead)))
}

/// The first real error: what, where, by which record, and what led to it. One line each.
pub(super) fn error_lines<'a>(error: &'a RunError, look: &Look) -> Vec<Line<'a>> {
    let place = error.step.as_ref().map_or_else(String::new, |step| format!("step {step}: "));
    let sign = look.sign("✖ ", "x ");
    let mut lines = vec![Line::from(vec![
        Span::styled(sign, look.bad),
        Span::styled(place, look.title),
        Span::styled(error.message.as_str(), look.bad),
    ])];
    if let Some(record) = &error.record {
        lines.push(Line::from(vec![Span::styled("  record ", look.dim), Span::styled(record.as_str(), look.text)]));
    }
    for cause in &error.causes {
        lines.push(Line::from(vec![Span::styled("  because ", look.dim), Span::styled(cause.as_str(), look.text)]));
    }
    lines
}

/// A line of labels and values: `state active  owner ops`.
pub(super) fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>, look: &Look) -> Line<'static> {
    let mut spans = Vec::new();
    for (label, value) in pairs {
        if !value.is_empty() {
            let label = if label.is_empty() { String::new() } else { format!("{label} ") };
            spans.push(Span::styled(label, look.dim));
            spans.push(Span::styled(format!("{value}   "), look.text));
        }
    }
    Line::from(spans)
}

/// Draws lines from a row on; gives the row after them.
pub(super) fn lines(ink: &mut Ink<'_>, row: u16, column: u16, lines: &[Line<'_>]) -> u16 {
    lines.iter().fold(row, |row, line| {
        ink.line(column, row, line);
        row.saturating_add(1)
    })
}
