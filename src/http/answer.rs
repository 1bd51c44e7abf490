//! Answers in JSON.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::problem::Problem;

/// A value as JSON, written at once.
pub(super) struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(text) => json(text),
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written as JSON");
                Problem::internal().into_response()
            }
        }
    }
}

/// JSON that is written already.
pub(super) fn json(text: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}
