//! Rows that moved are moved by the terminal: a tail that grows by one line costs that line and not the whole pane. What
//! moved is read from the cells themselves, so that every list of full width gains and no view has to know of it.

use ratatui::buffer::{Buffer, Cell};

use super::encode::Encoder;

/// Fewer bytes saved than this are not worth the sequences.
const SAVED_MIN: isize = 50;
/// What it takes to go to the next cell that differs, in bytes.
const GO: usize = 6;
/// Fewer rows changed than this have not moved.
const CHANGED_MIN: usize = 3;

/// Rows `top` to `bottom` move up by `by`; down when it is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scroll {
    top: usize,
    bottom: usize,
    by: isize,
}

fn row(buffer: &Buffer, y: usize) -> &[Cell] {
    let width = usize::from(buffer.area.width);
    &buffer.content[y * width..(y + 1) * width]
}

/// About how many bytes make one row look like the other.
fn cost(shown: &[Cell], next: &[Cell]) -> usize {
    let (mut bytes, mut before) = (0, false);
    for (one, other) in shown.iter().zip(next) {
        let differs = one != other;
        bytes += usize::from(differs) + if differs && !before { GO } else { 0 };
        before = differs;
    }
    bytes
}

impl Scroll {
    /// What moved, if moving it is cheaper than drawing it.
    pub(super) fn between(shown: &Buffer, next: &Buffer) -> Option<Self> {
        let height = usize::from(next.area.height);
        let changed: Vec<usize> = (0..height).filter(|y| row(shown, *y) != row(next, *y)).collect();
        let (first, last) = (*changed.first()?, *changed.last()?);
        if changed.len() < CHANGED_MIN {
            return None;
        }
        let reach = (last - first).cast_signed();
        let tries = (1..=reach).flat_map(|by| [by, -by]);
        let best = tries.filter_map(|by| Self::by(shown, next, &changed, by)).max_by_key(|(rows, _)| *rows)?.1;
        (best.saved(shown, next) >= SAVED_MIN).then_some(best)
    }

    /// The longest run of changed rows that were `by` rows further down.
    fn by(shown: &Buffer, next: &Buffer, changed: &[usize], by: isize) -> Option<(usize, Self)> {
        let height = usize::from(next.area.height);
        let came_from = |y: usize| y.checked_add_signed(by).filter(|from| *from < height);
        let moved = |y: usize| came_from(y).is_some_and(|from| row(next, y) == row(shown, from));
        let mut best: Option<(usize, usize, usize)> = None;
        let mut run: Option<(usize, usize, usize)> = None;
        for &y in changed.iter().filter(|y| moved(**y)) {
            // A row between that did not move, such as the one under the cursor, does not break the run.
            run = match run {
                Some((from, to, rows)) if y - to <= 3 => Some((from, y, rows + 1)),
                _ => Some((y, y, 1)),
            };
            if best.is_none_or(|(.., rows)| run.is_some_and(|(.., longer)| longer > rows)) {
                best = run;
            }
        }
        let (from, to, rows) = best?;
        let (top, bottom) = if by > 0 { (from, to + by.unsigned_abs()) } else { (from - by.unsigned_abs(), to) };
        Some((rows, Self { top, bottom, by }))
    }

    /// Bytes that need not be written, less those that have to be written because of it.
    fn saved(self, shown: &Buffer, next: &Buffer) -> isize {
        let blank = vec![Cell::default(); usize::from(next.area.width)];
        let rows = (self.top..=self.bottom).map(|y| {
            let before = cost(row(shown, y), row(next, y));
            let after = cost(self.source(y).map_or(&blank, |from| row(shown, from)), row(next, y));
            before.cast_signed() - after.cast_signed()
        });
        rows.sum()
    }

    /// Which row comes to stand here; `None`: an empty one.
    fn source(self, y: usize) -> Option<usize> {
        y.checked_add_signed(self.by).filter(|from| (self.top..=self.bottom).contains(from))
    }

    /// What the terminal shows afterwards.
    pub(super) fn apply(self, shown: &mut Buffer) {
        let width = usize::from(shown.area.width);
        let before = shown.content[self.top * width..(self.bottom + 1) * width].to_vec();
        for y in self.top..=self.bottom {
            let target = &mut shown.content[y * width..(y + 1) * width];
            match self.source(y) {
                Some(from) => {
                    let start = (from - self.top) * width;
                    target.clone_from_slice(&before[start..start + width]);
                }
                None => target.fill(Cell::default()),
            }
        }
    }

    /// Sets margins, moves what is between them by line feeds, which every terminal since the VT100 understands, and takes
    /// the margins away.
    pub(super) fn encode(self, encoder: &mut Encoder, out: &mut Vec<u8>) {
        encoder.plain(out);
        out.extend_from_slice(format!("\x1b[{};{}r", self.top + 1, self.bottom + 1).as_bytes());
        let (row, step): (usize, &[u8]) = if self.by > 0 { (self.bottom, b"\n") } else { (self.top, b"\x1bM") };
        out.extend_from_slice(format!("\x1b[{}H", row + 1).as_bytes());
        for _ in 0..self.by.unsigned_abs() {
            out.extend_from_slice(step);
        }
        out.extend_from_slice(b"\x1b[r");
        encoder.moved();
    }
}
