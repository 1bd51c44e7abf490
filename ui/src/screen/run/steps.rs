//! The steps of the current attempt: what went through, and when each of them worked.

use flexcore_engine::{
    event::run::StepCounts,
    projection::runs::{RunRow, StepRow},
};
use jiff::Timestamp;
use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    model::facts::Facts,
    screen::parts,
    theme::Theme,
    widget::{
        Look, Window, figures,
        ink::Ink,
        table::{Column, Row, Table},
    },
};

const COLUMNS: [Column; 8] = [
    Column::wide("STEP", 12, 1, 9),
    Column::text("STATE", 9, 8),
    Column::number("TOOK", 6, 7),
    Column::number("IN", 6, 5),
    Column::number("OUT", 6, 6),
    Column::number("DROPPED", 7, 2),
    Column::number("DEAD", 5, 4),
    Column::wide("WHEN", 10, 2, 3),
];

/// The steps in the order in which the definition has them, as far as it is at hand; else as they began.
pub(super) fn ordered<'a>(row: &'a RunRow, facts: &Facts) -> Vec<&'a StepRow> {
    let pipeline = facts.models.board.pipelines.get(&row.pipeline);
    let revision = pipeline.and_then(|pipeline| pipeline.revisions.iter().find(|known| known.revision == row.revision));
    let place = |step: &&StepRow| {
        revision.and_then(|revision| revision.definition.steps.iter().position(|known| known.name == step.step))
    };
    let mut steps: Vec<&StepRow> = row.steps.iter().collect();
    steps.sort_by_key(|step| (step.attempt, place(step)));
    steps
}

/// Draws the table, and below it the first real error.
pub(super) fn view(row: &RunRow, window: &Window, facts: &Facts, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let look = theme.look();
    let error = row.error.as_ref().map(|error| parts::error_lines(error, &look)).unwrap_or_default();
    let rows_below = if error.is_empty() { 0 } else { (error.len() as u16 + 2).min(area.height / 2) };
    let (top, bottom) = parts::above(area, area.height - rows_below);
    let inside = parts::framed(buffer, top, theme, "Steps: enter shows the last records, or the error", true);
    let when_columns = usize::from(inside.width.saturating_sub(2 + 12 + 9 + 6 * 3 + 7 + 5 + 7) * 2 / 3).max(10);
    let table = Table { look: &look, columns: &COLUMNS, focused: true, empty: empty(row) };
    let steps = ordered(row, facts);
    table.render(buffer, inside, window, steps.len(), |index| step_row(steps[index], row, facts, when_columns, &look));
    if !error.is_empty() {
        let inside = parts::framed(buffer, bottom, theme, "The first real error (3 shows all of it)", false);
        parts::lines(&mut Ink::new(buffer, inside), 0, 1, &error);
    }
}

fn empty(row: &RunRow) -> &'static str {
    if row.state.is_ended() {
        "no step ever began"
    } else {
        "no step has begun: the run waits for a worker, or for its next attempt"
    }
}

fn step_row(step: &StepRow, run: &RunRow, facts: &Facts, columns: usize, look: &Look) -> Row<'static> {
    let counts = live_counts(step, run, facts).unwrap_or(step.counts);
    let is_known = !facts.is_past || step.ended_at.is_some();
    let count = |count: u64| if is_known { figures::count(count) } else { look.none().to_owned() };
    let state = parts::step_state(step.state);
    let (sign, ascii) = state.sign();
    let end = step.ended_at.or(run.ended_at).unwrap_or(facts.now);
    let bad = |count: u64| if count > 0 { look.bad } else { look.dim };
    Row::new()
        .cell(step.step.to_string(), look.title)
        .cell(format!("{} {}", look.sign(sign, ascii), state.word()), state.style(look))
        .cell(figures::duration(figures::between(step.started_at, end)), look.text)
        .cell(count(counts.records_in), look.text)
        .cell(count(counts.records_out), look.text)
        .cell(count(counts.dropped), look.dim)
        .cell(count(counts.dead), bad(counts.dead))
        .cell(waterfall(step, run, facts.now, columns, look), state.style(look))
}

/// Counts of a step that works are in the vital figures.
fn live_counts(step: &StepRow, run: &RunRow, facts: &Facts) -> Option<StepCounts> {
    if step.ended_at.is_some() || run.state.is_ended() {
        return None;
    }
    let live = facts.vitals.as_ref()?.runs.iter().find(|known| known.run == run.id)?;
    live.steps.iter().find(|known| known.step.as_ref() == Some(&step.step)).map(|known| known.counts)
}

/// When a step worked, within the time of the run: `··███··`.
fn waterfall(step: &StepRow, run: &RunRow, now: Timestamp, columns: usize, look: &Look) -> String {
    let begin = run.started_at.unwrap_or(run.queued_at);
    let end = run.ended_at.unwrap_or(now);
    let whole = figures::between(begin, end).as_secs_f64().max(0.001);
    let place = |at: Timestamp| (figures::between(begin, at).as_secs_f64() / whole * columns as f64) as usize;
    let from = place(step.started_at).min(columns.saturating_sub(1));
    let to = place(step.ended_at.unwrap_or(end)).clamp(from + 1, columns.max(from + 1));
    let sign = |column: usize| match (column >= from && column < to, look.ascii) {
        (true, false) => '█',
        (true, true) => '#',
        (false, false) => '·',
        (false, true) => '.',
    };
    (0..columns).map(sign).collect()
}
