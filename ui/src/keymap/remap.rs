//! Other keys, from a file. What cannot be meant is refused at the start, with both sides of a clash named: a key that does
//! something unexpected is worse than a console that does not start.

use flexcore_engine::pipeline::mistake::nearest;
use toml::{Table, Value};

use super::{Bound, Keymap, Scope, chord_text};
use crate::terminal::key::{BadKey, Key};

/// Why a key file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    /// Not TOML.
    #[error("the key file is not TOML: {0}")]
    NotToml(String),
    /// Something beside the tables of keys.
    #[error("`{0}`: a key file has tables like [keys.pipelines]; `flexcore keys` prints them all")]
    NotATable(String),
    /// A table that is not a scope.
    #[error("[keys.{given}]: there is no such scope{}", hint(.near.as_ref()))]
    UnknownScope { given: String, near: Option<String> },
    /// A name that is not an action of its scope.
    #[error("[keys.{scope}] {given}: there is no such action{}", hint(.near.as_ref()))]
    UnknownAction { scope: &'static str, given: String, near: Option<String> },
    /// Not a list of keys.
    #[error("[keys.{scope}] {action}: write a list of keys, like [\"a\", \"g g\"]")]
    NotKeys { scope: &'static str, action: String },
    /// A key that is none.
    #[error("[keys.{scope}] {action}: {source}")]
    BadKey { scope: &'static str, action: String, source: BadKey },
    /// Two actions of one scope want the same key.
    #[error("[keys.{scope}] `{key}` is bound to both `{first}` and `{second}`: give one of them another key")]
    Clash { scope: &'static str, key: String, first: &'static str, second: &'static str },
}

fn hint(near: Option<&String>) -> String {
    near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

impl Keymap {
    /// The defaults with the changes of a file: `[keys.pipelines] activate = ["a"]`. An empty list takes the keys away.
    pub fn from_toml(text: &str) -> Result<Self, KeymapError> {
        let root: Table = text.parse().map_err(|bad: toml::de::Error| KeymapError::NotToml(bad.message().to_owned()))?;
        let mut keys = Table::new();
        for (name, value) in root {
            match value {
                Value::Table(table) if name == "keys" => keys = table,
                _ => return Err(KeymapError::NotATable(name)),
            }
        }
        let mut map = Self::default();
        for (given, actions) in &keys {
            map.remap_scope(given, actions)?;
        }
        map.check_clashes()?;
        Ok(map)
    }

    fn remap_scope(&mut self, given: &str, actions: &Value) -> Result<(), KeymapError> {
        let names = Scope::ALL.map(Scope::name);
        let unknown = || KeymapError::UnknownScope { given: given.into(), near: nearest(given, names).map(Into::into) };
        let scope = Scope::ALL.into_iter().find(|scope| scope.name() == given).ok_or_else(unknown)?;
        let actions = actions.as_table().ok_or_else(|| KeymapError::NotATable(format!("keys.{given}")))?;
        for (name, keys) in actions {
            let chords = read_chords(scope, name, keys)?;
            self.bound_mut(scope, name)?.chords = chords;
        }
        Ok(())
    }

    fn bound_mut(&mut self, scope: Scope, name: &str) -> Result<&mut Bound, KeymapError> {
        let of_scope = |bound: &&Bound| bound.binding.scope == scope;
        let known: Vec<_> = self.bounds.iter().filter(of_scope).map(|bound| bound.binding.name).collect();
        let near = nearest(name, known).map(Into::into);
        let found = self.bounds.iter_mut().find(|bound| bound.binding.scope == scope && bound.binding.name == name);
        found.ok_or(KeymapError::UnknownAction { scope: scope.name(), given: name.into(), near })
    }

    /// In one scope a key means one thing, and no key is the beginning of another.
    pub fn check_clashes(&self) -> Result<(), KeymapError> {
        for (at, one) in self.bounds.iter().enumerate() {
            for other in self.bounds[at..].iter().filter(|other| other.binding.scope == one.binding.scope) {
                check_pair(one, other)?;
            }
        }
        Ok(())
    }
}

fn check_pair(one: &Bound, other: &Bound) -> Result<(), KeymapError> {
    let same_line = std::ptr::eq(one, other);
    for (at, chord) in one.chords.iter().enumerate() {
        for (other_at, other_chord) in other.chords.iter().enumerate() {
            let clash = chord.starts_with(other_chord) || other_chord.starts_with(chord);
            if clash && !(same_line && at == other_at) {
                let (scope, key) = (one.binding.scope.name(), chord_text(other_chord));
                return Err(KeymapError::Clash { scope, key, first: one.binding.name, second: other.binding.name });
            }
        }
    }
    Ok(())
}

fn read_chords(scope: Scope, action: &str, keys: &Value) -> Result<Vec<Vec<Key>>, KeymapError> {
    let not_keys = || KeymapError::NotKeys { scope: scope.name(), action: action.into() };
    let chord = |text: &Value| {
        let text = text.as_str().filter(|text| !text.is_empty()).ok_or_else(not_keys)?;
        let bad = |source| KeymapError::BadKey { scope: scope.name(), action: action.into(), source };
        text.split(' ').map(|key| key.parse().map_err(bad)).collect()
    };
    keys.as_array().ok_or_else(not_keys)?.iter().map(chord).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keymap::{Action, Meaning, table::BINDINGS};

    #[test]
    fn a_file_gives_an_action_other_keys() {
        let map = Keymap::from_toml("[keys.pipelines]\nactivate = [\"g a\", \"f5\"]\n").unwrap();
        let scopes = [Scope::Pipelines, Scope::List];
        assert_eq!(map.meaning(&scopes, &["f5".parse().unwrap()]), Meaning::Action(Action::Activate));
        assert_eq!(map.meaning(&scopes, &["a".parse().unwrap()]), Meaning::Nothing);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_both_sides_or_the_nearest_name() {
        let cases = [
            (
                "[keys.pipelines]\nactivate = [\"p\"]",
                "[keys.pipelines] `p` is bound to both `activate` and `pause`: give one of them another key",
            ),
            (
                "[keys.pipelines]\nactivat = [\"p\"]",
                "[keys.pipelines] activat: there is no such action; did you mean `activate`?",
            ),
            ("[keys.pipeline-s]\nx = []", "[keys.pipeline-s]: there is no such scope; did you mean `pipelines`?"),
            (
                "[keys.list]\nup = [\"ctrl+k\"]",
                "[keys.list] up: `ctrl+k` is not a key: write it like j, C-d, A-x, space, enter, esc, up, pgdn or f2",
            ),
            (
                "[global]\nquit = [\"x\"]",
                "`global`: a key file has tables like [keys.pipelines]; `flexcore keys` prints them all",
            ),
            ("[keys]\nquit = [\"x\"]", "[keys.quit]: there is no such scope"),
            ("[keys.list]\nup = \"k\"", "[keys.list] up: write a list of keys, like [\"a\", \"g g\"]"),
        ];
        for (text, error) in cases {
            assert_eq!(Keymap::from_toml(text).unwrap_err().to_string(), error);
        }
        assert!(matches!(Keymap::from_toml("[keys"), Err(KeymapError::NotToml(_))));
    }

    #[test]
    fn no_default_clashes_within_its_scope() {
        assert_eq!(Keymap::default().check_clashes(), Ok(()));
    }

    #[test]
    fn every_binding_says_what_it_does_and_has_keys_that_read() {
        for binding in BINDINGS {
            assert!(!binding.description.is_empty() && !binding.keys.is_empty(), "{}", binding.name);
            for key in binding.keys.iter().flat_map(|chord| chord.split(' ')) {
                assert!(key.parse::<Key>().is_ok(), "{}: {key}", binding.name);
            }
        }
    }

    #[test]
    fn what_changes_something_opens_a_sheet_and_is_never_on_control() {
        for binding in BINDINGS.iter().filter(|binding| binding.changes) {
            assert!(binding.description.ends_with('…'), "{}", binding.name);
            assert!(!binding.keys.iter().any(|key| key.contains("C-")), "{}", binding.name);
        }
    }

    #[test]
    fn keys_that_terminals_and_multiplexers_take_are_free() {
        let taken =
            ["C-a", "C-g", "C-o", "C-p", "C-t", "C-n", "C-h", "C-s", "C-q", "C-w", "C-i", "C-j", "C-m", "C-[", "C-space", "C-k"];
        for binding in BINDINGS {
            assert!(!binding.keys.iter().any(|key| taken.contains(key)), "{}", binding.name);
        }
    }
}
