//! The parts of a run that are plain lists or text, and the lines above them.

use flexcore_engine::projection::runs::RunRow;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::RunScreen;
use crate::{
    model::{events::EventLine, facts::Facts},
    screen::parts,
    theme::Theme,
    widget::{
        figures,
        ink::Ink,
        table::{Column, Row, Table},
    },
};

impl RunScreen {
    pub(super) fn view_timeline(&self, row: &RunRow, facts: &Facts, theme: Theme, area: Rect, buffer: &mut Buffer) {
        const COLUMNS: [Column; 4] =
            [Column::text("TIME", 12, 9), Column::number("AFTER", 6, 5), Column::text("TYPE", 22, 4), Column::wide("", 20, 1, 8)];
        let look = theme.look();
        let title = format!("Timeline{}: enter opens the event", self.wanted.suffix());
        let inside = parts::framed(buffer, area, theme, &title, true);
        let lines = self.timeline(facts);
        let empty =
            if self.events.is_empty() { "no event of it is kept any more" } else { "nothing passes the filter: esc clears it" };
        let table = Table { look: &look, columns: &COLUMNS, focused: true, empty };
        table.render(buffer, inside, &self.timeline, lines.len(), |index| {
            let EventLine { envelope, description } = lines[index];
            let after = figures::duration(figures::between(row.queued_at, envelope.event.at));
            let style = parts::severity(description.severity, &look);
            Row::new()
                .cell(figures::time_ms(envelope.event.at), look.dim)
                .cell(after, look.dim)
                .cell(envelope.event.kind.as_str(), look.text)
                .cell(description.text.as_str(), style)
        });
    }

    pub(super) fn view_error(&self, row: &RunRow, theme: Theme, area: Rect, buffer: &mut Buffer) {
        let inside = parts::framed(buffer, area, theme, "The first real error", true);
        if row.error.is_none() {
            Ink::new(buffer, inside).text(1, 0, "nothing failed", theme.look().dim);
        }
        let inside = Rect { x: inside.x + 1.min(inside.width), width: inside.width.saturating_sub(2), ..inside };
        self.error.render(buffer, inside, &theme.look());
    }

    pub(super) fn view_checkpoints(&self, row: &RunRow, facts: &Facts, theme: Theme, area: Rect, buffer: &mut Buffer) {
        const COLUMNS: [Column; 6] = [
            Column::wide("SOURCE", 12, 1, 9),
            Column::wide("STREAM", 12, 2, 6),
            Column::number("#", 5, 4),
            Column::number("RECORDS", 8, 7),
            Column::number("AGE", 5, 5),
            Column::wide("CURSOR", 12, 3, 8),
        ];
        let look = theme.look();
        let inside = parts::framed(buffer, area, theme, "Checkpoints: where a next attempt goes on", true);
        let rows: Vec<_> = row.checkpoints.iter().collect();
        let table = Table {
            look: &look,
            columns: &COLUMNS,
            focused: true,
            empty: "no checkpoint: the next attempt begins at the beginning",
        };
        table.render(buffer, inside, &self.checkpoints, rows.len(), |index| {
            let ((step, stream), checkpoint) = rows[index];
            Row::new()
                .cell(step.to_string(), look.text)
                .cell(stream.as_str(), look.text)
                .cell(checkpoint.number.to_string(), look.dim)
                .cell(figures::count(checkpoint.records), look.text)
                .cell(figures::age(facts.now, checkpoint.at), look.text)
                .cell(checkpoint.cursor.to_string(), look.dim)
        });
    }
}

/// What only the present knows.
pub(super) fn unknown(theme: Theme, area: Rect, buffer: &mut Buffer) {
    let inside = parts::framed(buffer, area, theme, "Of then", true);
    Ink::new(buffer, inside).text(1, 0, "what steps said, and their records, are not in the log of events", theme.look().dim);
}

/// The lines above the parts.
pub(super) fn header(row: &RunRow, facts: &Facts, theme: Theme) -> Vec<Line<'static>> {
    let look = theme.look();
    let (state, style) = parts::run_state(row.state, theme);
    let attempt = if row.attempts_max > 1 { format!("{} of {}", row.attempt, row.attempts_max) } else { String::new() };
    let took = parts::took(row, facts.now).map_or_else(String::new, figures::duration);
    let deadline = row.deadline.filter(|_| !row.state.is_ended());
    let deadline = deadline.map_or_else(String::new, |at| figures::until(facts.now, at));
    let started = row.started_at.unwrap_or(row.queued_at);
    let started = parts::when(facts.now, started);
    let mut first = Line::from(Span::styled(format!("{state}   "), style));
    first
        .spans
        .extend(parts::pairs([("started", started), ("took", took), ("attempt", attempt), ("deadline", deadline)], &look).spans);
    let flow = parts::records(row, facts).map_or_else(String::new, |(records_in, records_out, dead)| {
        format!("{} in, {} out, {} dead", figures::count(records_in), figures::count(records_out), figures::count(dead))
    });
    let params = if row.params.is_empty() { String::new() } else { serde_json::Value::Object(row.params.clone()).to_string() };
    let second = parts::pairs(
        [
            ("pipeline", row.pipeline.to_string()),
            ("records", flow),
            ("by", row.actor.to_string()),
            ("revision", row.revision.short()),
            ("params", params),
            ("worker", row.worker.clone()),
        ],
        &look,
    );
    let mut lines = vec![first, second];
    if !row.cancel_reason.is_empty() {
        lines.push(parts::pairs([("cancelled because", row.cancel_reason.clone())], &look));
    }
    lines
}
