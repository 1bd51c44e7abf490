//! Good files with something broken in them: whatever is typed, the check answers with mistakes that have a place.

use std::{
    fs,
    sync::{Arc, LazyLock},
};

use flexcore::{definition, step};
use flexcore_engine::port::step::StepTypes;
use proptest::prelude::*;

const GOOD: [&str; 3] =
    ["examples/quakes.pipeline.yaml", "examples/strikes.pipeline.yaml", "tests/it/cli/good/orders.pipeline.yaml"];

/// One table for all cases: it keeps the schemas that it has made ready.
static TYPES: LazyLock<Arc<dyn StepTypes>> = LazyLock::new(step::table);

/// Pieces that mean something to YAML, to the schema or to a terminal.
const PIECES: [&str; 28] = [
    ":", ": ", "- ", "\n", "\n\n", "  ", "\t", "{", "}", "[", "]", "\"", "'", "&a ", "*a", "!!str ", "|", ">", "#", "---\n",
    "...\n", "${", "${X", "null", "1e999", "\u{0}", "\u{202e}", "<<: ",
];

fn broken(text: &str, edits: &[(usize, usize, Option<usize>)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (at, cut, piece) in edits {
        let at = at % (chars.len() + 1);
        let end = (at + cut).min(chars.len());
        let piece = piece.map_or("", |index| PIECES[index % PIECES.len()]);
        chars.splice(at..end, piece.chars());
    }
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_broken_file_is_answered_with_mistakes_that_have_a_place(
        file in 0..GOOD.len(),
        edits in prop::collection::vec((any::<usize>(), 0_usize..40, prop::option::of(any::<usize>())), 1..6),
    ) {
        let good = fs::read_to_string(GOOD[file]).unwrap();
        let text = broken(&good, &edits);
        let lines = u32::try_from(text.lines().count()).unwrap();
        if let Err(mistakes) = definition::load(&text, None, &**TYPES, &|_| None) {
            prop_assert!(!mistakes.is_empty());
            for placed in &mistakes {
                prop_assert!(placed.line >= 1 && placed.column >= 1 && placed.line <= lines + 1, "{placed:?}");
                prop_assert!(!placed.mistake.message.is_empty());
            }
            let places: Vec<_> = mistakes.iter().map(|placed| (placed.line, placed.column)).collect();
            prop_assert!(places.is_sorted(), "{places:?}");
        }
    }
}
