//! Where one sequence ends and the next begins. The key parser behind this gives up in the middle of a sequence that it does
//! not know, and what is left of it would be keys; so it is given whole key sequences only, and all else ends here.

/// The most bytes kept of one paste; the rest of it is left out.
pub const PASTE_BYTES_MAX: usize = 1 << 20;
/// The most bytes of a control sequence that is looked at.
const CONTROL_BYTES_MAX: usize = 64;

const PASTE_BEGIN: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";
/// What the console asks for all the time may come in the middle of a paste, between two packets of it.
const ANSWER: &[u8] = super::pace::ANSWER;
const ESC: u8 = 0x1b;
const BELL: u8 = 0x07;
/// What an old kind of mouse report is long, after its head.
const MOUSE_BYTES: u8 = 3;

/// A whole sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A key, as its bytes.
    Key(Vec<u8>),
    /// Pasted bytes.
    Paste(Vec<u8>),
    /// The terminal says that it works.
    Working,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum State {
    /// Between sequences.
    #[default]
    Ground,
    /// In a character of several bytes; so many are missing.
    Char(u8),
    /// After an escape.
    Escape,
    /// After `ESC O`.
    Single,
    /// After `ESC [`.
    Control,
    /// After `ESC [ [`, as the Linux console has it.
    Console,
    /// In an answer that is a text.
    Text,
    /// In such a text, after an escape.
    TextEscape,
    /// In what was pasted.
    Paste,
    /// In the rest of a mouse report.
    Mouse(u8),
}

/// Cuts bytes into sequences.
#[derive(Debug, Default)]
pub(super) struct Lexer {
    state: State,
    kept: Vec<u8>,
    /// How much of the end of a paste was seen.
    ending: usize,
    /// How much of an answer was seen in a paste.
    answering: usize,
    /// Bytes of pastes so far, whether kept or not.
    pasted: u64,
    tokens: Vec<Token>,
}

