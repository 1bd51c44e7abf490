//! Drawing that cannot leave its area. ratatui panics on a cell outside the buffer, and after a resize an area may be
//! larger than the buffer: every widget draws through here.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Line};

use super::safe_text;

/// A part of a buffer, addressed from its own corner. What does not fit is left out.
#[derive(Debug)]
pub struct Ink<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
}

impl<'a> Ink<'a> {
    /// The part of `area` that the buffer has.
    pub fn new(buffer: &'a mut Buffer, area: Rect) -> Self {
        let area = area.intersection(buffer.area);
        Self { buffer, area }
    }

    /// Columns.
    pub fn width(&self) -> u16 {
        self.area.width
    }

    /// Rows.
    pub fn height(&self) -> u16 {
        self.area.height
    }

    /// Writes text from outside, made harmless and cut with `…`; gives the column after it.
    pub fn text(&mut self, column: u16, row: u16, text: &str, style: Style) -> u16 {
        self.text_in(column, row, self.area.width.saturating_sub(column), text, style)
    }

    /// Like [`Ink::text`], in at most `columns`.
    pub fn text_in(&mut self, column: u16, row: u16, columns: u16, text: &str, style: Style) -> u16 {
        let columns = columns.min(self.area.width.saturating_sub(column));
        if columns == 0 || row >= self.area.height {
            return column;
        }
        let shown = safe_text::cut(text, usize::from(columns));
        let (x, y) = (self.area.x + column, self.area.y + row);
        let (end, _) = self.buffer.set_stringn(x, y, shown.as_ref(), usize::from(columns), style);
        end - self.area.x
    }

    /// Writes text that ends before `end`, in at most `columns`.
    pub fn text_right(&mut self, end: u16, row: u16, columns: u16, text: &str, style: Style) {
        let columns = columns.min(end);
        let shown = safe_text::cut(text, usize::from(columns));
        let used = safe_text::width(&shown).min(usize::from(columns)) as u16;
        self.text_in(end - used, row, used, &shown, style);
    }

    /// Writes a line of styled pieces, each made harmless; gives the column after it.
    pub fn line(&mut self, column: u16, row: u16, line: &Line<'_>) -> u16 {
        line.spans.iter().fold(column, |column, span| self.text(column, row, &span.content, line.style.patch(span.style)))
    }

    /// Changes the style of a row.
    pub fn restyle_row(&mut self, row: u16, style: Style) {
        if row < self.area.height {
            let row = Rect { y: self.area.y + row, height: 1, ..self.area };
            self.buffer.set_style(row, style);
        }
    }

    /// Fills a row with one sign.
    pub fn rule(&mut self, row: u16, sign: char, style: Style) {
        (0..self.area.width).for_each(|column| self.sign(column, row, sign, style));
    }

    /// Writes one sign of width 1.
    pub fn sign(&mut self, column: u16, row: u16, sign: char, style: Style) {
        if column < self.area.width && row < self.area.height {
            self.buffer[(self.area.x + column, self.area.y + row)].set_char(sign).set_style(style);
        }
    }
}

/// A buffer's text, for tests: one string a row, spaces at the ends left out.
#[cfg(test)]
pub(crate) fn rows(buffer: &Buffer) -> Vec<String> {
    let mut rows = Vec::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let mut row = String::new();
        let mut covered = 0;
        for x in buffer.area.left()..buffer.area.right() {
            let symbol = buffer[(x, y)].symbol();
            if covered == 0 {
                row.push_str(symbol);
                covered = safe_text::width(symbol).max(1);
            }
            covered -= 1;
        }
        rows.push(row.trim_end().to_owned());
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_larger_than_the_buffer_is_drawn_as_far_as_it_goes() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 6, 1));
        let mut ink = Ink::new(&mut buffer, Rect::new(2, 0, 500, 500));
        ink.text(0, 0, "abcdef", Style::new());
        ink.text(0, 9, "below", Style::new());
        ink.sign(499, 499, 'x', Style::new());
        ink.restyle_row(7, Style::new());
        assert_eq!(rows(&buffer), ["  abc…"]);
    }

    #[test]
    fn an_escape_sequence_is_shown_and_not_obeyed() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
        Ink::new(&mut buffer, Rect::new(0, 0, 12, 1)).text(0, 0, "\x1b[2Jx", Style::new());
        assert_eq!(rows(&buffer), ["␛[2Jx"]);
    }

    #[test]
    fn numbers_end_where_their_column_ends() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 6, 1));
        Ink::new(&mut buffer, Rect::new(0, 0, 6, 1)).text_right(5, 0, 4, "42", Style::new());
        assert_eq!(rows(&buffer), ["   42"]);
    }
}
