//! What a YAML parser says, said to people. The parser's own sentence is kept where no better one is known.

use flexcore_engine::pipeline::{Mistake, mistake::PlacedMistake};
use serde_saphyr::granit_parser::{ErrorKind, Marker, ScanError};

use super::{document::DEPTH_MAX, places::Place};

/// The place of a parser's mark.
pub(super) fn place(mark: &Marker) -> Place {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Place { line: number(mark.line()).max(1), column: number(mark.col()).saturating_add(1) }
}

/// A parser's error as a mistake of the document.
pub(super) fn mistake(error: &ScanError, text: &str) -> PlacedMistake {
    let place = place(error.marker());
    let line = text.lines().nth(place.line as usize - 1).unwrap_or_default();
    if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
        return place.mistake(too_deep());
    }
    let mistake = Mistake::at("", format!("this is not YAML: {}", said(error)));
    place.mistake(match hint(error.kind(), line) {
        Some(hint) => mistake.hint(hint),
        None => mistake,
    })
}

/// Lists and maps in each other without end.
pub(super) fn too_deep() -> Mistake {
    Mistake::at("", format!("lists and maps are nested deeper than {DEPTH_MAX} levels here"))
}

fn said(error: &ScanError) -> String {
    let said = match error.kind() {
        ErrorKind::UnknownAnchor => "there is no anchor of this name before this alias",
        ErrorKind::UnexpectedEofFlowSequence => "a list that was opened with `[` does not end",
        ErrorKind::UnexpectedEofFlowMapping => "a map that was opened with `{` does not end",
        ErrorKind::MappingValueNotAllowed => "a `:` cannot stand here",
        ErrorKind::ExpectedBlockMappingKey => "a key was expected, with the indentation of the keys before it",
        ErrorKind::ExpectedBlockSequenceEntry => "an entry of the list was expected, beginning with `-`",
        _ => return error.info(),
    };
    said.to_owned()
}

fn hint(kind: &ErrorKind, line: &str) -> Option<&'static str> {
    let indentation_has_tab = line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t');
    match kind {
        _ if indentation_has_tab => Some("YAML indents with spaces, and this line has a tab"),
        ErrorKind::MappingValueNotAllowed => Some("text with `: ` in it needs quotes; or this line is indented too far"),
        _ => None,
    }
}
