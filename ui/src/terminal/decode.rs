//! From bytes to keys. The same code reads a local terminal, an SSH channel and a test, and no part of it reads anything itself.

use termina::{
    Event, Parser,
    event::{KeyCode, KeyEvent, KeyEventKind, Modifiers},
};

use super::key::{Code, Key};

/// The most bytes of one unfinished sequence, such as a paste that does not end; then it is given up.
pub const SEQUENCE_BYTES_MAX: usize = 1 << 20;

/// What the terminal said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A key.
    Key(Key),
    /// Pasted text.
    Paste(String),
    /// The terminal has the focus, or not.
    Focus(bool),
}

/// Turns bytes into keys.
#[derive(Debug, Default)]
pub struct Decoder {
    parser: Parser,
    unfinished: usize,
}

impl Decoder {
    /// Takes bytes in; gives what they say so far.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Said> {
        if self.unfinished + bytes.len() > SEQUENCE_BYTES_MAX {
            *self = Self::default();
        }
        self.unfinished += bytes.len();
        self.parser.parse(bytes, true);
        self.said()
    }

    /// Whether bytes wait for their end: a lone escape is the key only when nothing follows it soon.
    pub fn is_unfinished(&self) -> bool {
        self.unfinished > 0
    }

    /// Nothing followed: what waits means what it is.
    pub fn flush(&mut self) -> Vec<Said> {
        self.parser.parse(&[], false);
        let said = self.said();
        if said.is_empty() {
            // A paste goes on for as long as it takes; all else was no sequence and is gone.
            return said;
        }
        self.unfinished = 0;
        said
    }

    fn said(&mut self) -> Vec<Said> {
        let mut said = Vec::new();
        while let Some(event) = self.parser.pop() {
            self.unfinished = 0;
            said.extend(read(event));
        }
        said
    }
}

fn read(event: Event) -> Option<Said> {
    match event {
        Event::Key(key) => read_key(key).map(Said::Key),
        Event::Paste(text) => Some(Said::Paste(text)),
        Event::FocusIn => Some(Said::Focus(true)),
        Event::FocusOut => Some(Said::Focus(false)),
        _ => None,
    }
}

fn read_key(key: KeyEvent) -> Option<Key> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let shift = key.modifiers.contains(Modifiers::SHIFT);
    let code = match key.code {
        KeyCode::Char(char) => Code::Char(char),
        KeyCode::Enter => Code::Enter,
        KeyCode::Tab if shift => Code::BackTab,
        KeyCode::Tab => Code::Tab,
        KeyCode::BackTab => Code::BackTab,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::Insert => Code::Insert,
        KeyCode::Escape => Code::Esc,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        KeyCode::Function(number) => Code::Function(number),
        _ => return None,
    };
    let ctrl = key.modifiers.contains(Modifiers::CONTROL);
    let alt = key.modifiers.intersects(Modifiers::ALT | Modifiers::META);
    Some(Key { code, ctrl, alt, repeat: key.kind == KeyEventKind::Repeat })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<String> {
        let mut decoder = Decoder::default();
        let mut said = decoder.feed(bytes);
        said.extend(decoder.flush());
        said.into_iter().map(|said| if let Said::Key(key) = said { key.to_string() } else { format!("{said:?}") }).collect()
    }

    #[test]
    fn what_terminals_send_becomes_keys() {
        assert_eq!(keys(b"jG \r\t\x7f"), ["j", "G", "space", "enter", "tab", "backspace"]);
        assert_eq!(keys(b"\x1b[A\x1b[Z\x1b[5~\x1bOP\x04"), ["up", "s-tab", "pgup", "f1", "C-d"]);
        assert_eq!(keys("ä:".as_bytes()), ["ä", ":"]);
        assert_eq!(keys(b"\x1bx"), ["A-x"]);
        assert_eq!(keys(b"\x1b[I\x1b[O"), ["Focus(true)", "Focus(false)"]);
    }

    #[test]
    fn a_lone_escape_is_the_key_once_nothing_followed() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.feed(b"\x1b"), []);
        assert!(decoder.is_unfinished());
        assert_eq!(decoder.flush(), [Said::Key(Key::plain(Code::Esc))]);
        assert!(!decoder.is_unfinished());
    }

    #[test]
    fn a_sequence_may_come_in_pieces_and_a_paste_is_no_keys() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.feed(b"\x1b["), []);
        assert_eq!(decoder.feed(b"B"), [Said::Key(Key::plain(Code::Down))]);
        assert_eq!(decoder.feed(b"\x1b[200~q\ny"), []);
        assert_eq!(decoder.flush(), []);
        assert_eq!(decoder.feed(b"es\x1b[201~"), [Said::Paste("q\nyes".into())]);
    }

    #[test]
    fn a_paste_that_does_not_end_is_given_up() {
        let mut decoder = Decoder::default();
        decoder.feed(b"\x1b[200~");
        for _ in 0..40 {
            decoder.feed(&vec![b'x'; 32 << 10]);
            assert!(decoder.unfinished <= SEQUENCE_BYTES_MAX);
        }
    }
}
