//! What it is doing: the graph with live figures, and its runs.

use flexcore_engine::{
    event::pipeline::RunTrigger,
    projection::{board::PipelineRow, runs::RunRow},
};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{PipelineScreen, wiring};
use crate::{
    model::facts::Facts,
    screen::parts,
    theme::Theme,
    widget::{
        Look, figures,
        table::{Column, Row, Table},
    },
};

/// The least rows that the list of runs has, heading and frame included.
const RUNS_ROWS_MIN: u16 = 6;

const NO_RUN: &str = "no run yet: r runs it now, R with parameters, a lets its triggers start runs";

const COLUMNS: [Column; 9] = [
    Column::number("#", 5, 9),
    Column::text("STATE", 12, 8),
    Column::text("BY", 10, 3),
    Column::number("STARTED", 8, 7),
    Column::number("TOOK", 6, 6),
    Column::number("IN", 6, 4),
    Column::number("OUT", 6, 6),
    Column::number("DEAD", 5, 2),
    Column::wide("ERROR", 18, 1, 5),
];

impl PipelineScreen {
    pub(super) fn view_now(&self, row: &PipelineRow, facts: &Facts, theme: Theme, area: Rect, buffer: &mut Buffer) {
        let look = theme.look();
        let runs = self.runs(facts);
        let shown = facts.models.runs.of(&self.name).next();
        let plan = facts.plans.get(&row.current().revision).map(|plan| &**plan);
        let graph = wiring::graph(row.definition(), plan, shown, facts);
        let wanted = graph.height(area.width.saturating_sub(4)).saturating_add(2);
        let (top, bottom) = parts::above(area, wanted.min(area.height.saturating_sub(RUNS_ROWS_MIN)));
        let inside = parts::framed(buffer, top, theme, &graph_title(shown), false);
        let inside = Rect { x: inside.x + 1.min(inside.width), width: inside.width.saturating_sub(2), ..inside };
        graph.render(buffer, inside, &look, 0);
        let title = format!("Runs {}{}", runs.len(), self.filter.suffix());
        let inside = parts::framed(buffer, bottom, theme, &title, true);
        let empty = if facts.is_past { "there was no run yet" } else { NO_RUN };
        let table = Table { look: &look, columns: &COLUMNS, focused: true, empty };
        table.render(buffer, inside, &self.runs, runs.len(), |index| run_row(runs[index], facts, theme, &look));
    }
}

fn graph_title(run: Option<&RunRow>) -> String {
    match run {
        None => "Steps".into(),
        Some(run) if run.state.is_ended() => format!("Steps, as run #{} left them", run.number),
        Some(run) => format!("Steps of run #{}, attempt {}", run.number, run.attempt),
    }
}

fn run_row(run: &RunRow, facts: &Facts, theme: Theme, look: &Look) -> Row<'static> {
    let (state, style) = parts::run_state(run.state, theme);
    let by = match &run.trigger {
        RunTrigger::Manual => run.actor.to_string(),
        RunTrigger::Schedule { .. } => "schedule".into(),
        RunTrigger::Retry { .. } => "retry".into(),
        RunTrigger::Replay => "replay".into(),
        RunTrigger::Activation => "activation".into(),
    };
    let none = || look.none().to_owned();
    let records = parts::records(run, facts);
    let count = |of: fn((u64, u64, u64)) -> u64| records.map_or_else(none, |all| figures::count(of(all)));
    let dead = records.map_or(run.dead, |(_, _, dead)| dead);
    let started = run.started_at.unwrap_or(run.queued_at);
    let failed = run.error.as_ref().map_or_else(|| run.cancel_reason.clone(), |error| error.message.clone());
    Row::new()
        .cell(run.number.to_string(), look.text)
        .cell(state, style)
        .cell(by, look.dim)
        .cell(figures::age(facts.now, started), look.text)
        .cell(parts::took(run, facts.now).map_or_else(none, figures::duration), look.text)
        .cell(count(|(records_in, ..)| records_in), look.text)
        .cell(count(|(_, records_out, _)| records_out), look.text)
        .cell(if dead > 0 { figures::count(dead) } else { none() }, if dead > 0 { look.bad } else { look.dim })
        .cell(failed, look.bad)
}
