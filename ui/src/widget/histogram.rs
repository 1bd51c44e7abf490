//! Columns of a count over time, the failed part of each in the colour of failure.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Look, ink::Ink};

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bar {
    /// How many.
    pub all: u64,
    /// How many of them are failures.
    pub bad: u64,
}

/// Draws the newest bars that fit, newest at the right. The highest one fills the height.
pub fn render(buffer: &mut Buffer, area: Rect, look: &Look, bars: &[Bar]) {
    let mut ink = Ink::new(buffer, area);
    let (columns, height) = (usize::from(ink.width()), ink.height());
    let shown = &bars[bars.len().saturating_sub(columns)..];
    let top = shown.iter().map(|bar| bar.all.max(bar.bad)).max().unwrap_or(0);
    let first = columns - shown.len();
    for (index, bar) in shown.iter().enumerate() {
        let column = (first + index) as u16;
        let (all, bad) = (eighths(bar.all.max(bar.bad), top, height), eighths(bar.bad, top, height));
        for row in 0..height {
            let below = u64::from(height - 1 - row) * 8;
            let style = if bad > below { look.bad } else { look.accent };
            if let Some(sign) = sign(all.saturating_sub(below), look.ascii) {
                ink.sign(column, row, sign, style);
            }
        }
    }
}

/// A height in eighths of a row; anything above 0 is seen.
fn eighths(value: u64, top: u64, height: u16) -> u64 {
    let full = f64::from(height) * 8.0;
    let eighths = (value as f64 / top.max(1) as f64 * full).round() as u64;
    if value > 0 { eighths.max(1) } else { 0 }
}

fn sign(eighths: u64, ascii: bool) -> Option<char> {
    match (eighths, ascii) {
        (0, _) => None,
        (_, true) => Some('#'),
        (eighths, false) => Some(BLOCKS[(eighths.min(8) - 1) as usize]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widget::ink::rows;

    fn drawn(width: u16, height: u16, bars: &[Bar]) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        render(&mut buffer, Rect::new(0, 0, width, height), &Look::default(), bars);
        buffer
    }

    #[test]
    fn the_highest_bar_fills_the_height_and_the_smallest_is_seen() {
        let bars = [Bar { all: 1, bad: 0 }, Bar::default(), Bar { all: 800, bad: 0 }, Bar { all: 400, bad: 0 }];
        assert_eq!(rows(&drawn(5, 2, &bars)), ["   █", " ▁ ██"]);
    }

    #[test]
    fn failures_have_their_colour() {
        let buffer = drawn(1, 2, &[Bar { all: 4, bad: 2 }]);
        assert_eq!((buffer[(0, 1)].fg, buffer[(0, 0)].fg), (Look::default().bad.fg.unwrap(), Look::default().accent.fg.unwrap()));
    }

    #[test]
    fn no_room_and_no_bars_draw_nothing() {
        drawn(0, 0, &[Bar { all: 1, bad: 1 }]);
        assert_eq!(rows(&drawn(2, 1, &[])), [""]);
    }
}