impl Lexer {
    /// Takes bytes in; gives the sequences that ended with them.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Token> {
        for byte in bytes {
            self.byte(*byte);
        }
        std::mem::take(&mut self.tokens)
    }

    /// Grows with every byte that belongs to a paste.
    pub(super) fn pasted_so_far(&self) -> u64 {
        self.pasted
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// Nothing follows: what is there is what it is.
    pub(super) fn flush(&mut self) -> Vec<Token> {
        match self.state {
            State::Escape | State::Single => self.key(),
            // Alt with the letter that begins a text.
            State::Text if self.kept.len() == 2 => self.key(),
            State::Paste => self.pasted(),
            _ => self.drop_it(),
        }
        std::mem::take(&mut self.tokens)
    }

    /// An escape that was taken for a key was the beginning of a sequence after all.
    pub(super) fn resume_escape(&mut self) {
        self.enter(State::Escape, ESC);
    }

    fn byte(&mut self, byte: u8) {
        match self.state {
            State::Ground => self.ground(byte),
            State::Char(missing) => self.char(byte, missing),
            State::Escape => self.escape(byte),
            State::Single | State::Console => {
                self.kept.push(byte);
                self.key();
            }
            State::Control => self.control(byte),
            State::Text => match byte {
                BELL | 0x18 | 0x1a => self.drop_it(),
                ESC => self.state = State::TextEscape,
                _ if self.kept.len() < CONTROL_BYTES_MAX => self.kept.push(byte),
                _ => {}
            },
            State::TextEscape if byte == b'\\' => self.drop_it(),
            State::TextEscape => {
                self.enter(State::Escape, ESC);
                self.escape(byte);
            }
            State::Paste => self.paste(byte),
            State::Mouse(1) => self.drop_it(),
            State::Mouse(left) => self.state = State::Mouse(left - 1),
        }
    }

    fn ground(&mut self, byte: u8) {
        match byte {
            ESC => self.enter(State::Escape, byte),
            0..=0x7f => self.tokens.push(Token::Key(vec![byte])),
            0xc2..=0xdf => self.enter(State::Char(1), byte),
            0xe0..=0xef => self.enter(State::Char(2), byte),
            0xf0..=0xf4 => self.enter(State::Char(3), byte),
            _ => self.drop_it(),
        }
    }

    fn char(&mut self, byte: u8, missing: u8) {
        if !(0x80..0xc0).contains(&byte) {
            self.drop_it();
            return self.ground(byte);
        }
        self.kept.push(byte);
        if missing == 1 {
            self.key();
        } else {
            self.state = State::Char(missing - 1);
        }
    }

    fn escape(&mut self, byte: u8) {
        match byte {
            b'[' => self.go_on(State::Control, byte),
            b'O' => self.go_on(State::Single, byte),
            b']' | b'P' | b'_' | b'^' | b'X' => self.go_on(State::Text, byte),
            ESC => self.tokens.push(Token::Key(vec![ESC])),
            0..=0x7f => {
                self.kept.push(byte);
                self.key();
            }
            _ => {
                self.drop_it();
                self.ground(byte);
            }
        }
    }

    fn control(&mut self, byte: u8) {
        match byte {
            b'[' if self.kept.len() == 2 => self.go_on(State::Console, byte),
            b'M' if self.kept.len() == 2 => self.state = State::Mouse(MOUSE_BYTES),
            0x20..=0x3f if self.kept.len() < CONTROL_BYTES_MAX => self.kept.push(byte),
            0x20..=0x3f => {}
            0x40..=0x7e => {
                self.kept.push(byte);
                self.controlled();
            }
            ESC => self.enter(State::Escape, byte),
            _ => {
                self.drop_it();
                self.ground(byte);
            }
        }
    }

    /// A control sequence is whole. What is no key is an answer, asked for or not.
    fn controlled(&mut self) {
        let (body, last) = (&self.kept[2..self.kept.len() - 1], self.kept[self.kept.len() - 1]);
        // The parser behind gives up early on a body that begins with anything else.
        let is_plain = body.first().is_none_or(u8::is_ascii_digit)
            && body.iter().all(|byte| byte.is_ascii_digit() || *byte == b';' || *byte == b':');
        let is_key = matches!(last, b'A'..=b'F' | b'H' | b'I' | b'O' | b'P' | b'Q' | b'S' | b'Z' | b'~' | b'u');
        if self.kept == PASTE_BEGIN {
            self.kept.clear();
            (self.state, self.ending, self.answering) = (State::Paste, 0, 0);
        } else if matches!(body, b"0" | b"3") && last == b'n' {
            self.drop_it();
            self.tokens.push(Token::Working);
        } else if is_plain && is_key {
            self.key();
        } else {
            self.drop_it();
        }
    }

    fn paste(&mut self, byte: u8) {
        let follows = |seen: usize, whole: &[u8]| if byte == whole[seen] { seen + 1 } else { usize::from(byte == ESC) };
        (self.ending, self.answering) = (follows(self.ending, PASTE_END), follows(self.answering, ANSWER));
        self.pasted += 1;
        if self.kept.len() < PASTE_BYTES_MAX {
            self.kept.push(byte);
        }
        if self.ending == PASTE_END.len() {
            self.cut(PASTE_END);
            self.pasted();
        } else if self.answering == ANSWER.len() {
            self.cut(ANSWER);
            self.answering = 0;
            self.pasted -= ANSWER.len() as u64;
            self.tokens.push(Token::Working);
        }
    }

    /// Takes the end off what is kept, as much of it as there was room for.
    fn cut(&mut self, end: &[u8]) {
        let length = (1..=end.len()).rev().find(|length| self.kept.ends_with(&end[..*length])).unwrap_or(0);
        self.kept.truncate(self.kept.len() - length);
    }

    fn pasted(&mut self) {
        let text = std::mem::take(&mut self.kept);
        self.tokens.push(Token::Paste(text));
        self.drop_it();
    }

    fn key(&mut self) {
        self.tokens.push(Token::Key(std::mem::take(&mut self.kept)));
        self.drop_it();
    }

    fn drop_it(&mut self) {
        (self.state, self.ending) = (State::Ground, 0);
        self.kept.clear();
    }

    fn enter(&mut self, state: State, byte: u8) {
        self.kept.clear();
        self.go_on(state, byte);
    }

    fn go_on(&mut self, state: State, byte: u8) {
        self.state = state;
        self.kept.push(byte);
    }
}
