//! Layers of settings as text, each value with where it came from.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use flexcore_engine::pipeline::mistake::nearest;

use super::key::{self, KEYS, Key, PREFIX};

/// Everything that is wrong with the settings, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadSettings(pub Vec<String>);

impl fmt::Display for BadSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for BadSettings {}

#[derive(Debug, Clone)]
struct Entry {
    text: String,
    origin: String,
}

/// Values as text; a later layer covers an earlier one.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    values: BTreeMap<&'static str, Entry>,
    wrong: Vec<String>,
}

impl Layers {
    /// The defaults, with the machine's and user's names filled in from the environment.
    pub fn defaults(env: &dyn Fn(&str) -> Option<String>) -> Self {
        let home = env("HOME").unwrap_or_else(|| ".".into());
        let state = env("XDG_STATE_HOME").unwrap_or_else(|| format!("{home}/.local/state"));
        let user = env("USER").or_else(|| env("LOGNAME")).unwrap_or_else(|| "operator".into());
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_else(|_| "localhost".into()).trim().to_owned();
        let fill = |text: &str| text.replace("{host}", &host).replace("{user}", &user).replace("{state}", &state);
        let entry = |key: &Key| (key.name, Entry { text: fill(key.default), origin: "the default".into() });
        Self { values: KEYS.iter().map(entry).collect(), wrong: Vec::new() }
    }

    /// Lays the `FLEXCORE_*` variables over what is there.
    pub fn variables(&mut self, all: impl IntoIterator<Item = (String, String)>) {
        // A program that a step started may start this one: its mark is no setting.
        let settings = |(variable, _): &(String, String)| variable.starts_with(PREFIX) && variable != crate::step::MARK;
        for (variable, text) in all.into_iter().filter(settings) {
            match KEYS.iter().find(|key| key.variable() == variable) {
                Some(key) => self.put(key.name, text, format!("variable {variable}")),
                None => self.unknown_variable(&variable),
            }
        }
        self.wrong.sort();
    }

    fn unknown_variable(&mut self, variable: &str) {
        let known: Vec<String> = KEYS.iter().map(Key::variable).collect();
        let hint = nearest(variable, known.iter().map(String::as_str)).map(|word| format!(" (did you mean {word}?)"));
        self.wrong.push(format!("unknown variable {variable}{}", hint.unwrap_or_default()));
    }

    /// Lays a value of the file, or of a flag, over what is there.
    pub fn set(&mut self, name: &str, text: String, origin: String) {
        if let Some(key) = key::find(name) {
            return self.put(key.name, text, origin);
        }
        let hint = nearest(name, KEYS.iter().map(|key| key.name)).map(|word| format!(" (did you mean `{word}`?)"));
        self.wrong.push(format!("{origin}: unknown setting `{name}`{}", hint.unwrap_or_default()));
    }

    /// Notes a mistake that is not one of a value, such as a file that does not parse.
    pub fn wrong(&mut self, sentence: String) {
        self.wrong.push(sentence);
    }

    fn put(&mut self, name: &'static str, text: String, origin: String) {
        self.values.insert(name, Entry { text, origin });
    }

    pub(super) fn reader(&self) -> Reader<'_> {
        Reader { layers: self, wrong: self.wrong.clone() }
    }
}

/// Reads checked values and collects what is wrong.
pub(super) struct Reader<'a> {
    layers: &'a Layers,
    wrong: Vec<String>,
}

impl Reader<'_> {
    pub(super) fn text(&self, name: &str) -> String {
        self.entry(name).text.clone()
    }

    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        Some(self.text(name)).filter(|text| !text.is_empty()).map(PathBuf::from)
    }

    pub(super) fn flag(&mut self, name: &str) -> bool {
        self.parsed(name, |text| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(format!("`{other}` is neither true nor false")),
        })
    }

    pub(super) fn number<T: TryFrom<u64> + Default>(&mut self, name: &str, min: u64, max: u64) -> T {
        let out_of_range = |text: &str| format!("`{text}` is not a number from {min} to {max}");
        self.parsed(name, |text| {
            let number = text.parse::<u64>().ok().filter(|number| (min..=max).contains(number));
            number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| out_of_range(text))
        })
    }

    /// A value by its own rule. A bad one is noted; what is returned then is never used.
    pub(super) fn parsed<T: Default>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> T {
        let entry = self.entry(name).clone();
        parse(&entry.text).unwrap_or_else(|why| {
            self.wrong.push(format!("setting `{name}` ({}): {why}", entry.origin));
            T::default()
        })
    }

    pub(super) fn finish<T>(self, value: T) -> Result<T, BadSettings> {
        if self.wrong.is_empty() { Ok(value) } else { Err(BadSettings(self.wrong)) }
    }

    fn entry(&self, name: &str) -> &Entry {
        self.layers.values.get(name).expect("only names of the table are read, and the defaults hold all of them")
    }
}
