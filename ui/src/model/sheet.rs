//! A question before something changes, in proportion to what it does. The default is always no.

use flexcore_engine::projection::board::PipelineRow;

use crate::effect::Change;

/// How surely the operator must mean it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grade {
    /// `y`.
    Yes,
    /// The name, typed.
    Type(String),
}

impl Grade {
    /// What acting on a pipeline takes: protected ones want their name.
    pub fn of(row: &PipelineRow) -> Self {
        if row.definition().protected { Self::Type(row.name.to_string()) } else { Self::Yes }
    }
}

/// What is shown before a change.
#[derive(Debug, Clone)]
pub struct Confirmation {
    /// Like `Activate quakes`.
    pub title: String,
    /// What will happen, a line each.
    pub effects: Vec<String>,
    /// How surely it must be meant.
    pub grade: Grade,
    /// What is submitted.
    pub changes: Vec<Change>,
}
