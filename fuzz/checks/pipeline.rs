//! The check of pipeline files: whatever is in one, it is either understood, the same each time, or answered with mistakes
//! that have a place.

use std::sync::{Arc, LazyLock};

use flexcore::{definition, step};
use flexcore_engine::port::step::StepTypes;

/// One table for all inputs: it keeps the schemas that it has made ready.
static TYPES: LazyLock<Arc<dyn StepTypes>> = LazyLock::new(step::table);

/// One input.
pub(crate) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let env = |name: &str| (name == "HOME").then(|| "/home/fuzz".to_owned());
    match definition::load(&text, None, &**TYPES, &env) {
        Ok(loaded) => {
            let again = definition::load(&text, None, &**TYPES, &env).expect("what was understood is understood again");
            assert_eq!(loaded.revision, again.revision);
        }
        Err(mistakes) => {
            // A carriage return alone ends a line of YAML, too.
            let lines = text.replace("\r\n", "\n").split(['\n', '\r']).count() as u32;
            assert!(!mistakes.is_empty() && mistakes.len() <= definition::load::MISTAKES_MAX);
            for placed in &mistakes {
                assert!(placed.line >= 1 && placed.column >= 1 && placed.line <= lines + 1, "{placed:?} of {lines} lines");
                assert!(!placed.mistake.message.is_empty());
            }
        }
    }
}
