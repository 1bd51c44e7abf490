//! Cells as bytes, as few as will do: the pen and the cursor are known, so only what differs is said. The terminal library's
//! own encoder asks the process for the number of colours, and says the whole colour at every change.

use std::io::Write;

use ratatui::{
    buffer::{Buffer, Cell, CellWidth},
    style::{Color, Modifier},
};

use super::depth::Depth;

/// Fewer blanks at the end of a row are written than erased.
const ERASED_MIN: usize = 6;

const ERASE_TO_END: &[u8] = b"\x1b[K";

/// A row as a line of its own, which ends plain.
pub(crate) fn line(cells: &[Cell], depth: Depth, out: &mut Vec<u8>) {
    let mut pen = Encoder { depth, pen: Some(PLAIN), at: None, columns: 0 };
    let mut covered = 0;
    for cell in &cells[..usize::from(blank_from(cells)).min(cells.len())] {
        if covered == 0 {
            pen.take(pen.pen_of(cell), out);
            out.extend_from_slice(printable(cell.symbol()).as_bytes());
            covered = cell.symbol().cell_width();
        }
        covered = covered.saturating_sub(1);
    }
    pen.plain(out);
}

/// A control character in a cell would be obeyed.
fn printable(symbol: &str) -> &str {
    if symbol.is_empty() || symbol.chars().any(char::is_control) { " " } else { symbol }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

const PLAIN: Pen = Pen { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

/// What is known of a terminal between two frames.
#[derive(Debug, Clone)]
pub(super) struct Encoder {
    depth: Depth,
    pen: Option<Pen>,
    at: Option<(u16, u16)>,
    columns: u16,
}

impl Encoder {
    /// Nothing is known of the terminal.
    pub(super) fn new(depth: Depth, columns: u16) -> Self {
        Self { depth, pen: None, at: None, columns }
    }

    /// Writes what makes `shown` look like `next`.
    pub(super) fn cells(&mut self, shown: &Buffer, next: &Buffer, out: &mut Vec<u8>) {
        for y in 0..next.area.height {
            let changed = changed(row(shown, y), row(next, y));
            if !changed.is_empty() {
                self.row(y, &changed, row(next, y), out);
            }
        }
    }

    fn row(&mut self, y: u16, changed: &[u16], next: &[Cell], out: &mut Vec<u8>) {
        let blank_from = blank_from(next);
        let kept = changed.partition_point(|x| *x < blank_from);
        let erased = changed.len() - kept >= ERASED_MIN;
        let written = if erased { kept } else { changed.len() };
        for x in &changed[..written] {
            self.cell(*x, y, &next[usize::from(*x)], out);
        }
        if erased {
            self.go(blank_from, y, out);
            self.take(PLAIN, out);
            out.extend_from_slice(ERASE_TO_END);
        }
    }

    fn cell(&mut self, x: u16, y: u16, cell: &Cell, out: &mut Vec<u8>) {
        self.go(x, y, out);
        self.take(self.pen_of(cell), out);
        let symbol = printable(cell.symbol());
        out.extend_from_slice(symbol.as_bytes());
        let after = x + 1;
        // Past the last column terminals differ, and they do not agree on the width of every sign.
        let is_known = symbol.cell_width() == 1 && after < self.columns;
        self.at = is_known.then_some((after, y));
    }

    fn pen_of(&self, cell: &Cell) -> Pen {
        Pen { fg: self.depth.nearest(cell.fg), bg: self.depth.nearest(cell.bg), modifier: cell.modifier }
    }

    /// Moves the cursor.
    pub(super) fn go(&mut self, x: u16, y: u16, out: &mut Vec<u8>) {
        let done = match self.at {
            Some(at) if at == (x, y) => return,
            Some((from, row)) if row == y && x == from + 1 => out.write_all(b"\x1b[C"),
            Some((from, row)) if row == y && x > from => write!(out, "\x1b[{}C", x - from),
            Some((_, row)) if x == 0 && row + 1 == y => out.write_all(b"\r\n"),
            Some((_, row)) if x == 0 && row == y => out.write_all(b"\r"),
            _ if x == 0 => write!(out, "\x1b[{}H", y + 1),
            _ => write!(out, "\x1b[{};{}H", y + 1, x + 1),
        };
        done.expect("writing to memory does not fail");
        self.at = Some((x, y));
    }

    /// The cursor was moved; the pen is as it was.
    pub(super) fn moved(&mut self) {
        self.at = None;
    }

    /// Plain from here on: an erased cell then has no colour.
    pub(super) fn plain(&mut self, out: &mut Vec<u8>) {
        self.take(PLAIN, out);
    }

    fn take(&mut self, pen: Pen, out: &mut Vec<u8>) {
        if self.pen == Some(pen) {
            return;
        }
        let anew = said(PLAIN, pen, "0");
        let text = match self.pen {
            Some(before) => Some(said(before, pen, "")).filter(|text| text.len() <= anew.len()).unwrap_or(anew),
            None => anew,
        };
        let text = if text == "0" { "" } else { &text };
        write!(out, "\x1b[{text}m").expect("writing to memory does not fail");
        self.pen = Some(pen);
    }
}

fn row(buffer: &Buffer, y: u16) -> &[Cell] {
    let width = usize::from(buffer.area.width);
    &buffer.content[usize::from(y) * width..][..width]
}

/// The columns that must be written. Where a wide sign is overwritten, terminals disagree about what is left of its other
/// half, so that half is written as well.
fn changed(shown: &[Cell], next: &[Cell]) -> Vec<u16> {
    if shown == next {
        return Vec::new();
    }
    let (mut changed, mut x, mut torn) = (Vec::new(), 0, 0);
    while x < next.len() {
        let covered = x..(x + usize::from(next[x].cell_width().max(1))).min(next.len());
        if shown[x] != next[x] || x < torn {
            changed.push(x as u16);
            torn = covered.clone().map(|at| at + usize::from(shown[at].cell_width())).fold(torn, usize::max);
        }
        x = covered.end;
    }
    changed
}

/// The first column from which a row is blank.
fn blank_from(row: &[Cell]) -> u16 {
    row.iter().rposition(|cell| !is_blank(cell)).map_or(0, |last| last + usize::from(row[last].cell_width().max(1))) as u16
}

fn is_blank(cell: &Cell) -> bool {
    cell.symbol() == " " && cell.bg == Color::Reset && cell.modifier.is_empty()
}

/// The parameters that turn one pen into another, after `begun`.
fn said(before: Pen, pen: Pen, begun: &str) -> String {
    let mut text = begun.to_owned();
    let mut say = |parameter: &str| {
        if !text.is_empty() {
            text.push(';');
        }
        text.push_str(parameter);
    };
    let mut modifier = before.modifier;
    for (these, off) in OFF {
        if modifier.intersects(these) && modifier.intersection(these) != pen.modifier.intersection(these) {
            say(off);
            modifier.remove(these);
        }
    }
    for (this, on) in ON {
        if pen.modifier.contains(this) && !modifier.contains(this) {
            say(on);
        }
    }
    if before.fg != pen.fg {
        say(&color(pen.fg, 30));
    }
    if before.bg != pen.bg {
        say(&color(pen.bg, 40));
    }
    text
}

/// One parameter may end two.
const OFF: [(Modifier, &str); 7] = [
    (Modifier::BOLD.union(Modifier::DIM), "22"),
    (Modifier::ITALIC, "23"),
    (Modifier::UNDERLINED, "24"),
    (Modifier::SLOW_BLINK.union(Modifier::RAPID_BLINK), "25"),
    (Modifier::REVERSED, "27"),
    (Modifier::HIDDEN, "28"),
    (Modifier::CROSSED_OUT, "29"),
];

const ON: [(Modifier, &str); 9] = [
    (Modifier::BOLD, "1"),
    (Modifier::DIM, "2"),
    (Modifier::ITALIC, "3"),
    (Modifier::UNDERLINED, "4"),
    (Modifier::SLOW_BLINK, "5"),
    (Modifier::RAPID_BLINK, "6"),
    (Modifier::REVERSED, "7"),
    (Modifier::HIDDEN, "8"),
    (Modifier::CROSSED_OUT, "9"),
];

/// A colour as parameters; `base` is 30 for text and 40 for what is behind it.
fn color(color: Color, base: u8) -> String {
    let plain = |at: u8| (base + at).to_string();
    let bright = |at: u8| (base + 60 + at).to_string();
    match color {
        Color::Reset => plain(9),
        Color::Black => plain(0),
        Color::Red => plain(1),
        Color::Green => plain(2),
        Color::Yellow => plain(3),
        Color::Blue => plain(4),
        Color::Magenta => plain(5),
        Color::Cyan => plain(6),
        Color::Gray => plain(7),
        Color::DarkGray => bright(0),
        Color::LightRed => bright(1),
        Color::LightGreen => bright(2),
        Color::LightYellow => bright(3),
        Color::LightBlue => bright(4),
        Color::LightMagenta => bright(5),
        Color::LightCyan => bright(6),
        Color::White => bright(7),
        Color::Indexed(index @ 0..8) => plain(index),
        Color::Indexed(index @ 8..16) => bright(index - 8),
        Color::Indexed(index) => format!("{};5;{index}", base + 8),
        Color::Rgb(r, g, b) => format!("{};2;{r};{g};{b}", base + 8),
    }
}
