//! Where a page goes on: the sort key of its last item, so that what is added or removed meanwhile shifts nothing.

use std::fmt;

use flexcore_engine::id::RunId;
use serde::Deserialize;

use super::problem::Problem;

/// The most items of one page.
pub(super) const PAGE_MAX: usize = 1_000;
/// Items of a page that nobody asked to be larger.
pub(super) const PAGE_DEFAULT: usize = 100;

/// The size of a page, as asked for.
pub(super) fn page_size(limit: Option<usize>) -> Result<usize, Problem> {
    match limit.unwrap_or(PAGE_DEFAULT) {
        limit @ 1..=PAGE_MAX => Ok(limit),
        other => Err(Problem::malformed(format!("limit is {other}: 1 to {PAGE_MAX}"))),
    }
}

/// Where a run stands in the list, newest first: when it was asked for, in microseconds, and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct RunCursor(pub(super) i64, pub(super) RunId);

impl fmt::Display for RunCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl TryFrom<String> for RunCursor {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let parts = text.split_once('.').and_then(|(at, run)| Some(Self(at.parse().ok()?, run.parse().ok()?)));
        parts.ok_or_else(|| format!("`{text}` is not a cursor: take it from `next` of the page before"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_what_it_writes() {
        let cursor = RunCursor(-5, RunId::fresh());
        assert_eq!(RunCursor::try_from(cursor.to_string()), Ok(cursor));
        assert!(RunCursor::try_from("5".to_owned()).is_err());
    }
}
