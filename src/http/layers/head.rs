//! What stands in the head of every answer: what it belongs to, and what a browser is not to make of it.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use flexcore_engine::id::CorrelationId;

/// Names the correlation, in requests and answers.
pub(in crate::http) const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");

/// For everything that a browser might make of an answer: nearly none is a page.
const PROTECTION: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// The head of nearly every answer, with places for its length and for what it belongs to.
static OF_JSON: LazyLock<HeaderMap> = LazyLock::new(|| {
    let media = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let places = [header::CONTENT_LENGTH, CORRELATION].map(|name| (name, HeaderValue::from_static("")));
    [media].into_iter().chain(places).chain(PROTECTION).collect()
});

/// The head of an answer in JSON of this length. To copy one takes less time than to put one together.
pub(in crate::http) fn of_json(length: usize) -> HeaderMap {
    let mut headers = OF_JSON.clone();
    headers.insert(header::CONTENT_LENGTH, length.into());
    headers
}

/// Says what an answer belongs to, and protects it. A head with a place for the one has the other already; a page says itself
/// what it shows.
pub(super) fn complete(headers: &mut HeaderMap, correlation: CorrelationId) {
    if !headers.contains_key(CORRELATION) {
        headers.reserve(1 + PROTECTION.len());
        let shows = headers.remove(header::CONTENT_SECURITY_POLICY);
        headers.extend(PROTECTION);
        if let Some(shows) = shows {
            headers.insert(header::CONTENT_SECURITY_POLICY, shows);
        }
    }
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    let text = correlation.0.hyphenated().encode_lower(&mut text);
    headers.insert(CORRELATION, HeaderValue::from_str(text).expect("a UUID is of digits, letters and hyphens"));
}
