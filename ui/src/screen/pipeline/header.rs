//! The first lines: what the pipeline is, how it stands, and when its last run failed, why.

use flexcore_engine::{
    event::pipeline::Outcome,
    pipeline::definition::{Mode, Overlap, Trigger},
    projection::board::{PipelineRow, PipelineState},
};
use ratatui::text::{Line, Span};

use crate::{
    model::facts::Facts,
    screen::parts,
    theme::{Role, Theme},
    widget::figures,
};

/// The lines.
pub(super) fn lines(row: &PipelineRow, facts: &Facts, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = vec![state(row, facts, theme), about(row, theme)];
    if row.state == PipelineState::Paused && !row.paused_because.is_empty() {
        lines.push(parts::pairs([("paused because", row.paused_because.clone())], &theme.look()));
    }
    lines.extend(failure(row, facts, theme));
    lines
}

fn state(row: &PipelineRow, facts: &Facts, theme: Theme) -> Line<'static> {
    let (state, style) = parts::pipeline_state(row.state, theme);
    let revision = row.current();
    let mut line = Line::from(Span::styled(format!("{state}   "), style));
    let changed = format!("{} by {}, {}", revision.number, revision.actor, figures::ago(facts.now, revision.at));
    let dead = if row.dead_total > 0 { figures::count(row.dead_total) } else { String::new() };
    let runs = format!("{} ok, {} failed", figures::count(row.succeeded_total), figures::count(row.failed_total));
    line.spans.extend(parts::pairs([("revision", changed), ("runs", runs), ("dead letters", dead)], &theme.look()).spans);
    if row.definition().protected {
        line.spans.push(Span::styled("protected", theme.style(Role::Warn)));
    }
    line
}

fn about(row: &PipelineRow, theme: Theme) -> Line<'static> {
    let definition = row.definition();
    let overlap = match definition.overlap {
        Overlap::Skip => "skip",
        Overlap::Queue => "queue",
        Overlap::Cancel => "cancel",
        Overlap::Allow => "allow",
    };
    let starts = triggers(row);
    let overlap = if definition.triggers.is_empty() { String::new() } else { overlap.to_owned() };
    parts::pairs(
        [("starts", starts), ("overlap", overlap), ("owner", definition.owner.clone()), ("", definition.description.clone())],
        &theme.look(),
    )
}

/// What starts a run, in words.
pub(super) fn triggers(row: &PipelineRow) -> String {
    let definition = row.definition();
    let words: Vec<String> = definition.triggers.iter().map(trigger).collect();
    match (definition.mode, words.is_empty()) {
        (Mode::Continuous, _) => "runs all the time".into(),
        (Mode::Batch, true) => "by hand".into(),
        (Mode::Batch, false) => words.join(", "),
    }
}

/// One trigger, in words.
pub(super) fn trigger(trigger: &Trigger) -> String {
    match trigger {
        Trigger::Cron(cron) => format!("{} ({})", cron.cron, cron.timezone),
        Trigger::Interval(interval) => format!("every {}", interval.interval),
    }
}

/// The first real error, the record that did it, since when, and how often.
fn failure(row: &PipelineRow, facts: &Facts, theme: Theme) -> Vec<Line<'static>> {
    let Some(last) = row.last.filter(|last| last.outcome == Outcome::Failed) else { return Vec::new() };
    let look = theme.look();
    let Some(run) = facts.models.runs.runs.get(&last.run) else { return Vec::new() };
    let Some(error) = &run.error else { return Vec::new() };
    let mut lines: Vec<Line<'static>> = parts::error_lines(error, &look).into_iter().take(2).map(owned).collect();
    let mut runs: Vec<_> = facts.models.runs.of(&row.name).filter(|run| run.state.is_ended()).collect();
    runs.truncate(row.failed_in_row as usize);
    let since = runs.last().and_then(|run| run.ended_at).unwrap_or(last.at);
    let since = parts::when(facts.now, since);
    let often = if row.failed_in_row > 1 {
        format!("{} runs in a row, last #{}", row.failed_in_row, run.number)
    } else {
        format!("run #{}", run.number)
    };
    lines.push(parts::pairs([("  since", since), ("failed", often)], &look));
    lines
}

fn owned(line: Line<'_>) -> Line<'static> {
    Line::from(line.spans.into_iter().map(|span| Span::styled(span.content.into_owned(), span.style)).collect::<Vec<_>>())
}
