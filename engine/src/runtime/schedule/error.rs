//! A trigger that cannot be read: which, what is wrong with which field, and what to write instead.

use crate::pipeline::mistake::Mistake;

/// Why a trigger cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("trigger {}, `{field}`: {message} ({hint})", trigger + 1)]
pub struct BadSchedule {
    /// Which trigger, from 0.
    pub trigger: usize,
    /// Which of its fields.
    pub field: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub hint: String,
}

impl From<BadSchedule> for Mistake {
    fn from(bad: BadSchedule) -> Self {
        Self::at(format!("/triggers/{}/{}", bad.trigger, bad.field), bad.message).hint(bad.hint)
    }
}
