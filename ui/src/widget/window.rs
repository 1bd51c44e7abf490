//! Which rows of a list are seen, and which one is selected. Drawing tells it how much room there was, so that a page is a
//! page and the view moves only when the selection leaves it.

use std::{cell::Cell, ops::Range};

/// A selection in a list of a length that is told with each call, because live lists change between two keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window {
    selected: usize,
    /// What the last drawing showed first, and how many rows it had: no state of its own, only memory of the screen.
    first: Cell<usize>,
    room: Cell<usize>,
}

impl Window {
    /// A window with a row selected.
    pub fn at(selected: usize) -> Self {
        Self { selected, ..Self::default() }
    }

    /// The selected row; `None` when there is none.
    pub fn selected(&self, len: usize) -> Option<usize> {
        len.checked_sub(1).map(|last| self.selected.min(last))
    }

    /// Selects a row.
    pub fn select(&mut self, row: usize) {
        self.selected = row;
    }

    /// Moves the selection by rows; stops at the ends.
    pub fn step(&mut self, rows: isize, len: usize) {
        let from = self.selected(len).unwrap_or(0);
        self.selected = from.saturating_add_signed(rows).min(len.saturating_sub(1));
    }

    /// Moves the selection by pages, or by half pages.
    pub fn page(&mut self, pages: isize, half: bool, len: usize) {
        let room = self.room.get().max(2);
        let rows = if half { room / 2 } else { room - 1 };
        self.step(pages.saturating_mul(rows.max(1).cast_signed()), len);
    }

    /// Selects the first row.
    pub fn top(&mut self) {
        self.selected = 0;
    }

    /// Selects the last row.
    pub fn bottom(&mut self, len: usize) {
        self.selected = len.saturating_sub(1);
    }

    /// Whether the last row is selected.
    pub fn is_at_bottom(&self, len: usize) -> bool {
        self.selected + 1 >= len
    }

    /// The rows to draw in so much room: those of the last drawing, moved as little as shows the selected one.
    pub fn rows(&self, room: usize, len: usize) -> Range<usize> {
        let selected = self.selected(len).unwrap_or(0);
        let lowest = (selected + 1).saturating_sub(room);
        let first = self.first.get().clamp(lowest, selected.max(lowest)).min(len.saturating_sub(room));
        self.first.set(first);
        self.room.set(room);
        first..(first + room).min(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_view_moves_only_when_the_selection_leaves_it() {
        let mut window = Window::default();
        assert_eq!(window.rows(3, 10), 0..3);
        window.step(2, 10);
        assert_eq!(window.rows(3, 10), 0..3);
        window.step(1, 10);
        assert_eq!(window.rows(3, 10), 1..4);
        window.step(-1, 10);
        assert_eq!(window.rows(3, 10), 1..4);
        window.bottom(10);
        assert_eq!(window.rows(3, 10), 7..10);
    }

    #[test]
    fn a_page_keeps_one_row_of_the_page_before() {
        let mut window = Window::default();
        window.rows(5, 100);
        window.page(1, false, 100);
        assert_eq!(window.selected(100), Some(4));
        window.page(1, true, 100);
        assert_eq!(window.selected(100), Some(6));
        window.page(-9, false, 100);
        assert_eq!(window.selected(100), Some(0));
    }

    #[test]
    fn a_list_that_became_shorter_selects_its_last_row() {
        let window = Window::at(50);
        assert_eq!(window.selected(3), Some(2));
        assert_eq!(window.selected(0), None);
        assert_eq!(window.rows(10, 0), 0..0);
    }

    proptest! {
        #[test]
        fn the_selected_row_is_always_seen(moves in prop::collection::vec((-30_isize..30, 0_usize..40, 0_usize..12), 0..40)) {
            let mut window = Window::default();
            for (step, len, room) in moves {
                window.step(step, len);
                let rows = window.rows(room, len);
                prop_assert!(rows.end <= len && rows.len() <= room);
                if let Some(selected) = window.selected(len).filter(|_| room > 0) {
                    prop_assert!(rows.contains(&selected));
                    prop_assert_eq!(rows.len(), room.min(len));
                }
            }
        }
    }
}
