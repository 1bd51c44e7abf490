//! The one table of keys. Dispatcher, footer, help, palette and `flexcore keys` are all drawn from it, so none of them can
//! say something else than what happens.

pub mod action;
pub mod remap;
pub mod table;

pub use action::{Action, Scope};
pub use remap::KeymapError;

use std::fmt::Write;

use crate::terminal::key::Key;
use table::{BINDINGS, Binding};

/// What the keys pressed so far mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// This.
    Action(Action),
    /// More keys may follow.
    Prefix,
    /// Nothing.
    Nothing,
}

/// A line of the table with the keys that it has now. Each entry of `chords` is the keys pressed one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The line.
    pub binding: &'static Binding,
    /// Any of these.
    pub chords: Vec<Vec<Key>>,
}

impl Bound {
    /// Its keys as shown to people: `k/up`.
    pub fn keys(&self) -> String {
        let chords: Vec<_> = self.chords.iter().map(|chord| chord_text(chord)).collect();
        chords.join("/")
    }

    /// The first of its keys; empty when it has none.
    pub fn first_key(&self) -> String {
        self.chords.first().map(|chord| chord_text(chord)).unwrap_or_default()
    }
}

fn chord_text(chord: &[Key]) -> String {
    let double = chord.len() > 1 && chord.iter().all(|key| key.typed().is_some());
    let keys: Vec<_> = chord.iter().map(Key::to_string).collect();
    keys.join(if double { "" } else { " " })
}

/// The table as it holds in one console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    bounds: Vec<Bound>,
}

impl Default for Keymap {
    fn default() -> Self {
        let chord = |text: &&str| -> Vec<Key> { text.split(' ').filter_map(|key| key.parse().ok()).collect() };
        let bound = |binding: &'static Binding| Bound { binding, chords: binding.keys.iter().map(chord).collect() };
        Self { bounds: BINDINGS.iter().map(bound).collect() }
    }
}

impl Keymap {
    /// The table without everything that changes anything: what does not exist cannot be pressed by mistake.
    pub fn read_only(mut self) -> Self {
        self.bounds.retain(|bound| !bound.binding.changes);
        self
    }

    /// What keys mean where these scopes hold, innermost first. [`Scope::Global`] always holds.
    pub fn meaning(&self, scopes: &[Scope], keys: &[Key]) -> Meaning {
        let mut found = Meaning::Nothing;
        for scope in with_global(scopes) {
            for bound in self.bounds.iter().filter(|bound| bound.binding.scope == scope) {
                for chord in &bound.chords {
                    if chord == keys {
                        return if found == Meaning::Prefix { found } else { Meaning::Action(bound.binding.action) };
                    }
                    if chord.len() > keys.len() && chord.starts_with(keys) {
                        found = Meaning::Prefix;
                    }
                }
            }
        }
        found
    }

    /// The lines that hold in these scopes, innermost first; what an inner scope shadows wholly is left out.
    pub fn lines(&self, scopes: &[Scope]) -> Vec<&Bound> {
        let mut lines: Vec<&Bound> = Vec::new();
        for scope in with_global(scopes) {
            for bound in self.bounds.iter().filter(|bound| bound.binding.scope == scope) {
                let taken =
                    |chord: &Vec<Key>| lines.iter().any(|line| line.binding.scope != scope && line.chords.contains(chord));
                if bound.chords.is_empty() || !bound.chords.iter().all(taken) {
                    lines.push(bound);
                }
            }
        }
        lines
    }

    /// The line of an action in the innermost of these scopes that has it.
    pub fn line(&self, scopes: &[Scope], action: Action) -> Option<&Bound> {
        with_global(scopes)
            .find_map(|scope| self.bounds.iter().find(|bound| bound.binding.scope == scope && bound.binding.action == action))
    }

    /// What the footer shows for these scopes, the most important first.
    pub fn hints(&self, scopes: &[Scope]) -> Vec<&Bound> {
        let mut hints: Vec<_> = self.lines(scopes);
        hints.retain(|bound| bound.binding.footer > 0 && !bound.chords.is_empty());
        hints.sort_by_key(|bound| bound.binding.footer);
        hints
    }

    /// The table as a file of keys, as [`Keymap::from_toml`] reads it.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        for scope in Scope::ALL {
            let lines: Vec<_> = self.bounds.iter().filter(|bound| bound.binding.scope == scope).collect();
            if lines.is_empty() {
                continue;
            }
            let gap = if text.is_empty() { "" } else { "\n" };
            writeln!(text, "{gap}[keys.{}]", scope.name()).expect("writing to a string does not fail");
            for line in lines {
                let keys: Vec<_> = line.chords.iter().map(|chord| toml::Value::from(written(chord)).to_string()).collect();
                let bound = format!("{} = [{}]", line.binding.name, keys.join(", "));
                writeln!(text, "{bound:<40} # {}", line.binding.description).expect("writing to a string does not fail");
            }
        }
        text
    }
}

fn with_global(scopes: &[Scope]) -> impl Iterator<Item = Scope> {
    scopes.iter().copied().filter(|scope| *scope != Scope::Global).chain([Scope::Global])
}

/// A chord as a file has it.
fn written(chord: &[Key]) -> String {
    let keys: Vec<_> = chord.iter().map(ToString::to_string).collect();
    keys.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<Key> {
        text.split(' ').map(|key| key.parse().unwrap()).collect()
    }

    #[test]
    fn the_innermost_scope_decides() {
        let map = Keymap::default();
        let events = [Scope::Events, Scope::List];
        assert_eq!(map.meaning(&events, &keys("space")), Meaning::Action(Action::Follow));
        assert_eq!(map.meaning(&[Scope::List], &keys("space")), Meaning::Action(Action::Mark));
        assert_eq!(map.meaning(&events, &keys("g")), Meaning::Prefix);
        assert_eq!(map.meaning(&events, &keys("g g")), Meaning::Action(Action::Top));
        assert_eq!(map.meaning(&events, &keys("C-q")), Meaning::Nothing);
    }

    #[test]
    fn a_read_only_console_knows_no_action_that_changes_anything() {
        let map = Keymap::default().read_only();
        assert!(map.bounds.iter().all(|bound| !bound.binding.changes));
        assert_eq!(map.meaning(&[Scope::Pipelines, Scope::List], &keys("a")), Meaning::Nothing);
    }

    #[test]
    fn what_is_written_as_a_file_reads_as_the_same_keys() {
        let map = Keymap::from_toml("[keys.pipelines]\nactivate = [\"g a\", \"f5\"]\npause = []\n").unwrap();
        assert!(Keymap::from_toml(&map.to_toml()).unwrap() == map, "{}", map.to_toml());
    }
}
