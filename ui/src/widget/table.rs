//! A table of which only the visible rows are ever made: ten thousand rows cost what thirty cost.

use std::borrow::Cow;

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{Look, Window, ink::Ink, safe_text};

/// Where a cell's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub title: &'static str,
    /// Columns that it takes at least.
    pub width: u16,
    /// Its share of what is left over; 0: it stays as wide as it is.
    pub grow: u16,
    /// Where its text stands.
    pub align: Align,
    /// Where there is no room for all, those with the lowest number go first.
    pub keep: u8,
}

impl Column {
    /// Text of a fixed width.
    pub const fn text(title: &'static str, width: u16, keep: u8) -> Self {
        Self { title, width, grow: 0, align: Align::Left, keep }
    }

    /// Text that takes a share of what is left over.
    pub const fn wide(title: &'static str, width: u16, grow: u16, keep: u8) -> Self {
        Self { title, width, grow, align: Align::Left, keep }
    }

    /// Numbers, right-aligned.
    pub const fn number(title: &'static str, width: u16, keep: u8) -> Self {
        Self { title, width, grow: 0, align: Align::Right, keep }
    }
}

/// One row: a cell a column, each with its style.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row<'a> {
    /// Text may be from outside: drawing makes it harmless.
    pub cells: Vec<(Cow<'a, str>, Style)>,
    /// Marked for an action on several.
    pub marked: bool,
}

impl<'a> Row<'a> {
    /// A row without cells.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a cell.
    pub fn cell(mut self, text: impl Into<Cow<'a, str>>, style: Style) -> Self {
        self.cells.push((text.into(), style));
        self
    }

    /// Marks it or not.
    pub fn marked(mut self, marked: bool) -> Self {
        self.marked = marked;
        self
    }
}

/// How a table is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    /// The styles.
    pub look: &'a Look,
    /// The columns.
    pub columns: &'a [Column],
    /// The pane has the focus.
    pub focused: bool,
    /// Said in place of rows when there are none: what to do about it.
    pub empty: &'a str,
}

impl Table<'_> {
    /// Draws the heading and the rows of the window; `row` is called for visible ones only.
    pub fn render<'r>(
        &self,
        buffer: &mut Buffer,
        area: Rect,
        window: &Window,
        len: usize,
        mut row: impl FnMut(usize) -> Row<'r>,
    ) {
        let mut ink = Ink::new(buffer, area);
        let widths = widths(self.columns, ink.width().saturating_sub(2));
        self.heading(&mut ink, &widths);
        let room = usize::from(ink.height().saturating_sub(1));
        let selected = window.selected(len);
        if len == 0 {
            self.emptiness(&mut ink);
        }
        for (line, index) in window.rows(room, len).enumerate() {
            self.row(&mut ink, line as u16 + 1, &widths, &row(index), selected == Some(index));
        }
    }

    fn heading(&self, ink: &mut Ink<'_>, widths: &[u16]) {
        let style = self.look.dim;
        each_column(widths, self.columns, |index, column, start, width| match column.align {
            Align::Left => drop(ink.text_in(start, 0, width, self.columns[index].title, style)),
            Align::Right => ink.text_right(start + width, 0, width, self.columns[index].title, style),
        });
    }

    fn row(&self, ink: &mut Ink<'_>, line: u16, widths: &[u16], row: &Row<'_>, selected: bool) {
        if row.marked {
            ink.sign(0, line, self.look.sign('◆', '*'), self.look.accent);
        }
        each_column(widths, self.columns, |index, column, start, width| {
            let Some((text, style)) = row.cells.get(index) else { return };
            match column.align {
                Align::Left => drop(ink.text_in(start, line, width, text, *style)),
                Align::Right => ink.text_right(start + width, line, width, text, *style),
            }
        });
        if selected {
            ink.sign(0, line, self.look.sign('▶', '>'), self.look.text);
            ink.restyle_row(line, self.look.selection(self.focused));
        }
    }

    fn emptiness(&self, ink: &mut Ink<'_>) {
        let room = usize::from(ink.width().saturating_sub(4));
        for (index, line) in wrap(self.empty, room).into_iter().enumerate() {
            ink.text(2, index as u16 + 2, &line, self.look.dim);
        }
    }
}

