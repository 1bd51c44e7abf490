//! One frame without a terminal: as cells, and as text.

use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::{Buffer, Cell},
};
use unicode_width::UnicodeWidthStr;

use super::view;
use crate::{
    model::Model,
    terminal::{depth::Depth, encode},
};

/// A model's screen as cells.
pub fn render(model: &Model) -> Buffer {
    let (columns, rows) = model.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("memory is a terminal that never fails");
    terminal.draw(|frame| view(model, frame)).expect("memory is a terminal that never fails").buffer.clone()
}

/// The rows of cells.
pub fn rows(buffer: &Buffer) -> impl Iterator<Item = &[Cell]> {
    buffer.content.chunks(usize::from(buffer.area.width).max(1)).take(usize::from(buffer.area.height))
}

/// Cells as text with the colours of a terminal, a row a line.
pub fn ansi(buffer: &Buffer, depth: Depth) -> String {
    let mut out = Vec::new();
    for cells in rows(buffer) {
        encode::line(cells, depth, &mut out);
        out.push(b'\n');
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Cells as text, a row a line, blanks at the ends left out.
pub fn text(buffer: &Buffer) -> String {
    let row = |cells: &[Cell]| {
        let mut skip = 0;
        let mut line = String::new();
        for cell in cells {
            if skip == 0 {
                line.push_str(cell.symbol());
                skip = cell.symbol().width();
            }
            skip = skip.saturating_sub(1);
        }
        format!("{}\n", line.trim_end())
    };
    rows(buffer).map(row).collect()
}
