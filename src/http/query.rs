//! Queries and parts of paths, with problems instead of the framework's plain text.

use axum::{
    extract::{FromRequestParts, Path, Query as AxumQuery},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use super::{problem::Problem, state::Api};

/// The query of a request. Its type refuses unknown names: a misspelt filter would otherwise let everything pass.
pub(super) struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Api> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        match AxumQuery::<T>::try_from_uri(&parts.uri) {
            Ok(AxumQuery(query)) => Ok(Self(query)),
            Err(error) => Err(Problem::malformed(format!("the query is not understood: {}", innermost(&error)))),
        }
    }
}

/// Parts of the path.
pub(super) struct InPath<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Api> for InPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, api).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(error) => Err(Problem::malformed(format!("the path is not understood: {}", error.body_text()))),
        }
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
