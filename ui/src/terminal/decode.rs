//! From bytes to keys. The same code reads a local terminal, an SSH channel and a test, and no part of it reads anything itself.

use std::time::Duration;

use termina::{
    Event, Parser,
    event::{KeyCode, KeyEvent, KeyEventKind, Modifiers},
};

use super::{
    key::{Code, Key},
    lex::{Lexer, State, Token},
};

pub use super::lex::PASTE_BYTES_MAX;

/// A lone escape is the key when nothing followed for this long.
const ESCAPE: Duration = Duration::from_millis(40);
/// An answer of the terminal that stops in its middle is given up after this.
const ANSWER: Duration = Duration::from_millis(500);
/// A paste in which nothing came for this long is over.
const PASTE: Duration = Duration::from_secs(5);

/// What the terminal said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A key.
    Key(Key),
    /// Pasted text, without control characters but line ends and tabs.
    Paste(String),
    /// The terminal has the focus, or not.
    Focus(bool),
    /// It works, and has taken in everything before the question.
    Working,
}

/// Turns bytes into keys.
#[derive(Debug, Default)]
pub struct Decoder {
    lexer: Lexer,
    parser: Parser,
    /// The last thing said was a lone escape that nothing followed.
    lone_escape: bool,
}

impl Decoder {
    /// Takes bytes in; gives what they say so far.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Said> {
        // A line may be so slow that the rest of a sequence comes after the escape was taken for the key. Nobody types a
        // whole sequence within one packet.
        if std::mem::take(&mut self.lone_escape) && is_rest_of_sequence(bytes) {
            self.lexer.resume_escape();
        }
        let tokens = self.lexer.feed(bytes);
        self.said(tokens)
    }

    /// How long to wait for the end of what was begun; `None`: nothing is.
    pub fn patience(&self) -> Option<Duration> {
        match self.lexer.state() {
            State::Ground => None,
            State::Escape | State::Single => Some(ESCAPE),
            State::Paste => Some(PASTE),
            _ => Some(ANSWER),
        }
    }

    /// Whether a paste has begun and not ended.
    pub fn is_pasting(&self) -> bool {
        self.lexer.state() == State::Paste
    }

    /// Grows with every byte of a paste.
    pub fn pasted_so_far(&self) -> u64 {
        self.lexer.pasted_so_far()
    }

    /// Nothing followed: what waits means what it is.
    pub fn flush(&mut self) -> Vec<Said> {
        self.lone_escape = self.lexer.state() == State::Escape;
        let tokens = self.lexer.flush();
        self.said(tokens)
    }

    fn said(&mut self, tokens: Vec<Token>) -> Vec<Said> {
        tokens.into_iter().filter_map(|token| self.read(token)).collect()
    }

    fn read(&mut self, token: Token) -> Option<Said> {
        match token {
            Token::Working => Some(Said::Working),
            Token::Paste(bytes) => {
                let is_text = |char: &char| !char.is_control() || "\n\r\t".contains(*char);
                Some(Said::Paste(String::from_utf8_lossy(&bytes).chars().filter(is_text).collect()))
            }
            Token::Key(bytes) => {
                self.parser.parse(&bytes, false);
                let event = self.parser.pop();
                if event.is_none() {
                    // It may have kept what it did not understand.
                    self.parser = Parser::default();
                }
                read(&event?)
            }
        }
    }
}

/// `[A`, `[1;5C`: what follows the escape of a control sequence.
fn is_rest_of_sequence(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"[") else { return false };
    let end = rest.iter().position(|byte| (0x40..=0x7e).contains(byte));
    end.is_some_and(|end| rest[..end].iter().all(|byte| (0x20..=0x3f).contains(byte)))
}

