//! Lines that cross and join: each cell remembers the sides from which lines come, and its sign follows from them.

use std::collections::HashMap;

use ratatui::style::Style;

use crate::widget::{Look, ink::Ink};

const UP: u8 = 1;
const RIGHT: u8 = 2;
const DOWN: u8 = 4;
const LEFT: u8 = 8;

/// Lines, by cell.
#[derive(Debug, Default)]
pub(super) struct Lines {
    cells: HashMap<(u16, u16), u8>,
}

impl Lines {
    /// A line from one column to another on a row, both included, as far as the middle of each.
    pub(super) fn across(&mut self, row: u16, from: u16, to: u16) {
        for column in from.min(to)..from.max(to) {
            *self.cells.entry((column, row)).or_default() |= RIGHT;
            *self.cells.entry((column + 1, row)).or_default() |= LEFT;
        }
    }

    /// A line from one row to another in a column.
    pub(super) fn down(&mut self, column: u16, from: u16, to: u16) {
        for row in from.min(to)..from.max(to) {
            *self.cells.entry((column, row)).or_default() |= DOWN;
            *self.cells.entry((column, row + 1)).or_default() |= UP;
        }
    }

    /// Draws them; rows above `first_row` are not seen.
    pub(super) fn render(&self, ink: &mut Ink<'_>, look: &Look, style: Style, first_row: u16) {
        for ((column, row), sides) in &self.cells {
            if let Some(row) = row.checked_sub(first_row) {
                ink.sign(*column, row, sign(*sides, look.ascii), style);
            }
        }
    }
}

fn sign(sides: u8, ascii: bool) -> char {
    const ACROSS: u8 = LEFT | RIGHT;
    const UPRIGHT: u8 = UP | DOWN;
    match sides {
        LEFT | RIGHT | ACROSS => {
            if ascii {
                '-'
            } else {
                '─'
            }
        }
        UP | DOWN | UPRIGHT => {
            if ascii {
                '|'
            } else {
                '│'
            }
        }
        _ if ascii => '+',
        3 => '╰',
        6 => '╭',
        9 => '╯',
        12 => '╮',
        7 => '├',
        13 => '┤',
        14 => '┬',
        11 => '┴',
        _ => '┼',
    }
}
