//! `Idempotency-Key`: a request that is sent again, because its answer got lost, is answered as it was the first time and
//! not carried out twice. Remembered in memory, within bounds: an engine that restarts has forgotten.

mod memory;

use std::convert::Infallible;

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::Route,
};
use futures_util::{FutureExt, future::Either};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use tower::Service;

use crate::http::{access::Caller, body, problem::Problem, state::Api};

pub(in crate::http) use memory::{Begun, Kept, Memory};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The longest key, in bytes.
const KEY_BYTES_MAX: usize = 255;

/// Carries a request out, unless it was before.
pub(super) fn carried_out(api: Api, request: Request, mut route: Route) -> impl Future<Output = Response> {
    let changes = matches!(*request.method(), Method::POST | Method::PUT | Method::DELETE);
    match request.headers().get(&KEY).filter(|_| changes).map(fit) {
        None => Either::Left(route.call(request).map(sure)),
        Some(is_fit) => Either::Right(Box::pin(async move {
            let carried_out = match is_fit {
                Ok(()) => carry_out_once(api, request, route).await,
                Err(problem) => Err(problem),
            };
            carried_out.unwrap_or_else(IntoResponse::into_response)
        })),
    }
}

fn sure(answer: Result<Response, Infallible>) -> Response {
    answer.unwrap_or_else(|never| match never {})
}

fn fit(key: &HeaderValue) -> Result<(), Problem> {
    if (1..=KEY_BYTES_MAX).contains(&key.len()) && key.as_bytes().iter().all(u8::is_ascii_graphic) {
        return Ok(());
    }
    Err(Problem::malformed(format!("Idempotency-Key has 1 to {KEY_BYTES_MAX} visible characters, such as a UUID")))
}

async fn carry_out_once(api: Api, request: Request, mut route: Route) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let caller = parts.extensions.get::<Caller>().ok_or_else(Problem::internal)?.key();
    let max = usize::try_from(api.app().settings.api.body_max.0).unwrap_or(usize::MAX);
    body::announced(&parts.headers, max)?;
    let body = body::read(body, max).await?;
    let uri = parts.uri.to_string();
    let scope = digest(&[caller.as_bytes(), parts.method.as_str().as_bytes(), uri.as_bytes(), field(&parts.headers, &KEY)]);
    let content = digest(&[field(&parts.headers, &header::CONTENT_TYPE), field(&parts.headers, &header::IF_MATCH), &body]);
    match api.memory().begin(scope, content) {
        Begun::Known(kept) => return kept.response(),
        Begun::Other => {
            let detail = "this Idempotency-Key was used for another request; a key belongs to one";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", detail));
        }
        Begun::Running => {
            let detail = "the first request with this Idempotency-Key is still being answered";
            return Err(Problem::new(StatusCode::CONFLICT, "idempotency-key-in-use", detail).retry_after(1));
        }
        Begun::First => {}
    }
    let request = Request::from_parts(parts, Body::from(body));
    // In a task of its own: a caller that hangs up meanwhile must find the answer when it comes again.
    let answered = tokio::spawn(async move {
        let running = api.memory().running(scope);
        let response = sure(route.call(request).await);
        if !is_final(response.status()) {
            return response;
        }
        let (parts, body) = response.into_parts();
        let Ok(bytes) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
            return Problem::internal().into_response();
        };
        let response = Response::from_parts(parts, Body::from(bytes.clone()));
        running.done(Kept::of(&response, bytes));
        response
    });
    answered.await.map_err(|_| Problem::internal())
}

/// What may come out differently another time is not kept: the other side was down, or it was asked too often.
fn is_final(status: StatusCode) -> bool {
    !status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS && status != StatusCode::REQUEST_TIMEOUT
}

fn field<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a [u8] {
    headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default()
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

impl Kept {
    fn of(response: &Response, body: axum::body::Bytes) -> Self {
        let problem = response.extensions().get().cloned();
        Self { status: response.status(), headers: response.headers().clone(), body, problem, is_whole: true }
    }

    fn response(self) -> Result<Response, Problem> {
        if !self.is_whole {
            let detail = "this was carried out before; its answer was too large to be kept";
            return Err(Problem::new(StatusCode::CONFLICT, "idempotency-answer-gone", detail));
        }
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        if let Some(problem) = self.problem {
            response.extensions_mut().insert(problem);
        }
        Ok(response)
    }
}
