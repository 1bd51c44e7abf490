//! Answers in JSON.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{layers::head, problem::Problem};

/// Room for what most answers say.
const BYTES: usize = 512;

/// A value as JSON, written at once.
pub(super) struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let mut text = Vec::with_capacity(BYTES);
        match serde_json::to_writer(&mut text, &self.0) {
            Ok(()) => json(text),
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written as JSON");
                Problem::internal().into_response()
            }
        }
    }
}

/// JSON that is written already.
pub(super) fn json(text: Vec<u8>) -> Response {
    let headers = head::of_json(text.len());
    let mut response = Response::new(Body::from(text));
    *response.headers_mut() = headers;
    response
}
