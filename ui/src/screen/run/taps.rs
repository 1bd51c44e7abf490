//! The last records that left each step.

use flexcore_engine::{id::StepName, projection::runs::RunRow};
use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    effect::Intent,
    keymap::Action,
    link::Tap,
    screen::{moving, parts},
    theme::Theme,
    widget::{ink::Ink, json_tree::JsonTree},
};

/// The taps, and the tree of the chosen one.
#[derive(Default)]
pub(super) struct Taps {
    kept: Vec<Tap>,
    step: Option<StepName>,
    tree: JsonTree,
    /// The operator moved in the tree: it stays as it is.
    held: bool,
}

impl Taps {
    /// Takes newer records, unless somebody reads the old ones.
    pub(super) fn take(&mut self, taps: Vec<Tap>) {
        if !self.held && self.kept != taps {
            self.kept = taps;
            self.rebuild();
        }
    }

    /// Whether the records stay as they are.
    pub(super) fn is_held(&self) -> bool {
        self.held
    }

    /// Shows what left a step.
    pub(super) fn show(&mut self, step: &StepName) {
        self.step = Some(step.clone());
        self.rebuild();
    }

    /// Moves in the tree; enter goes to the next step. `None`: the action is for somebody else.
    pub(super) fn act(&mut self, action: Action) -> Option<Vec<Intent>> {
        if action == Action::Open {
            self.next();
            return Some(Vec::new());
        }
        if action == Action::Follow {
            self.held = !self.held;
            return Some(Vec::new());
        }
        let intents = moving::climb(action, &mut self.tree)?;
        self.held = true;
        Some(intents)
    }

    /// Looks for a text in the records.
    pub(super) fn search(&mut self, text: &str) {
        self.held |= self.tree.search(text);
    }

    fn place(&self) -> usize {
        self.kept.iter().position(|tap| Some(&tap.step) == self.step.as_ref()).unwrap_or(0)
    }

    fn next(&mut self) {
        let place = parts::turned(self.place(), 1, self.kept.len());
        self.step = self.kept.get(place).map(|tap| tap.step.clone());
        self.rebuild();
    }

    fn rebuild(&mut self) {
        self.held = false;
        let records = self.kept.get(self.place()).map(|tap| tap.records.as_slice()).unwrap_or_default();
        self.tree = JsonTree::of_items(records.iter().map(|record| record.json.as_ref()));
    }

    /// Draws them.
    pub(super) fn view(&self, row: &RunRow, theme: Theme, area: Rect, buffer: &mut Buffer) {
        let look = theme.look();
        let Some(tap) = self.kept.get(self.place()) else {
            let inside = parts::framed(buffer, area, theme, "Records", true);
            let text =
                if row.state.is_ended() { "records are kept only while the run lives" } else { "no record has left a step yet" };
            Ink::new(buffer, inside).text(1, 0, text, look.dim);
            return;
        };
        let held = if self.held { "held: f goes on" } else { "live" };
        let title = format!("The last {} records after {} ({held}), enter: next step", tap.records.len(), tap.step);
        let inside = parts::framed(buffer, area, theme, &title, true);
        self.tree.render(buffer, inside, &look, true);
    }
}