/// Words in lines of at most so many columns.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("it begins with one");
        if last.is_empty() {
            last.push_str(word);
        } else if safe_text::width(last) + 1 + safe_text::width(word) <= columns {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// What each column gets; 0: no room for it.
fn widths(columns: &[Column], room: u16) -> Vec<u16> {
    let mut widths: Vec<u16> = columns.iter().map(|column| column.width).collect();
    let used = |widths: &[u16]| widths.iter().filter(|width| **width > 0).map(|width| u32::from(*width) + 1).sum::<u32>();
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by_key(|index| columns[*index].keep);
    let mut goes = order.into_iter();
    while used(&widths) > u32::from(room) + 1 {
        let kept = widths.iter().filter(|width| **width > 0).count();
        let Some(index) = goes.next().filter(|_| kept > 1) else { break };
        widths[index] = 0;
    }
    let left = u32::from(room + 1).saturating_sub(used(&widths));
    let shares: u32 = (0..columns.len()).filter(|index| widths[*index] > 0).map(|index| u32::from(columns[index].grow)).sum();
    for (index, column) in columns.iter().enumerate().filter(|_| shares > 0) {
        if widths[index] > 0 {
            widths[index] += (left * u32::from(column.grow) / shares) as u16;
        }
    }
    widths
}

/// Calls with index, column, first place and width of each column that has room. Column 0 is for the selection's sign.
fn each_column(widths: &[u16], columns: &[Column], mut each: impl FnMut(usize, &Column, u16, u16)) {
    let mut start = 2;
    for (index, (width, column)) in widths.iter().zip(columns).enumerate() {
        if *width > 0 {
            each(index, column, start, *width);
            start += width + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widget::ink::rows;

    const COLUMNS: [Column; 3] = [Column::wide("NAME", 6, 1, 9), Column::text("STATE", 6, 5), Column::number("RATE", 5, 7)];

    fn drawn(width: u16, height: u16, window: &Window, len: usize, made: &mut Vec<usize>) -> Vec<String> {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let look = Look::default();
        let table = Table { look: &look, columns: &COLUMNS, focused: true, empty: "no pipeline yet: n makes one" };
        table.render(&mut buffer, Rect::new(0, 0, width, height), window, len, |index| {
            made.push(index);
            let style = Style::new();
            Row::new().cell(format!("pipe-{index}"), style).cell("run", style).cell(index.to_string(), style).marked(index == 1)
        });
        rows(&buffer)
    }

    #[test]
    fn numbers_stand_right_and_the_wide_column_takes_the_rest() {
        let expected = ["  NAME      STATE   RATE", "▶ pipe-0    run        0", "◆ pipe-1    run        1"];
        assert_eq!(drawn(24, 3, &Window::default(), 9, &mut vec![]), expected);
    }

    #[test]
    fn only_visible_rows_are_made() {
        let mut made = vec![];
        drawn(24, 4, &Window::at(5_000), 10_000, &mut made);
        assert_eq!(made, [4_998, 4_999, 5_000]);
    }

    #[test]
    fn where_there_is_no_room_the_least_important_column_goes() {
        assert_eq!(drawn(15, 2, &Window::default(), 1, &mut vec![]), ["  NAME     RATE", "▶ pipe-0      0"]);
        assert_eq!(drawn(8, 2, &Window::default(), 1, &mut vec![]), ["  NAME", "▶ pipe-0"]);
    }

    #[test]
    fn an_empty_table_says_what_to_do() {
        let expected = ["  NAME       RATE", "", "  no pipeline", "  yet: n makes", "  one"];
        assert_eq!(drawn(17, 5, &Window::default(), 0, &mut vec![]), expected);
    }

    #[test]
    fn any_size_can_be_drawn() {
        for (width, height) in [(0, 0), (1, 1), (2, 5), (3, 1), (500, 0), (0, 9)] {
            drawn(width, height, &Window::at(3), 7, &mut vec![]);
        }
    }
}
