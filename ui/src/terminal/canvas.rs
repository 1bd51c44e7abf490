//! A frame as bytes: everything that one drawing changes, in one write, between the marks of synchronized output, so that no
//! half of it is ever seen. ratatui's own terminal would flush twice and ask the process's terminal for its size; here there
//! may be none.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use ratatui::{Frame, Terminal, TerminalOptions, Viewport, backend::CrosstermBackend, layout::Rect};

/// What the terminal is told when the console takes it: other screen, paste and focus marked, no cursor, empty.
pub const ENTER: &[u8] = b"\x1b[?1049h\x1b[?2004h\x1b[?1004h\x1b[?25l\x1b[0m\x1b[2J\x1b[H";
/// What the terminal is told when the console gives it back.
pub const LEAVE: &[u8] = b"\x1b[?2026l\x1b[?1004l\x1b[?2004l\x1b[0m\x1b[?25h\x1b[?1049l";

const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// Collects what the backend writes; a flush means nothing.
#[derive(Debug, Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is on the terminal, and what goes before the next frame.
pub struct Canvas {
    terminal: Terminal<CrosstermBackend<Sink>>,
    sink: Sink,
    before: Vec<u8>,
}

fn blank(sink: &Sink, (columns, rows): (u16, u16)) -> Terminal<CrosstermBackend<Sink>> {
    let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, columns, rows)) };
    Terminal::with_options(CrosstermBackend::new(sink.clone()), options).expect("a fixed viewport asks no terminal for its size")
}

impl Canvas {
    /// A terminal that was not entered yet: its first frame enters it.
    pub fn new(size: (u16, u16)) -> Self {
        let sink = Sink::default();
        Self { terminal: blank(&sink, size), sink, before: ENTER.to_vec() }
    }

    /// Another size, or the same anew: the next frame draws everything.
    pub fn forget(&mut self, size: (u16, u16)) {
        self.terminal = blank(&self.sink, size);
        self.before.extend_from_slice(b"\x1b[0m\x1b[2J");
    }

    /// The terminal was given away in between: the next frame enters it again and draws everything.
    pub fn enter(&mut self, size: (u16, u16)) {
        self.terminal = blank(&self.sink, size);
        self.before = ENTER.to_vec();
    }

    /// Goes before the next frame, such as a copy to the clipboard.
    pub fn put(&mut self, bytes: &[u8]) {
        self.before.extend_from_slice(bytes);
    }

    /// The bytes that bring the terminal from the last frame to this one; `None`: nothing changed.
    pub fn frame(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> Option<Vec<u8>> {
        self.terminal.draw(draw).expect("writing to memory does not fail");
        let body = self.sink.take();
        // A frame without a changed cell and without a cursor moves the cursor nowhere.
        if self.before.is_empty() && !body.contains(&b'H') {
            return None;
        }
        let before = std::mem::take(&mut self.before);
        Some([BEGIN, &before, &body, END].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::widgets::Paragraph;

    #[test]
    fn a_frame_is_one_piece_and_an_unchanged_one_is_none() {
        let mut canvas = Canvas::new((20, 2));
        let first = canvas.frame(|frame| frame.render_widget(Paragraph::new("one"), frame.area())).unwrap();
        assert!(first.starts_with(BEGIN) && first.ends_with(END));
        let entered = [BEGIN, ENTER].concat();
        assert!(first.starts_with(&entered));
        assert_eq!(canvas.frame(|frame| frame.render_widget(Paragraph::new("one"), frame.area())), None);
        let next = canvas.frame(|frame| frame.render_widget(Paragraph::new("ore"), frame.area())).unwrap();
        assert!(next.len() < 80, "{}", next.len());
    }

    #[test]
    fn any_size_is_drawn() {
        for size in [(0, 0), (1, 1), (1_000, 400)] {
            let mut canvas = Canvas::new(size);
            assert!(canvas.frame(|frame| frame.render_widget(Paragraph::new("x"), frame.area())).is_some());
        }
    }
}
