//! What is typed after `/`: `text`, `!text`, `/regex/`, `!/regex/`, `-f fuzzy`, and on events `jq:predicate`.

use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{CaseMatching, Normalization, Pattern},
};
use regex::{Regex, RegexBuilder};

/// The longest filter, in characters.
pub const FILTER_CHARS_MAX: usize = 500;
/// The most memory of a compiled regular expression, in bytes.
const REGEX_BYTES_MAX: usize = 1 << 20;

#[derive(Debug, Clone, Default)]
enum Test {
    #[default]
    All,
    Contains(String),
    Regex(Regex),
    Fuzzy(Pattern),
    Jq(String),
}

/// A filter as typed, ready to be used.
#[derive(Debug, Clone, Default)]
pub struct RowFilter {
    text: String,
    test: Test,
    inverse: bool,
}

impl RowFilter {
    /// Reads a filter. `Err`: what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text: String = text.chars().take(FILTER_CHARS_MAX).collect();
        let (inverse, rest) = text.strip_prefix('!').map_or((false, text.as_str()), |rest| (true, rest));
        let test = read_test(rest)?;
        Ok(Self { inverse: inverse && !matches!(test, Test::All), test, text })
    }

    /// A text to look for, whatever is in it.
    pub fn literal(text: &str) -> Self {
        let text: String = text.chars().take(FILTER_CHARS_MAX).collect();
        let test = if text.is_empty() { Test::All } else { Test::Contains(text.to_lowercase()) };
        Self { text, test, inverse: false }
    }

    /// ` /text` behind a title; nothing when everything passes.
    pub fn suffix(&self) -> String {
        if self.is_none() { String::new() } else { format!(" /{}", self.text) }
    }

    /// As typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether everything passes.
    pub fn is_none(&self) -> bool {
        matches!(self.test, Test::All)
    }

    /// The jq predicate, if it is one: it needs the engine to compile it.
    pub fn jq(&self) -> Option<&str> {
        match &self.test {
            Test::Jq(jq) => Some(jq),
            _ => None,
        }
    }

    /// Whether what passes the test is left out.
    pub fn is_inverse(&self) -> bool {
        self.inverse
    }

    /// Something to pass many texts through: it keeps the memory that fuzzy matching needs.
    pub fn sieve(&self) -> Sieve<'_> {
        let matcher = matches!(self.test, Test::Fuzzy(_)).then(|| Matcher::new(Config::DEFAULT));
        Sieve { filter: self, matcher, chars: Vec::new() }
    }
}

fn read_test(rest: &str) -> Result<Test, String> {
    if rest.is_empty() {
        return Ok(Test::All);
    }
    if let Some(jq) = rest.strip_prefix("jq:") {
        return Ok(if jq.trim().is_empty() { Test::All } else { Test::Jq(jq.trim().to_owned()) });
    }
    if let Some(fuzzy) = rest.strip_prefix("-f").filter(|fuzzy| fuzzy.is_empty() || fuzzy.starts_with(' ')) {
        let fuzzy = fuzzy.trim();
        let pattern = || Pattern::parse(fuzzy, CaseMatching::Smart, Normalization::Smart);
        return Ok(if fuzzy.is_empty() { Test::All } else { Test::Fuzzy(pattern()) });
    }
    if let Some(regex) = rest.strip_prefix('/') {
        return read_regex(regex.strip_suffix('/').unwrap_or(regex));
    }
    Ok(Test::Contains(rest.to_lowercase()))
}

fn read_regex(text: &str) -> Result<Test, String> {
    if text.is_empty() {
        return Ok(Test::All);
    }
    let insensitive = !text.chars().any(char::is_uppercase);
    let built = RegexBuilder::new(text).case_insensitive(insensitive).size_limit(REGEX_BYTES_MAX).build();
    let why = |error: regex::Error| error.to_string().lines().last().unwrap_or("not a regular expression").trim().to_owned();
    built.map(Test::Regex).map_err(why)
}

/// A filter at work.
pub struct Sieve<'a> {
    filter: &'a RowFilter,
    matcher: Option<Matcher>,
    chars: Vec<char>,
}

impl Sieve<'_> {
    /// Whether a text passes, which is made only where there is something to look for in it.
    pub fn passes_made(&mut self, text: impl FnOnce() -> String) -> bool {
        matches!(self.filter.test, Test::All | Test::Jq(_)) || self.passes(&text())
    }

    /// Whether a text passes. A jq predicate is not about text: there everything does.
    pub fn passes(&mut self, text: &str) -> bool {
        let found = match &self.filter.test {
            Test::All | Test::Jq(_) => return true,
            Test::Contains(needle) => contains(text, needle),
            Test::Regex(regex) => regex.is_match(text),
            Test::Fuzzy(pattern) => {
                let matcher = self.matcher.get_or_insert_with(|| Matcher::new(Config::DEFAULT));
                pattern.score(Utf32Str::new(text, &mut self.chars), matcher).is_some()
            }
        };
        found != self.filter.inverse
    }
}

/// Whether a text contains a lower-case one, whatever the case of the first.
fn contains(text: &str, needle: &str) -> bool {
    if text.is_ascii() && needle.is_ascii() {
        let needle = needle.as_bytes();
        return text.as_bytes().windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle));
    }
    text.to_lowercase().contains(needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passing(filter: &str) -> Vec<&'static str> {
        let filter = RowFilter::parse(filter).unwrap();
        let mut sieve = filter.sieve();
        ["deploy-prod", "deploy-test", "Nightly", "übung"].into_iter().filter(|text| sieve.passes(text)).collect()
    }

    #[test]
    fn each_way_of_filtering_does_what_it_says() {
        let cases: [(&str, &[&str]); 9] = [
            ("", &["deploy-prod", "deploy-test", "Nightly", "übung"]),
            ("DEPLOY", &["deploy-prod", "deploy-test"]),
            ("!deploy", &["Nightly", "übung"]),
            ("/t$/", &["deploy-test"]),
            ("/^n", &["Nightly"]),
            ("!/-/", &["Nightly", "übung"]),
            ("-f dpt", &["deploy-test"]),
            ("Üb", &["übung"]),
            ("!", &["deploy-prod", "deploy-test", "Nightly", "übung"]),
        ];
        for (filter, expected) in cases {
            assert_eq!(passing(filter), expected, "{filter}");
        }
    }

    #[test]
    fn a_text_is_made_only_where_something_is_looked_for_in_it() {
        assert!(RowFilter::default().sieve().passes_made(|| panic!("nobody needs it")));
        let filter = RowFilter::parse("!deploy").unwrap();
        assert!(!filter.sieve().passes_made(|| "deploy-prod".into()));
    }

    #[test]
    fn a_broken_regular_expression_says_what_is_wrong() {
        assert!(RowFilter::parse("/(/").unwrap_err().contains("unclosed group"));
        assert!(RowFilter::parse("/a{1000}{1000}{1000}/").is_err());
    }
}
