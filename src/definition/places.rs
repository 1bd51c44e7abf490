//! Where each key and value of a document stands. A tree beside the values, not a map from pointer to place: pointers of a
//! deep document are long, and there is one for each value.

use flexcore_engine::pipeline::{Mistake, mistake::PlacedMistake};

use super::schema_check::UNKNOWN_KEY;

/// A place in a text, both counted from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl Place {
    /// The first character.
    pub const START: Self = Self { line: 1, column: 1 };

    /// A mistake of the document as a whole, here.
    pub fn mistake(self, mistake: Mistake) -> PlacedMistake {
        PlacedMistake { line: self.line, column: self.column, mistake }
    }
}

/// The places of one value and of what is in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Places {
    pub(super) key: Option<Place>,
    pub(super) value: Place,
    pub(super) inner: Inner,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Inner {
    Leaf,
    List(Vec<Places>),
    Map(Vec<(String, Places)>),
}

impl Places {
    pub(super) fn leaf(value: Place) -> Self {
        Self { key: None, value, inner: Inner::Leaf }
    }

    /// The mistake with its place: of the value, or of the key when the key is what is wrong. What stands nowhere (a
    /// missing key, the inside of an alias) gets the place of what it would stand in.
    pub fn place(&self, mistake: Mistake) -> PlacedMistake {
        let deepest = self.deepest(&mistake.pointer);
        let is_of_key = mistake.message.starts_with(UNKNOWN_KEY);
        deepest.key.filter(|_| is_of_key).unwrap_or(deepest.value).mistake(mistake)
    }

    fn deepest(&self, pointer: &str) -> &Self {
        let mut here = self;
        for part in pointer.split('/').skip(1) {
            match here.child(&part.replace("~1", "/").replace("~0", "~")) {
                Some(child) => here = child,
                None => break,
            }
        }
        here
    }

    fn child(&self, name: &str) -> Option<&Self> {
        match &self.inner {
            Inner::Leaf => None,
            Inner::List(items) => items.get(name.parse::<usize>().ok()?),
            Inner::Map(entries) => entries.iter().find(|(key, _)| key == name).map(|(_, places)| places),
        }
    }
}
