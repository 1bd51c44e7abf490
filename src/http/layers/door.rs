//! The door: who asks, whether a browser was tricked into asking, and how often.

use std::{net::SocketAddr, time::Instant};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, uri::Authority},
    response::{IntoResponse, Response},
};
use flexcore_engine::id::{Actor, CorrelationId};

use crate::http::{access::Caller, listen::HEAD_FIELDS_MAX, peer::Peer, problem::Problem, state::Api, token::Role};

/// Probes have no secrets, and what they learn is one word.
const OPEN: [&str; 4] = ["/health/live", "/health/ready", "/api/v1/health/live", "/api/v1/health/ready"];

/// Lets a request in and says which web origin its answer is for. `Err`: that is its answer.
pub(super) fn enter(api: &Api, request: &mut Request, correlation: CorrelationId) -> Result<Option<HeaderValue>, Box<Response>> {
    if request.headers().len() > HEAD_FIELDS_MAX {
        let detail = format!("the head has more than {HEAD_FIELDS_MAX} fields");
        let problem = Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "too-many-fields", detail);
        return Err(problem.into_response().into());
    }
    let origin = allowed_origin(api, request.headers()).map_err(Problem::into_response)?;
    if request.method() == Method::OPTIONS
        && let Some(origin) = origin
    {
        return Err(preflight(origin).into());
    }
    match caller(api, request, correlation) {
        Ok(caller) => {
            if request.method() != Method::GET {
                api.engine().stir();
            }
            request.extensions_mut().insert(caller)
        }
        Err(problem) => return Err(shared(problem.into_response(), origin).into()),
    };
    Ok(origin)
}

/// Takes the place of the peer among what handlers are told.
fn caller(api: &Api, request: &mut Request, correlation: CorrelationId) -> Result<Caller, Problem> {
    let by = |actor, role, address| Caller { actor, role, correlation, address };
    match request.extensions_mut().remove::<Peer>().ok_or_else(Problem::internal)? {
        #[cfg(feature = "ssh")]
        Peer::Session { actor, role } => Ok(by(actor, role, None)),
        Peer::Unix { user } => Ok(by(Actor::Operator(user.into()), Role::Admin, None)),
        Peer::Tcp(address) => {
            let (actor, role) = match api.tokens() {
                Some(_) if OPEN.contains(&request.uri().path()) => (Actor::Token("anonymous".into()), Role::Viewer),
                Some(_) => by_token(api, request.headers(), address)?,
                None => by_loopback(request)?,
            };
            let caller = by(actor, role, Some(address));
            slow(api, &caller, address)?;
            Ok(caller)
        }
    }
}

fn by_token(api: &Api, headers: &HeaderMap, address: SocketAddr) -> Result<(Actor, Role), Problem> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = given.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    let found = token.zip(api.tokens()).and_then(|(token, tokens)| tokens.find(token, api.engine().clock().now()));
    if let Some((name, role)) = found {
        return Ok((Actor::Token(name), role));
    }
    // Guessing costs as much as asking.
    limited(api, || format!("address:{}", address.ip()))?;
    let detail = match token {
        None => "this needs a token: Authorization: Bearer TOKEN",
        Some(_) => "there is no such token, or it has expired",
    };
    let challenge = HeaderValue::from_static("Bearer realm=\"flexcore\"");
    Err(Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail).header(header::WWW_AUTHENTICATE, challenge))
}

/// Without tokens only this machine may ask. A page in a browser on it must not ask in its user's name: its requests carry
/// the page's origin, or, with a name that was made to point here, a foreign host.
fn by_loopback(request: &Request) -> Result<(Actor, Role), Problem> {
    let host = request.uri().authority().map(Authority::as_str);
    let host = host.or_else(|| request.headers().get(header::HOST)?.to_str().ok());
    if host.is_some_and(|host| !is_loopback(host)) {
        let detail = "without tokens, the API answers only to localhost, 127.0.0.1 and [::1]";
        return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "foreign-host", detail));
    }
    Ok((Actor::Operator("loopback".into()), Role::Admin))
}

fn is_loopback(host: &str) -> bool {
    // As nearly all are written.
    if host.strip_prefix("localhost").or_else(|| host.strip_prefix("127.0.0.1")).is_some_and(is_port) {
        return true;
    }
    let Ok(authority) = host.parse::<Authority>() else { return false };
    // What is there besides the name is a port, or it is not what any browser sends.
    if authority.port_u16().is_none() && authority.host() != host {
        return false;
    }
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Nothing, or a colon and digits.
fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The origin to answer to, when a browser asks for a page of another one. `Err`: one that may not ask.
fn allowed_origin(api: &Api, headers: &HeaderMap) -> Result<Option<HeaderValue>, Problem> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(None) };
    if api.app().settings.api.cors_origin.as_deref().is_some_and(|allowed| allowed.as_bytes() == origin.as_bytes()) {
        return Ok(Some(origin.clone()));
    }
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes).unwrap_or_default();
    let own = origin.as_bytes().strip_prefix(b"http://").or_else(|| origin.as_bytes().strip_prefix(b"https://"));
    if own.is_some_and(|own| own == host) {
        return Ok(None);
    }
    Err(Problem::forbidden("scripts of this web origin may not use the API (setting api.cors_origin)"))
}

fn preflight(origin: HeaderValue) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PUT, DELETE"));
    let names = "authorization, content-type, idempotency-key, if-match, last-event-id, x-correlation-id";
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(names));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    shared(response, Some(origin))
}

pub(super) fn shared(mut response: Response, origin: Option<HeaderValue>) -> Response {
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
        let exposed = HeaderValue::from_static("etag, location, retry-after, x-correlation-id");
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    response
}

fn slow(api: &Api, caller: &Caller, address: SocketAddr) -> Result<(), Problem> {
    match &caller.actor {
        Actor::Token(name) if api.tokens().is_some() && &**name != "anonymous" => limited(api, || format!("token:{name}")),
        _ => limited(api, || format!("address:{}", address.ip())),
    }
}

fn limited(api: &Api, key: impl Fn() -> String) -> Result<(), Problem> {
    let Some(wait) = api.rate().and_then(|rate| rate.take(&key(), Instant::now()).err()) else { return Ok(()) };
    let detail = format!("more than {} requests in a second (setting api.rate_max)", api.app().settings.api.rate_max);
    let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
    Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate", detail).retry_after(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for good in ["localhost", "localhost:8080", "LOCALHOST:80", "127.0.0.1:8080", "127.9.9.9", "[::1]:80"] {
            assert!(is_loopback(good), "{good}");
        }
        for bad in [
            "evil.example",
            "localhost.evil.example",
            "localhost:80.evil.example",
            "127.0.0.1:80@evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1:80",
            "",
            "a@b@c",
        ] {
            assert!(!is_loopback(bad), "{bad}");
        }
    }
}
