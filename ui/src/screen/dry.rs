//! A dry run as seen: the steps at the left, the records that left the chosen one at the right.

use flexcore_engine::flow::dry_run::{DryRun, DryStep};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{moving, parts};
use crate::{
    effect::Intent,
    keymap::Action,
    theme::{Glyph, Theme},
    widget::{
        Look, Window,
        ink::Ink,
        json_tree::JsonTree,
        table::{Column, Row, Table, wrap},
    },
};

const COLUMNS: [Column; 4] =
    [Column::wide("STEP", 12, 1, 9), Column::number("IN", 4, 5), Column::number("OUT", 4, 8), Column::text("", 12, 6)];

/// A dry run, and which step's records are shown.
#[derive(Default)]
pub(super) struct DryView {
    result: Option<Result<DryRun, String>>,
    window: Window,
    tree: JsonTree,
    in_tree: bool,
}

impl DryView {
    /// Takes what the engine says.
    pub(super) fn take(&mut self, result: Result<DryRun, String>) {
        self.result = Some(result);
        // What is wrong is what is looked for.
        let wrong = self.steps().iter().position(|step| step.error.is_some() || !step.rejected.is_empty());
        self.window.select(wrong.unwrap_or(0));
        self.rebuild();
    }

    /// Whether there is an answer that shows steps.
    pub(super) fn has_steps(&self) -> bool {
        matches!(self.result, Some(Ok(_)))
    }

    fn steps(&self) -> &[DryStep] {
        match &self.result {
            Some(Ok(dry)) => &dry.steps,
            _ => &[],
        }
    }

    fn selected(&self) -> Option<&DryStep> {
        self.window.selected(self.steps().len()).map(|index| &self.steps()[index])
    }

    fn rebuild(&mut self) {
        let records: Vec<_> =
            self.selected().into_iter().flat_map(|step| &step.output).map(|record| record.json.clone()).collect();
        self.tree = JsonTree::of_items(records.iter().map(AsRef::as_ref));
    }

    /// Moves in the steps, or in the records; `None`: the action is for somebody else.
    pub(super) fn act(&mut self, action: Action) -> Option<Vec<Intent>> {
        if self.in_tree {
            if action == Action::Open {
                self.in_tree = false;
                return Some(Vec::new());
            }
            return moving::climb(action, &mut self.tree);
        }
        let len = self.steps().len();
        if moving::walk(action, &mut self.window, len) {
            self.rebuild();
        } else if matches!(action, Action::Open | Action::Right) {
            self.in_tree = len > 0;
        } else {
            return None;
        }
        Some(Vec::new())
    }

    /// Leaves the records. `false`: they had not the focus.
    pub(super) fn close(&mut self) -> bool {
        std::mem::take(&mut self.in_tree)
    }

    /// Draws it.
    pub(super) fn view(&self, title: &str, theme: Theme, area: Rect, buffer: &mut Buffer) {
        let look = theme.look();
        match &self.result {
            None => self.say("trying", title, theme, area, buffer),
            Some(Err(why)) => self.say(why, title, theme, area, buffer),
            Some(Ok(_)) => {
                let (left, right) = parts::beside(area, (area.width * 2 / 5).clamp(41, 60));
                let inside = parts::framed(buffer, left, theme, title, !self.in_tree);
                let steps = self.steps();
                let table = Table { look: &look, columns: &COLUMNS, focused: !self.in_tree, empty: "the pipeline has no steps" };
                table.render(buffer, inside, &self.window, steps.len(), |index| step_row(&steps[index], theme, &look));
                self.view_records(theme, right, buffer);
            }
        }
    }

    fn say(&self, text: &str, title: &str, theme: Theme, area: Rect, buffer: &mut Buffer) {
        let look = theme.look();
        let inside = parts::framed(buffer, area, theme, title, true);
        let style = if self.result.is_some() { look.bad } else { look.dim };
        let mut ink = Ink::new(buffer, inside);
        for (row, line) in wrap(text, usize::from(ink.width().saturating_sub(2)).max(1)).iter().enumerate() {
            ink.text(1, row as u16, line, style);
        }
    }

    fn view_records(&self, theme: Theme, area: Rect, buffer: &mut Buffer) {
        let look = theme.look();
        let Some(step) = self.selected() else { return };
        let title = format!("{} record(s) after {}", step.output.len(), step.step);
        let inside = parts::framed(buffer, area, theme, &title, self.in_tree);
        let mut ink = Ink::new(buffer, inside);
        let mut row = 0;
        for line in troubles(step) {
            for text in wrap(&line, usize::from(ink.width().saturating_sub(2)).max(1)) {
                ink.text(1, row, &text, look.bad);
                row += 1;
            }
        }
        let (_, rest) = parts::above(inside, row.min(inside.height / 2));
        if step.output.is_empty() {
            let text = if step.records_in == 0 { "nothing came in" } else { "nothing came out" };
            Ink::new(buffer, rest).text(1, 0, text, look.dim);
        } else {
            self.tree.render(buffer, rest, &look, self.in_tree);
        }
    }
}

/// What went wrong in a step: the step itself, then the first records that it refused.
fn troubles(step: &DryStep) -> Vec<String> {
    let refused = step.rejected.iter().take(3).map(|(record, error)| format!("refused {}: {}", record.origin, error.message));
    step.error.iter().cloned().chain(refused).collect()
}

fn step_row(step: &DryStep, theme: Theme, look: &Look) -> Row<'static> {
    let (note, style) = match (&step.error, step.rejected.len(), step.dropped) {
        (Some(_), _, _) => (format!("{} fails", theme.glyph(Glyph::Failed)), look.bad),
        (None, 0, 0) => (theme.glyph(Glyph::Done).to_owned(), look.good),
        (None, 0, dropped) => (format!("{} {dropped} dropped", theme.glyph(Glyph::Done)), look.dim),
        (None, refused, _) => (format!("{} {refused} refused", theme.glyph(Glyph::Warn)), look.warn),
    };
    Row::new()
        .cell(step.step.to_string(), look.text)
        .cell(step.records_in.to_string(), look.dim)
        .cell(step.output.len().to_string(), look.text)
        .cell(note, style)
}
