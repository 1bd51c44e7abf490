//! When it is due: the next moments, where the operator lives and in UTC, and what became of the last ones. And its tests.

use flexcore_engine::{
    event::pipeline::SkipReason,
    projection::board::{PipelineRow, PipelineState},
};
use jiff::Timestamp;
use ratatui::{buffer::Buffer, layout::Rect};

use super::header;
use crate::{
    model::facts::Facts,
    screen::parts,
    theme::Theme,
    widget::{
        Look, Window, figures,
        ink::Ink,
        table::{Column, Row, Table, wrap},
    },
};

/// Draws the schedule.
pub(super) fn view(
    row: &PipelineRow,
    ticks: Option<&Result<Vec<Timestamp>, String>>,
    facts: &Facts,
    theme: Theme,
    area: Rect,
    buffer: &mut Buffer,
) {
    let look = theme.look();
    let inside = parts::framed(buffer, area, theme, "Schedule", true);
    let mut ink = Ink::new(buffer, inside);
    let mut line = 0;
    for trigger in &row.definition().triggers {
        ink.line(1, line, &parts::pairs([("starts", header::trigger(trigger))], &look));
        line += 1;
    }
    line = last(row, facts, &look, &mut ink, line) + 1;
    if let Some(why) = idle(row) {
        for text in wrap(&why, usize::from(ink.width().saturating_sub(2)).max(1)) {
            ink.text(1, line, &text, look.dim);
            line += 1;
        }
    }
    match ticks {
        None => drop(ink.text(1, line, "asking for the next moments", look.dim)),
        Some(Err(why)) => drop(ink.text(1, line, why, look.bad)),
        Some(Ok(ticks)) => moments(ticks, facts, &look, &mut ink, line),
    }
}

fn idle(row: &PipelineRow) -> Option<String> {
    match (row.definition().triggers.is_empty(), row.state) {
        (true, _) => Some("No trigger: runs start by hand (r), or by activation when it is continuous.".into()),
        (false, PipelineState::Active) => None,
        (false, state) => Some(format!(
            "The pipeline is {}: no trigger starts a run until it is active (a). Activated now, it would be due:",
            state.word()
        )),
    }
}

/// What became of the last moments.
fn last(row: &PipelineRow, facts: &Facts, look: &Look, ink: &mut Ink<'_>, mut line: u16) -> u16 {
    if let Some(at) = row.last_tick {
        let text = format!("{} ({})", figures::moment(at), figures::ago(facts.now, at));
        ink.line(1, line, &parts::pairs([("last due", text)], look));
        line += 1;
    }
    if let Some((at, reason)) = &row.last_skip {
        let why = match reason {
            SkipReason::Overlap => "a run still lived",
            SkipReason::Paused => "the pipeline was paused",
            SkipReason::Missed => "the engine did not run",
            SkipReason::DstGap => "the clock change skipped that time",
            SkipReason::QueueFull => "as many runs waited as may wait",
        };
        let text = format!("{}: {why}", figures::moment(*at));
        ink.line(1, line, &parts::pairs([("last skipped", text), ("skipped in all", figures::count(row.ticks_skipped))], look));
        line += 1;
    }
    line
}

fn moments(ticks: &[Timestamp], facts: &Facts, look: &Look, ink: &mut Ink<'_>, line: u16) {
    if ticks.is_empty() {
        return;
    }
    ink.text(1, line, "IN", look.dim);
    ink.text(12, line, "UTC", look.dim);
    ink.text(36, line, "HERE", look.dim);
    for (index, tick) in ticks.iter().enumerate() {
        let row = line + 1 + index as u16;
        ink.text(1, row, &figures::until(facts.now, *tick), if index == 0 { look.accent } else { look.text });
        ink.text(12, row, &figures::moment(*tick), look.text);
        ink.text(36, row, &figures::moment_in(*tick, &facts.zone), look.dim);
    }
}

const TEST_COLUMNS: [Column; 3] = [Column::wide("TEST", 20, 2, 9), Column::text("OF", 20, 5), Column::text("EXPECTS", 20, 4)];

/// Draws the tests that stand in the definition.
pub(super) fn view_tests(row: &PipelineRow, window: &Window, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let look = theme.look();
    let inside = parts::framed(buffer, area, theme, "Tests: `flexcore test` runs them", true);
    let tests = &row.definition().tests;
    let empty = "no tests: write some under `tests:` in the definition (E edits it), then run `flexcore test`";
    let table = Table { look: &look, columns: &TEST_COLUMNS, focused: true, empty };
    table.render(buffer, inside, window, tests.len(), |index| {
        let test = &tests[index];
        let of = test.step.as_ref().map_or_else(|| "the whole path".to_owned(), ToString::to_string);
        let expects = match &test.output {
            Some(records) => format!("{} records", records.len()),
            None => test.expect.iter().map(|(step, wanted)| format!("{step}: {wanted}")).collect::<Vec<_>>().join(", "),
        };
        Row::new().cell(test.name.as_str(), look.text).cell(of, look.dim).cell(expects, look.dim)
    });
}
