//! What every request goes through, outermost first: a correlation, the door (who asks, how often), a time limit. Problems
//! are written here, so that those of the framework look like ours.
//!
//! All of it is one layer of the router: each would copy everything below it for each request.

mod door;
pub(super) mod once;

use std::{panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use flexcore_engine::id::CorrelationId;
use futures_util::FutureExt;
use uuid::Uuid;

use super::{compressed, metrics::Counting, problem::Problem, state::Api, time_limit::within};
use crate::{
    telemetry,
    traces::{
        Kind, Told,
        parent::{self, Parent},
    },
};

/// An answer must begin within this time. Streams begin at once and go on.
pub(super) const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);

/// Names the correlation, in requests and answers.
pub(super) const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");

const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

pub(super) fn around(router: Router<Api>, api: &Api) -> Router {
    router.layer(middleware::from_fn_with_state(api.clone(), pass)).with_state(api.clone())
}

async fn pass(State(api): State<Api>, request: Request, next: Next) -> Response {
    let counting = Counting::begin(&request);
    let response = correlated(&api, request, next).await;
    counting.end(&api, response.status());
    response
}

/// A request belongs to what it says that it belongs to: by our own header, or by a trace, which is the same to us.
async fn correlated(api: &Api, request: Request, next: Next) -> Response {
    let given = request.headers().get(&CORRELATION).and_then(|given| Uuid::try_parse_ascii(given.as_bytes()).ok());
    let caller = request.headers().get(parent::HEADER).and_then(|header| Parent::read(header.as_bytes()));
    let correlation = given.map(CorrelationId).or(caller.map(|caller| caller.trace)).unwrap_or_else(CorrelationId::fresh);
    let uri = request.uri().clone();
    let span = api.app().traces().and_then(|traces| Some((traces.request(correlation, caller)?, traced(&request))));
    let entered = pin!(telemetry::belonging_to(correlation, entered(api, request, next, correlation)));
    // The panic itself is in the log, by the panic hook.
    let mut response = AssertUnwindSafe(entered).catch_unwind().await.unwrap_or_else(|_| Problem::internal().into_response());
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    if is_error && response.extensions_mut().remove::<Whole>().is_none() {
        response = written(response, correlation, &uri);
    }
    if let Some((open, told)) = span {
        open.end(answered(told, response.status()));
    }
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    let text = correlation.0.hyphenated().encode_lower(&mut text);
    let headers = response.headers_mut();
    headers.reserve(1 + PROTECTION.len());
    headers.extend(HeaderValue::from_str(text).ok().map(|value| (CORRELATION, value)));
    headers.extend(PROTECTION);
    response
}

/// What there is to tell of a request before it is answered. Its path is that of the route: there are only so many.
fn traced(request: &Request) -> Told {
    let route = request.extensions().get::<MatchedPath>().map_or("unknown", MatchedPath::as_str);
    let method = request.method().as_str();
    let attributes =
        vec![("http.request.method", method.into()), ("http.route", route.into()), ("url.path", request.uri().path().into())];
    Told { name: format!("{method} {route}"), kind: Kind::Server, attributes, error: None }
}

fn answered(mut told: Told, status: StatusCode) -> Told {
    told.attributes.push(("http.response.status_code", u64::from(status.as_u16()).into()));
    // A refusal is an answer, says the convention for servers.
    let error = status.is_server_error().then(|| format!("it was answered with {status}"));
    told.with_error(error)
}

/// For everything that a browser might make of an answer. Nothing here is a page with scripts.
const PROTECTION: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Marks an answer that is whole although its status is an error's: the status is what was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole;

/// An error with its document. One that is already written (a document of a handler's own) stays.
fn written(response: Response, correlation: CorrelationId, uri: &Uri) -> Response {
    let (mut parts, body) = response.into_parts();
    let problem = match parts.extensions.remove::<Arc<Problem>>() {
        Some(problem) => problem,
        None if parts.headers.get(header::CONTENT_TYPE) == Some(&PROBLEM) => return Response::from_parts(parts, body),
        None => Arc::new(Problem::of_status(parts.status)),
    };
    if parts.status.is_server_error() && parts.status != StatusCode::SERVICE_UNAVAILABLE {
        tracing::error!(correlation = %correlation, path = uri.path(), "{}", problem.detail());
    } else {
        tracing::debug!(correlation = %correlation, path = uri.path(), status = problem.status().as_u16(), "{}", problem.detail());
    }
    let document = serde_json::to_vec(&problem.document(correlation, uri.path())).expect("a problem is made of text and numbers");
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, PROBLEM);
    Response::from_parts(parts, Body::from(document))
}

/// Through the door, if it is open.
async fn entered(api: &Api, mut request: Request, next: Next, correlation: CorrelationId) -> Response {
    let origin = match door::enter(api, &mut request, correlation) {
        Ok(origin) => origin,
        Err(response) => return *response,
    };
    let takes_gzip = compressed::takes_gzip(request.headers());
    let answered = async { compressed::answer(takes_gzip, once::carried_out(api, request, next).await).await };
    door::shared(timed(answered).await, origin)
}

async fn timed(answered: impl Future<Output = Response>) -> Response {
    within(ANSWER_TIME_MAX, answered).await.unwrap_or_else(|_| {
        let detail = format!("there was no answer within {} s", ANSWER_TIME_MAX.as_secs());
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", detail).retry_after(1).into_response()
    })
}
