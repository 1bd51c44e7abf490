//! One thing wrong with a definition. Checks collect these; they never stop at the first.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mistake {
    /// Where in the document, as a JSON pointer: `/steps/2/with/filter`. Empty: the document as a whole.
    pub pointer: String,
    /// What is wrong, one sentence without its full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Mistake {
    /// A mistake at a place.
    pub fn at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into(), hint: None }
    }

    /// Adds what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds `did you mean …?` when one of the known words is near.
    pub fn did_you_mean<'a>(self, given: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(given, known) {
            Some(word) => self.hint(format!("did you mean `{word}`?")),
            None => self,
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, " ({hint})"))
    }
}

/// A mistake with its place in the author's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedMistake {
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
    /// What is wrong.
    pub mistake: Mistake,
}

/// The known word that is nearest to what was given, if any is near enough to be what was meant.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let score = |word: &&'a str| (strsim::jaro_winkler(given, word) * 1000.0) as u32;
    known.into_iter().max_by_key(score).filter(|word| score(word) >= 750)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_known_word_is_offered_only_when_it_is_near() {
        let known = ["filter", "fields", "expr"];
        assert_eq!(nearest("fitler", known), Some("filter"));
        assert_eq!(nearest("zzz", known), None);
    }
}
