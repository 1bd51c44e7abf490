//! Revisions and the difference of two of them: the selected one and the one before it, or the marked one.

use flexcore_engine::projection::board::{PipelineRow, RevisionRow};
use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    keymap::Action,
    model::facts::Facts,
    screen::{moving, parts},
    theme::Theme,
    widget::{
        Window,
        diff::Difference,
        figures,
        table::{Column, Row, Table},
        text_view::TextView,
    },
};

const COLUMNS: [Column; 5] = [
    Column::number("#", 4, 9),
    Column::text("REVISION", 8, 6),
    Column::wide("BY", 10, 1, 5),
    Column::number("AGE", 5, 7),
    Column::text("", 7, 8),
];

/// The list, newest first, and the difference.
#[derive(Default)]
pub(super) struct Revisions {
    window: Window,
    marked: Option<u32>,
    difference: Difference,
    /// What is compared: old and new.
    compared: (u32, u32),
    /// Keys go to the difference.
    in_difference: bool,
}

impl Revisions {
    /// There are other revisions now.
    pub(super) fn refresh(&mut self, row: &PipelineRow) {
        self.compare(row);
    }

    /// The revision under the cursor.
    pub(super) fn selected<'a>(&self, row: &'a PipelineRow) -> Option<&'a RevisionRow> {
        let place = self.window.selected(row.revisions.len())?;
        row.revisions.iter().rev().nth(place)
    }

    /// Moves, marks, compares; false: the action is for somebody else.
    pub(super) fn moves(&mut self, action: Action, row: Option<&PipelineRow>) -> bool {
        let Some(row) = row else { return false };
        match action {
            Action::Open | Action::Right => self.in_difference = true,
            Action::Left if self.in_difference => self.in_difference = false,
            Action::Mark => {
                let selected = self.selected(row).map(|revision| revision.number);
                self.marked = if self.marked == selected { None } else { selected };
                self.compare(row);
            }
            Action::HitNext | Action::HitPrevious => {
                self.difference.scroll(|view| {
                    view.next_hit(action == Action::HitNext);
                });
            }
            action if self.in_difference => return self.scrolls(action),
            action => {
                let moved = moving::walk(action, &mut self.window, row.revisions.len());
                self.compare(row);
                return moved;
            }
        }
        true
    }

    fn scrolls(&mut self, action: Action) -> bool {
        let mut known = TextView::default();
        let scrolls = moving::scroll(action, &mut known);
        self.difference.scroll(|view| {
            moving::scroll(action, view);
        });
        scrolls
    }

    /// Looks for a text in the difference.
    pub(super) fn search(&mut self, text: &str) -> bool {
        let found = std::cell::Cell::new(false);
        self.difference.scroll(|view| found.set(view.search(text) || found.get()));
        found.get()
    }

    /// What the selected revision changed, in lines added and removed.
    pub(super) fn counts(&self) -> (usize, usize) {
        self.difference.counts()
    }

    fn compare(&mut self, row: &PipelineRow) {
        let Some(new) = self.selected(row) else { return };
        let marked = self.marked.filter(|marked| *marked != new.number);
        let before = row.revisions.iter().rev().find(|revision| match marked {
            Some(marked) => revision.number == marked,
            None => revision.number < new.number,
        });
        let Some(old) = before else {
            self.compared = (0, new.number);
            self.difference = Difference::default();
            return;
        };
        // An older one is always the left side, whichever of the two is marked.
        let (old, new) = if old.number < new.number { (old, new) } else { (new, old) };
        if self.compared != (old.number, new.number) {
            self.compared = (old.number, new.number);
            self.difference = Difference::of(&old.source.text, &new.source.text);
        }
    }

    /// Draws both.
    pub(super) fn view(&self, row: &PipelineRow, facts: &Facts, theme: Theme, area: Rect, buffer: &mut Buffer) {
        let look = theme.look();
        let (list, rest) = if area.width >= 100 {
            parts::beside(area, 46)
        } else {
            parts::above(area, (row.revisions.len() as u16 + 3).min(area.height / 2).max(5))
        };
        let title = format!("Revisions {}: space marks, B goes back", row.revisions.len());
        let inside = parts::framed(buffer, list, theme, &title, !self.in_difference);
        let table = Table { look: &look, columns: &COLUMNS, focused: !self.in_difference, empty: "" };
        let len = row.revisions.len();
        table.render(buffer, inside, &self.window, len, |index| {
            let revision = &row.revisions[len - 1 - index];
            Row::new()
                .cell(revision.number.to_string(), look.text)
                .cell(revision.revision.short(), look.dim)
                .cell(revision.actor.to_string(), look.text)
                .cell(figures::age(facts.now, revision.at), look.text)
                .cell(if index == 0 { "current" } else { "" }, look.good)
                .marked(self.marked == Some(revision.number))
        });
        self.view_difference(theme, rest, buffer);
    }

    fn view_difference(&self, theme: Theme, area: Rect, buffer: &mut Buffer) {
        let look = theme.look();
        let (added, removed) = self.counts();
        let title = match self.compared {
            (0, new) => format!("Revision {new} has none before it"),
            (old, new) => format!("Difference of {old} and {new}: {added} added, {removed} removed"),
        };
        let inside = parts::framed(buffer, area, theme, &title, self.in_difference);
        if self.compared.0 > 0 && self.difference.is_empty() {
            crate::widget::ink::Ink::new(buffer, inside).text(1, 0, "the same text", look.dim);
        }
        self.difference.render(buffer, inside, &look);
    }
}
