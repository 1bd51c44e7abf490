//! A frame as bytes: everything that one drawing changes, in one write, between the marks of synchronized output, so that no
//! half of it is ever seen. ratatui's own terminal flushes twice, asks the process's terminal for its size and knows no
//! scrolling; it still draws here, into cells, and the bytes are made of those.

use std::{cell::RefCell, convert::Infallible};

use ratatui::{
    Frame, Terminal, TerminalOptions, Viewport,
    backend::{Backend, ClearType, WindowSize},
    buffer::{Buffer, Cell},
    layout::{Position, Rect, Size},
};

use super::{depth::Depth, encode::Encoder, scroll::Scroll};

/// What the terminal is told when the console takes it: other screen, paste and focus marked, no cursor, empty.
pub const ENTER: &[u8] = b"\x1b[?1049h\x1b[?2004h\x1b[?1004h\x1b[?25l\x1b[r\x1b[m\x1b[2J\x1b[H";
/// What the terminal is told when the console gives it back.
pub const LEAVE: &[u8] = b"\x1b[?2026l\x1b[?1004l\x1b[?2004l\x1b[r\x1b[m\x1b[?25h\x1b[?1049l";

const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";
const SHOW_CURSOR: &[u8] = b"\x1b[?25h";
const HIDE_CURSOR: &[u8] = b"\x1b[?25l";

/// What a terminal can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// How many colours it has.
    pub depth: Depth,
    /// Whether it moves rows by itself.
    pub scrolls: bool,
}

impl Default for Abilities {
    fn default() -> Self {
        Self { depth: Depth::default(), scrolls: true }
    }
}

/// Keeps where the cursor should be; cells are read from the buffer.
#[derive(Debug, Default)]
struct Cursor(Option<Position>);

impl Backend for Cursor {
    type Error = Infallible;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, _content: I) -> Result<(), Infallible> {
        Ok(())
    }

    fn hide_cursor(&mut self) -> Result<(), Infallible> {
        self.0 = None;
        Ok(())
    }

    fn show_cursor(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn get_cursor_position(&mut self) -> Result<Position, Infallible> {
        Ok(self.0.unwrap_or_default())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Infallible> {
        self.0 = Some(position.into());
        Ok(())
    }

    fn clear(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn clear_region(&mut self, _region: ClearType) -> Result<(), Infallible> {
        Ok(())
    }

    fn size(&self) -> Result<Size, Infallible> {
        Ok(Size::default())
    }

    fn window_size(&mut self) -> Result<WindowSize, Infallible> {
        Ok(WindowSize { columns_rows: Size::default(), pixels: Size::default() })
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

thread_local! {
    /// What frames are drawn on, one a thread: between two frames a console keeps only what its terminal shows, so that many
    /// of them in one process are small.
    static BOARD: RefCell<Option<Terminal<Cursor>>> = const { RefCell::new(None) };
}

/// An empty board of a size: the one that this thread drew on before, or a new one.
fn board(area: Rect) -> Terminal<Cursor> {
    let mut kept = BOARD.take();
    if kept.as_mut().is_some_and(|board| board.get_frame().area() != area) {
        kept = None;
    }
    kept.unwrap_or_else(|| {
        let options = TerminalOptions { viewport: Viewport::Fixed(area) };
        Terminal::with_options(Cursor::default(), options).expect("this backend never fails")
    })
}

/// What is on the terminal, and what goes before the next frame.
pub struct Canvas {
    /// The cells as the terminal has them.
    shown: Buffer,
    cursor: Option<Position>,
    encoder: Encoder,
    abilities: Abilities,
    before: Vec<u8>,
}

impl Canvas {
    /// A terminal that was not entered yet: its first frame enters it.
    pub fn new((columns, rows): (u16, u16), abilities: Abilities) -> Self {
        let area = Rect::new(0, 0, columns, rows);
        let encoder = Encoder::new(abilities.depth, columns);
        Self { shown: Buffer::empty(area), cursor: None, encoder, abilities, before: ENTER.to_vec() }
    }

    /// Another size, or the same anew: the next frame draws everything.
    pub fn forget(&mut self, size: (u16, u16)) {
        let mut before = std::mem::take(&mut self.before);
        before.extend_from_slice(b"\x1b[?25l\x1b[r\x1b[m\x1b[2J");
        *self = Self { before, ..Self::new(size, self.abilities) };
    }

    /// The terminal was given away in between: the next frame enters it again and draws everything.
    pub fn enter(&mut self, size: (u16, u16)) {
        *self = Self::new(size, self.abilities);
    }

    /// Goes before the next frame, such as a copy to the clipboard.
    pub fn put(&mut self, bytes: &[u8]) {
        self.before.extend_from_slice(bytes);
    }

    /// The bytes that bring the terminal from the last frame to this one; `None`: nothing changed.
    pub fn frame(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        let mut board = board(self.shown.area);
        let next = board.draw(draw).expect("this backend never fails").buffer;
        if self.abilities.scrolls
            && let Some(scroll) = Scroll::between(&self.shown, next)
        {
            scroll.encode(&mut self.encoder, &mut body);
            scroll.apply(&mut self.shown);
        }
        self.encoder.cells(&self.shown, next, &mut body);
        self.shown.content.clone_from(&next.content);
        self.place_cursor(board.backend().0, &mut body);
        BOARD.set(Some(board));
        if self.before.is_empty() && body.is_empty() {
            return None;
        }
        let before = std::mem::take(&mut self.before);
        Some([BEGIN, &before, &body, END].concat())
    }

    /// A hidden cursor may be anywhere; one that is seen stands where it should after every frame.
    fn place_cursor(&mut self, wanted: Option<Position>, body: &mut Vec<u8>) {
        if let Some(position) = wanted
            && (self.cursor != wanted || !body.is_empty())
        {
            self.encoder.go(position.x, position.y, body);
        }
        match (self.cursor, wanted) {
            (None, Some(_)) => body.extend_from_slice(SHOW_CURSOR),
            (Some(_), None) => body.extend_from_slice(HIDE_CURSOR),
            _ => {}
        }
        self.cursor = wanted;
    }
}

#[cfg(test)]
mod tests;