fn read(event: &Event) -> Option<Said> {
    match event {
        Event::Key(key) => read_key(*key).map(Said::Key),
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
    use proptest::prelude::*;

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
        assert!(decoder.patience().is_some_and(|patience| patience <= Duration::from_millis(50)));
        assert_eq!(decoder.flush(), [Said::Key(Key::plain(Code::Esc))]);
        assert_eq!(decoder.patience(), None);
        assert_eq!(decoder.feed(b"[A"), [Said::Key(Key::plain(Code::Up))], "the rest of an arrow came late");
        assert_eq!(decoder.feed(b"\x1b"), []);
        decoder.flush();
        assert_eq!(decoder.feed(b"["), [Said::Key(Key::char('['))], "typed after the escape");
    }

    #[test]
    fn a_sequence_may_come_in_pieces_and_a_paste_is_no_keys() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.feed(b"\x1b["), []);
        assert_eq!(decoder.feed(b"B"), [Said::Key(Key::plain(Code::Down))]);
        assert_eq!(decoder.feed(b"\x1b[200~q\ny\x1b[0"), []);
        let so_far = decoder.pasted_so_far();
        assert_eq!(decoder.feed(b"n"), [Said::Working], "an answer between two packets of a paste");
        assert!(decoder.pasted_so_far() < so_far);
        assert_eq!(decoder.feed(b"\x1b[1n\x00"), []);
        assert_eq!(decoder.feed(b"es\x1b[20"), []);
        assert_eq!(decoder.feed(b"1~x"), [Said::Paste("q\ny[1nes".into()), Said::Key(Key::char('x'))]);
    }

    #[test]
    fn a_paste_that_does_not_end_is_cut_and_over_when_nothing_comes() {
        let mut decoder = Decoder::default();
        decoder.feed(b"\x1b[200~");
        for _ in 0..40 {
            decoder.feed(&vec![b'x'; 32 << 10]);
        }
        assert_eq!(decoder.flush(), [Said::Paste("x".repeat(PASTE_BYTES_MAX))]);
        assert_eq!(decoder.feed(b"j"), [Said::Key(Key::char('j'))]);
    }

    #[test]
    fn answers_of_the_terminal_are_no_keys() {
        let answers: [&[u8]; 12] = [
            b"\x1b[?1;2c",
            b"\x1b[>0;276;0c",
            b"\x1b[24;80R",
            b"\x1b[?2026;2$y",
            b"\x1bP>|tmux 3.3a\x1b\\",
            b"\x1b]11;rgb:ffff/ffff/ffff\x07",
            b"\x1b]11;rgb:0000/0000/0000\x1b\\",
            b"\x1b_Gi=31;OK\x1b\\",
            b"\x1b[?997;1n",
            b"\x1b[4;600;800t",
            b"\x1b[M !!",
            b"\x1b[<0;10;10M",
        ];
        for answer in answers {
            for cut in 0..=answer.len() {
                let mut decoder = Decoder::default();
                let mut said = decoder.feed(&answer[..cut]);
                said.extend(decoder.feed(&answer[cut..]));
                said.extend(decoder.feed(b"j"));
                assert_eq!(said, [Said::Key(Key::char('j'))], "{}", String::from_utf8_lossy(answer).escape_debug());
            }
        }
        assert_eq!(Decoder::default().feed(b"j\x1b[0nk"), [Said::Key(Key::char('j')), Said::Working, Said::Key(Key::char('k'))]);
    }

    proptest! {
        #[test]
        fn hostile_bytes_say_the_same_in_one_piece_and_in_many(
            bytes in prop::collection::vec(prop_oneof![Just(0x1b), Just(b'['), Just(b'O'), Just(b';'), 0x20u8..0x7f, any::<u8>()], 0..200),
            cuts in prop::collection::vec(0usize..200, 0..8),
        ) {
            let mut whole = Decoder::default();
            let said = whole.feed(&bytes);
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.push(bytes.len());
            cuts.sort_unstable();
            let (mut pieces, mut from, mut in_pieces) = (Decoder::default(), 0, Vec::new());
            for cut in cuts {
                in_pieces.extend(pieces.feed(&bytes[from..cut]));
                from = cut;
            }
            prop_assert_eq!(&said, &in_pieces);
            // However it was left, it works again once it was quiet.
            pieces.flush();
            prop_assert_eq!(pieces.feed(b"q"), [Said::Key(Key::char('q'))]);
        }

        #[test]
        fn no_control_character_of_a_paste_reaches_a_text(text in ".{0,80}") {
            let mut decoder = Decoder::default();
            let said = decoder.feed(&[b"\x1b[200~", text.as_bytes(), b"\x1b[201~"].concat());
            for said in said {
                if let Said::Paste(text) = said {
                    prop_assert!(text.chars().all(|char| !char.is_control() || "\n\r\t".contains(char)));
                }
            }
        }
    }
}
