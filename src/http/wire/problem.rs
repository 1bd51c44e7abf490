//! What an error looks like.

use flexcore_engine::pipeline::mistake::PlacedMistake;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A problem (RFC 9457): `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Names the kind of problem, for programs.
    #[serde(rename = "type")]
    #[schema(example = "urn:flexcore:problem:no-pipeline")]
    pub kind: String,
    /// The same in words.
    #[schema(example = "no pipeline")]
    pub title: String,
    /// The status code of the answer.
    #[schema(example = 404)]
    pub status: u16,
    /// What is wrong with this request, in a sentence.
    #[schema(example = "there is no pipeline `quakes`")]
    pub detail: String,
    /// The path that was asked.
    #[schema(example = "/api/v1/pipelines/quakes")]
    pub instance: String,
    /// Finds this request in the program's log, and what it led to among the events.
    pub correlation_id: Uuid,
    /// What is wrong with its parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Flaw>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Flaw {
    /// Where, as a JSON pointer into the body.
    pub pointer: String,
    /// Its line in the body, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Its column, in characters, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Flaw {
    /// What is wrong with a part that has no place in a text.
    pub fn at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), line: None, column: None, message: message.into(), hint: None }
    }
}

impl From<&PlacedMistake> for Flaw {
    fn from(placed: &PlacedMistake) -> Self {
        let PlacedMistake { line, column, mistake } = placed.clone();
        let (pointer, message, hint) = (mistake.pointer, mistake.message, mistake.hint);
        Self { pointer, line: Some(line), column: Some(column), message, hint }
    }
}
