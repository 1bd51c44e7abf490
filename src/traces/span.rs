//! A span: what was done, from when to when, below what.

use std::{fmt, num::NonZeroU64};

use flexcore_engine::id::{CorrelationId, RunId, StepName};
use jiff::Timestamp;
use uuid::Uuid;

use super::parent::Parent;

/// The longest text of an attribute, in bytes.
pub(super) const TEXT_BYTES_MAX: usize = 256;

/// Names a span in its trace; never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(NonZeroU64);

impl SpanId {
    /// `None`: zero names nothing.
    pub fn new(id: u64) -> Option<Self> {
        NonZeroU64::new(id).map(Self)
    }

    /// Another one.
    pub(super) fn fresh() -> Self {
        Self::of(Uuid::now_v7())
    }

    /// The end of a UUID: it has 62 bits that are random, and its first two are never zero.
    fn of(id: Uuid) -> Self {
        Self(NonZeroU64::new(id.as_u64_pair().1).unwrap_or(NonZeroU64::MIN))
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        self.0.get().to_be_bytes().to_vec()
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The span of a run: everybody who knows the run knows it.
pub fn run_span(run: RunId) -> SpanId {
    SpanId::of(Uuid::new_v5(&run.0, b"run"))
}

/// The span of a step in an attempt of a run.
pub fn step_span(run: RunId, attempt: u32, step: &StepName) -> SpanId {
    SpanId::of(Uuid::new_v5(&run.0, format!("{attempt}/{step}").as_bytes()))
}

/// What kind of work it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Somebody elsewhere waited for it.
    Server,
    /// Nobody elsewhere did.
    Internal,
}

/// What is worth knowing of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribute {
    /// Cut to [`TEXT_BYTES_MAX`].
    Text(String),
    /// A number.
    Number(i64),
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Self::Text(short(text))
    }
}

impl From<u64> for Attribute {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

pub(super) fn short(text: &str) -> String {
    text[..text.floor_char_boundary(TEXT_BYTES_MAX)].to_owned()
}

/// A span that has ended.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) trace: CorrelationId,
    pub(super) id: SpanId,
    pub(super) above: Option<SpanId>,
    pub(super) link: Option<Parent>,
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) attributes: Vec<(&'static str, Attribute)>,
    pub(super) error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_a_run_have_spans_of_their_own_and_the_same_ones_for_everybody() {
        let (run, step) = (RunId::fresh(), |name: &str| name.parse::<StepName>().unwrap());
        assert_eq!(step_span(run, 1, &step("read")), step_span(run, 1, &step("read")));
        assert_ne!(step_span(run, 1, &step("read")), step_span(run, 2, &step("read")));
        assert_ne!(step_span(run, 1, &step("read")), step_span(run, 1, &step("write")));
        assert_ne!(run_span(run), run_span(RunId::fresh()));
    }

    #[test]
    fn a_text_is_cut_between_letters() {
        assert_eq!(short(&"ü".repeat(200)).len(), TEXT_BYTES_MAX);
        assert_eq!(short(&format!("a{}", "ü".repeat(200))).len(), TEXT_BYTES_MAX - 1);
    }
}
