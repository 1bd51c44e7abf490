//! Bodies: read within a size and a time, and understood, or refused with what is wrong where.

use std::{borrow::Cow, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{listen::HEAD_BYTES_MAX, problem::Problem, state::Api, time_limit::within, wire::problem::Flaw};

/// A body must have arrived within this time, however steadily it trickles.
pub(super) const BODY_TIME_MAX: Duration = Duration::from_secs(30);

/// A body as it came.
pub(super) struct Raw(pub Bytes);

impl FromRequest<Api> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        lent(request, api).await.map(|Sent { body, .. }| Self(own(body)))
    }
}

/// A body as it came, and the fields of its head: without a copy of them.
pub(super) struct Sent {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl FromRequest<Api> for Sent {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        lent(request, api).await.map(|Sent { headers, body }| Self { headers, body: own(body) })
    }
}

/// For whoever keeps nothing of the body: see [`own`].
async fn lent(request: Request, api: &Api) -> Result<Sent, Problem> {
    let max = usize::try_from(api.app().settings.api.body_max.0).unwrap_or(usize::MAX);
    let (head, body) = request.into_parts();
    announced(&head.headers, max)?;
    let body = read(body, max).await?;
    Ok(Sent { headers: head.headers, body })
}

/// What is announced as too long is refused before a byte of it is read.
pub(super) fn announced(headers: &HeaderMap, max: usize) -> Result<(), Problem> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > max as u64) { Err(too_large(max)) } else { Ok(()) }
}

pub(super) async fn read(body: Body, max: usize) -> Result<Bytes, Problem> {
    match within(BODY_TIME_MAX, Limited::new(body, max).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(max)),
        Ok(Err(error)) => Err(Problem::malformed(format!("the body did not arrive whole: {error}"))),
        Err(_) => {
            let detail = format!("the body did not arrive within {} s", BODY_TIME_MAX.as_secs());
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body-timeout", detail))
        }
    }
}

/// A body that came in one piece is a part of what the connection reads into, which is much larger than most bodies: an event
/// that held on to it would keep 8 KiB for its hundred bytes.
fn own(body: Bytes) -> Bytes {
    if body.len() > HEAD_BYTES_MAX { body } else { Bytes::copy_from_slice(&body) }
}

fn too_large(max: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", format!("the body has more than {max} bytes (setting api.body_max)"))
}

/// A body of JSON.
pub(super) struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Api> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        is_json(request.headers())?;
        let Sent { body, .. } = lent(request, api).await?;
        object(&body).map(Self)
    }
}

/// A body of JSON that may be left out.
pub(super) struct MaybeJson<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequest<Api> for MaybeJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let described = is_json(request.headers());
        let Sent { body, .. } = lent(request, api).await?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        described?;
        object(&body).map(Self)
    }
}

/// A body of JSON as text: what it carries is passed on as it is.
pub(super) struct JsonText(pub Bytes);

impl FromRequest<Api> for JsonText {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        is_json(request.headers())?;
        Raw::from_request(request, api).await.map(|Raw(bytes)| Self(bytes))
    }
}

/// The deepest nesting of JSON that is taken in: what reads it later may do so by recursion.
pub(super) const NESTING_MAX: usize = 100;

/// A part of a body, shared with it and not copied, unless little of a large body would hold on to all of it.
pub(super) fn part(body: &Bytes, json: &RawValue) -> Result<Bytes, Problem> {
    let text = json.get().as_bytes();
    if is_deeper(text, NESTING_MAX) {
        return Err(Problem::unfit(format!("the JSON is nested deeper than {NESTING_MAX} levels")));
    }
    Ok(if text.len() < body.len() / 4 && body.len() > 16 << 10 { Bytes::copy_from_slice(text) } else { body.slice_ref(text) })
}

/// JSON of few brackets cannot be deep: most is not looked at twice.
fn is_deeper(json: &[u8], max: usize) -> bool {
    if memchr::memchr2_iter(b'[', b'{', json).nth(max).is_none() {
        return false;
    }
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                if depth > max {
                    return true;
                }
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// What has names, by them: what reads it would take a list in their order, too, which nobody was promised.
pub(super) fn object<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problem> {
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        // One that is no JSON at all is told as such.
        parse::<&RawValue>(bytes)?;
        return Err(Problem::unfit("the body is a list, and an object is expected here"));
    }
    parse(bytes)
}

pub(super) fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| unread(&error))
}

/// JSON that is none is malformed; JSON of another shape is unfit.
pub(super) fn unread(error: &serde_json::Error) -> Problem {
    let told = error.to_string();
    let message = told.split(" at line ").next().unwrap_or(&told).to_owned();
    let place = u32::try_from(error.line()).ok().zip(u32::try_from(error.column()).ok());
    let (line, column) = place.map(|(line, column)| (Some(line), Some(column))).unwrap_or_default();
    let flaw = Flaw { pointer: String::new(), line, column, message, hint: None };
    let problem = match error.classify() {
        serde_json::error::Category::Data => Problem::unfit(format!("the body has not the shape that is expected here: {told}")),
        _ => Problem::malformed(format!("the body is not JSON: {told}")),
    };
    problem.with_flaws(vec![flaw])
}

/// The media type of a body, without its parameters, in small letters.
pub(super) fn media_type(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let media = value.split(';').next().unwrap_or_default().trim();
    let is_small = !media.bytes().any(|byte| byte.is_ascii_uppercase());
    Some(if is_small { media.into() } else { media.to_ascii_lowercase().into() })
}

fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    match media_type(headers) {
        Some(media) if media == "application/json" || media.ends_with("+json") => Ok(()),
        other => Err(unknown_media(other.as_deref(), "application/json")),
    }
}

pub(super) fn unknown_media(given: Option<&str>, known: &str) -> Problem {
    let given =
        given.map_or_else(|| "the body has no media type".to_owned(), |given| format!("`{given}` is not understood here"));
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", format!("{given}: send {known}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_outside_of_strings() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(!is_deeper(nested(100).as_bytes(), 100));
        assert!(is_deeper(nested(101).as_bytes(), 100));
        assert!(!is_deeper(format!("\"{}\"", "[".repeat(500)).as_bytes(), 100));
        assert!(!is_deeper(format!("[\"\\\"{}\"]", "{".repeat(500)).as_bytes(), 100));
        assert!(!is_deeper("[]".repeat(500).as_bytes(), 100));
    }
}
