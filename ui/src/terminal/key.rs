//! A key press in our own small type, so that the terminal library, the key file and the tests speak of the same thing.

use std::{fmt, str::FromStr};

/// Which key, modifiers aside. A shifted letter is the upper-case letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// A character, as the terminal decoded it.
    Char(char),
    /// Enter.
    Enter,
    /// Tab.
    Tab,
    /// Tab with shift.
    BackTab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Insert.
    Insert,
    /// Escape.
    Esc,
    /// Arrow.
    Up,
    /// Arrow.
    Down,
    /// Arrow.
    Left,
    /// Arrow.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// F1 to F35.
    Function(u8),
}

/// A key press.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Which key.
    pub code: Code,
    /// With control.
    pub ctrl: bool,
    /// With alt.
    pub alt: bool,
    /// The terminal says that the key is held down.
    pub repeat: bool,
}

impl Key {
    /// A key without modifiers.
    pub const fn plain(code: Code) -> Self {
        Self { code, ctrl: false, alt: false, repeat: false }
    }

    /// A character without modifiers.
    pub const fn char(char: char) -> Self {
        Self::plain(Code::Char(char))
    }

    /// A character with control.
    pub const fn ctrl(char: char) -> Self {
        Self { code: Code::Char(char), ctrl: true, alt: false, repeat: false }
    }

    /// The same press as if it were the first.
    pub const fn pressed(self) -> Self {
        Self { repeat: false, ..self }
    }

    /// The character that this press types into a text, if it types one.
    pub fn typed(self) -> Option<char> {
        match self.code {
            Code::Char(char) if !self.ctrl && !self.alt => Some(char),
            _ => None,
        }
    }
}

const NAMED: [(Code, &str); 15] = [
    (Code::Enter, "enter"),
    (Code::Tab, "tab"),
    (Code::BackTab, "s-tab"),
    (Code::Backspace, "backspace"),
    (Code::Delete, "delete"),
    (Code::Insert, "insert"),
    (Code::Esc, "esc"),
    (Code::Up, "up"),
    (Code::Down, "down"),
    (Code::Left, "left"),
    (Code::Right, "right"),
    (Code::Home, "home"),
    (Code::End, "end"),
    (Code::PageUp, "pgup"),
    (Code::PageDown, "pgdn"),
];

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("C-")?;
        }
        if self.alt {
            f.write_str("A-")?;
        }
        match self.code {
            Code::Char(' ') => f.write_str("space"),
            Code::Char(char) => write!(f, "{char}"),
            Code::Function(number) => write!(f, "f{number}"),
            code => f.write_str(NAMED.iter().find(|(named, _)| *named == code).map_or("?", |(_, name)| name)),
        }
    }
}

/// Text that names no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a key: write it like j, C-d, A-x, space, enter, esc, up, pgdn or f2")]
pub struct BadKey(pub String);

impl FromStr for Key {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        let (mut rest, mut ctrl, mut alt) = (text, false, false);
        loop {
            if let Some(after) = rest.strip_prefix("C-").filter(|after| !after.is_empty()) {
                (rest, ctrl) = (after, true);
            } else if let Some(after) = rest.strip_prefix("A-").filter(|after| !after.is_empty()) {
                (rest, alt) = (after, true);
            } else {
                break;
            }
        }
        let code = code_of(rest).ok_or_else(|| BadKey(text.to_owned()))?;
        Ok(Self { code, ctrl, alt, repeat: false })
    }
}

fn code_of(text: &str) -> Option<Code> {
    let mut chars = text.chars();
    if let (Some(char), None) = (chars.next(), chars.next()) {
        return (!char.is_control()).then_some(Code::Char(char));
    }
    if text == "space" {
        return Some(Code::Char(' '));
    }
    let function = || text.strip_prefix('f')?.parse().ok().filter(|number| (1..=35).contains(number)).map(Code::Function);
    NAMED.iter().find(|(_, name)| *name == text).map(|(code, _)| *code).or_else(function)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_what_it_writes() {
        for text in ["j", "G", "C-d", "A-x", "space", "enter", "s-tab", "f12", ":", "C-", "-", "ä"] {
            match text.parse::<Key>() {
                Ok(key) => assert_eq!(key.to_string(), text),
                Err(bad) => assert_eq!(bad, BadKey("C-".into())),
            }
        }
        for bad in ["", "f0", "f36", "return", "ctrl-x"] {
            assert_eq!(bad.parse::<Key>(), Err(BadKey(bad.into())));
        }
    }
}
