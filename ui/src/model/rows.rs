//! A live list: the rows come and go and change places, the operator's row and marks stay with what they named.

use std::collections::BTreeSet;

use super::filter::RowFilter;
use crate::{keymap::Action, widget::Window};

/// The keys of the rows that are shown, in order, with what the operator did to them.
#[derive(Debug, Clone)]
pub struct Rows<K> {
    /// Which part is seen.
    pub window: Window,
    /// What is shown, filtered and sorted.
    pub keys: Vec<K>,
    /// How many there are unfiltered.
    pub total: usize,
    /// Marked, for an action on several.
    pub marks: BTreeSet<K>,
    /// Where a range of marks begins.
    pub range_from: Option<K>,
    /// What is filtered.
    pub filter: RowFilter,
    /// The number of the column that it is sorted by.
    pub sort: usize,
    /// The other way round.
    pub reverse: bool,
    selected: Option<K>,
}

impl<K> Default for Rows<K> {
    fn default() -> Self {
        Self {
            window: Window::default(),
            keys: Vec::new(),
            total: 0,
            marks: BTreeSet::new(),
            range_from: None,
            filter: RowFilter::default(),
            sort: 0,
            reverse: false,
            selected: None,
        }
    }
}

impl<K: Clone + Ord> Rows<K> {
    /// The rows are these now. The selection goes where its row went; where that is gone, it stays at its place.
    pub fn set(&mut self, keys: Vec<K>, total: usize) {
        let kept = self.selected.as_ref().and_then(|key| keys.iter().position(|known| known == key));
        self.keys = keys;
        self.total = total;
        if let Some(at) = kept {
            self.window.select(at);
        }
        self.remember();
    }

    fn remember(&mut self) {
        self.selected = self.window.selected(self.keys.len()).and_then(|at| self.keys.get(at)).cloned();
    }

    /// The row under the cursor.
    pub fn selected(&self) -> Option<&K> {
        self.selected.as_ref()
    }

    /// Puts the cursor on a row, if it is shown.
    pub fn select(&mut self, key: &K) {
        if let Some(at) = self.keys.iter().position(|known| known == key) {
            self.window.select(at);
            self.remember();
        }
    }

    /// Marks what was marked then, and puts the cursor where it was; how it is filtered and sorted stays.
    pub fn go_back_to(&mut self, then: Self) {
        self.marks = then.marks;
        self.range_from = then.range_from;
        if let Some(key) = &then.selected {
            self.select(key);
        }
    }

    /// The marked rows that are shown, or else the one under the cursor.
    pub fn targets(&self) -> Vec<K> {
        let marked: Vec<K> = self.keys.iter().filter(|key| self.marks.contains(key)).cloned().collect();
        if marked.is_empty() { self.selected.iter().cloned().collect() } else { marked }
    }

    /// Moves, marks and sorts. `false`: not an action of rows. `columns` is how many one can sort by.
    pub fn act(&mut self, action: Action, columns: usize) -> bool {
        let len = self.keys.len();
        match action {
            Action::Up => self.window.step(-1, len),
            Action::Down => self.window.step(1, len),
            Action::Top => self.window.top(),
            Action::Bottom => self.window.bottom(len),
            Action::HalfUp => self.window.page(-1, true, len),
            Action::HalfDown => self.window.page(1, true, len),
            Action::PageUp => self.window.page(-1, false, len),
            Action::PageDown => self.window.page(1, false, len),
            Action::Mark => self.mark(),
            Action::MarkRange => self.mark_range(),
            Action::MarkAll => self.mark_all(),
            Action::Sort => self.sort = (self.sort + 1) % columns.max(1),
            Action::SortReverse => self.reverse = !self.reverse,
            _ => return false,
        }
        self.remember();
        true
    }

    fn mark(&mut self) {
        if let Some(key) = self.selected.clone()
            && !self.marks.remove(&key)
        {
            self.marks.insert(key);
        }
        self.window.step(1, self.keys.len());
    }

    /// The first press begins a range, the second marks all from there to the cursor.
    fn mark_range(&mut self) {
        let Some(from) = self.range_from.take() else {
            self.range_from.clone_from(&self.selected);
            return;
        };
        let place = |key: &K| self.keys.iter().position(|known| known == key);
        if let (Some(one), Some(other)) = (place(&from), self.selected.as_ref().and_then(place)) {
            self.marks.extend(self.keys[one.min(other)..=one.max(other)].iter().cloned());
        }
    }

    fn mark_all(&mut self) {
        let all: BTreeSet<K> = self.keys.iter().cloned().collect();
        self.marks = if all.is_subset(&self.marks) { BTreeSet::new() } else { all };
    }

    /// Clears what is open: a range, then marks, then the filter. `false`: nothing was.
    pub fn clear(&mut self) -> bool {
        if self.range_from.take().is_some() {
            return true;
        }
        if !self.marks.is_empty() {
            self.marks.clear();
            return true;
        }
        let filtered = !self.filter.is_none();
        self.filter = RowFilter::default();
        filtered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selection_stays_with_its_row_when_rows_change_places() {
        let mut rows = Rows::default();
        rows.set(vec!['a', 'b', 'c'], 3);
        rows.act(Action::Down, 1);
        assert_eq!(rows.selected(), Some(&'b'));
        rows.set(vec!['c', 'x', 'a', 'b'], 4);
        assert_eq!(rows.selected(), Some(&'b'));
        rows.set(vec!['c', 'x'], 2);
        assert_eq!(rows.selected(), Some(&'x'));
        rows.set(vec![], 0);
        assert_eq!((rows.selected(), rows.targets()), (None, vec![]));
    }

    #[test]
    fn marks_are_what_is_acted_on_and_hidden_ones_are_left_out() {
        let mut rows = Rows::default();
        rows.set(vec!['a', 'b', 'c', 'd'], 4);
        rows.act(Action::MarkRange, 1);
        rows.act(Action::Down, 1);
        rows.act(Action::MarkRange, 1);
        assert_eq!(rows.targets(), ['a', 'b']);
        rows.set(vec!['b', 'd'], 4);
        assert_eq!(rows.targets(), ['b']);
        rows.act(Action::MarkAll, 1);
        assert_eq!(rows.targets(), ['b', 'd']);
        assert!(rows.clear() && !rows.clear());
        assert_eq!(rows.targets(), ['b']);
    }
}
