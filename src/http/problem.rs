//! Every error of the API: a problem document (RFC 9457) with a correlation id. A handler answers with a [`Problem`]; the
//! outermost layer writes it, because only there the correlation and the path are known for certain.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use flexcore_engine::{id::CorrelationId, pipeline::mistake::PlacedMistake};

use super::wire::problem::{Flaw, ProblemBody};

/// The most flaws told of one request.
pub(super) const FLAWS_MAX: usize = 100;

/// An error of the API.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    status: StatusCode,
    name: &'static str,
    detail: String,
    errors: Vec<Flaw>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// An error with a status, a name that programs can tell it by, and a sentence for people.
    pub(super) fn new(status: StatusCode, name: &'static str, detail: impl Into<String>) -> Self {
        Self { status, name, detail: detail.into(), errors: Vec::new(), headers: Vec::new() }
    }

    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }

    pub(super) fn unfit(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unfit", detail)
    }

    pub(super) fn not_found(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, name, detail)
    }

    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    pub(super) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(1)
    }

    pub(super) fn internal() -> Self {
        let detail = "the request could not be answered because of a mistake in the program; its log has the correlation id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// What a bare status of the framework means.
    pub(super) fn of_status(status: StatusCode) -> Self {
        let (name, detail) = match status {
            StatusCode::NOT_FOUND => ("no-route", "there is nothing at this path"),
            StatusCode::METHOD_NOT_ALLOWED => ("method-not-allowed", "this path has other methods; the header Allow names them"),
            StatusCode::PAYLOAD_TOO_LARGE => ("too-large", "the body is too large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ("media-type", "the body's media type is not understood here"),
            status if status.is_server_error() => return Self::internal(),
            _ => ("malformed", "the request is not understood"),
        };
        Self::new(status, name, detail)
    }

    /// Adds the mistakes of a checked file.
    pub(super) fn with_mistakes(mut self, mistakes: &[PlacedMistake]) -> Self {
        self.errors.extend(mistakes.iter().take(FLAWS_MAX).map(Flaw::from));
        self
    }

    /// Adds what is wrong with parts of the request.
    pub(super) fn with_flaws(mut self, flaws: Vec<Flaw>) -> Self {
        self.errors.extend(flaws);
        self.errors.truncate(FLAWS_MAX);
        self
    }

    pub(super) fn retry_after(self, seconds: u32) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// The document itself.
    pub(super) fn document(&self, correlation: CorrelationId, path: &str) -> ProblemBody {
        ProblemBody {
            kind: format!("urn:flexcore:problem:{}", self.name),
            title: self.name.replace('-', " "),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            instance: path.to_owned(),
            correlation_id: correlation.0,
            errors: self.errors.clone(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers.iter().cloned());
        response.extensions_mut().insert(std::sync::Arc::new(self));
        response
    }
}
