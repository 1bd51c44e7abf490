//! What every request goes through, outermost first: a correlation, the door (who asks, how often), a time limit. Problems
//! are written here, so that those of the framework look like ours.
//!
//! All of it is one layer of the router: each would copy everything below it for each request. It is made by hand and not by
//! axum's `from_fn`, which copies once more, and its future is kept small, for it is made and moved for each request: what is
//! seldom needed is boxed, and no future is passed through an async function, which would hold it twice.

mod door;
pub(super) mod head;
pub(super) mod once;

use std::{convert::Infallible, future::ready, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, Request},
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::Route,
};
use flexcore_engine::id::CorrelationId;
use futures_util::FutureExt;
use tower::{layer::layer_fn, service_fn};
use uuid::Uuid;

use head::CORRELATION;

use super::{cohort, compressed, metrics::Counting, problem::Problem, state::Api, time_limit::within};
use crate::{
    telemetry,
    traces::{
        Kind, Told,
        parent::{self, Parent},
    },
};

/// An answer must begin within this time. Streams begin at once and go on.
pub(super) const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);

const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

pub(super) fn around(router: Router<Api>, api: &Api) -> Router {
    let shared = api.clone();
    let layer = layer_fn(move |route: Route| {
        let api = shared.clone();
        service_fn(move |request| pass(api.clone(), route.clone(), request))
    });
    router.layer(layer).with_state(api.clone())
}

/// A request belongs to what it says that it belongs to: by our own header, or by a trace, which is the same to us.
async fn pass(api: Api, route: Route, request: Request) -> Result<Response, Infallible> {
    let counting = Counting::begin(&request);
    let given = request.headers().get(&CORRELATION).and_then(|given| Uuid::try_parse_ascii(given.as_bytes()).ok());
    let caller = request.headers().get(parent::HEADER).and_then(|header| Parent::read(header.as_bytes()));
    let correlation = given.map(CorrelationId).or(caller.map(|caller| caller.trace)).unwrap_or_else(CorrelationId::fresh);
    let uri = request.uri().clone();
    let span = api.app().traces().and_then(|traces| Some(Box::new((traces.request(correlation, caller)?, traced(&request)))));
    let entered = AssertUnwindSafe(telemetry::belonging_to(correlation, entered(api.clone(), request, route, correlation)));
    // The panic itself is in the log, by the panic hook.
    let mut response = entered.catch_unwind().await.unwrap_or_else(|_| Problem::internal().into_response());
    cohort::next(ready(())).await;
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    if is_error && response.extensions_mut().remove::<Whole>().is_none() {
        response = written(response, correlation, &uri);
    }
    if let Some((open, told)) = span.map(|span| *span) {
        open.end(answered(told, response.status()));
    }
    head::complete(response.headers_mut(), correlation);
    counting.end(&api, response.status());
    Ok(response)
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
async fn entered(api: Api, mut request: Request, route: Route, correlation: CorrelationId) -> Response {
    let origin = match door::enter(&api, &mut request, correlation) {
        Ok(origin) => origin,
        Err(response) => return *response,
    };
    let takes_gzip = compressed::takes_gzip(request.headers());
    let answered = within(ANSWER_TIME_MAX, once::carried_out(api, request, route)).await;
    let response = match answered {
        Ok(response) if compressed::is_worth_it(takes_gzip, &response) => Box::pin(compressed::packed(response)).await,
        Ok(response) => response,
        Err(_) => late(),
    };
    door::shared(response, origin)
}

fn late() -> Response {
    let detail = format!("there was no answer within {} s", ANSWER_TIME_MAX.as_secs());
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", detail).retry_after(1).into_response()
}
