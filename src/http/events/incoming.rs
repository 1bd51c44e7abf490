//! Events that come in: our own short shape, and CloudEvents in both of their modes. What they carry is passed on as text.
//!
//! The log has its own clock and its own names. Of a CloudEvent it keeps `type`, the subject (else the source) as the stream,
//! the data, and the id where that is a UUID; any other id becomes one, the same for the same source and id. Its `time` is that
//! of another clock and its extensions are for those who carry it: both end here. What is to be kept of them belongs in the
//! data, which is kept to the byte.

use std::borrow::Cow;

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue},
};
use flexcore_engine::{
    handle::{Fact, FactData},
    id::EventId,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::{body, problem::Problem};

/// The most events of one request.
pub(in crate::http) const EVENTS_MAX: usize = 10_000;

/// A fact of the user's own, or a CloudEvent in its structured mode.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewEvent, example = json!({"type": "order.placed", "stream": "orders/17", "data": {"total": 12.5}}))]
pub(in crate::http) struct Incoming<'a> {
    /// What happened: up to 100 bytes without spaces. The engine's own first words (pipeline, run, queue, engine, command) are refused.
    #[serde(rename = "type", borrow)]
    #[schema(value_type = String, min_length = 1, max_length = 100)]
    kind: Cow<'a, str>,
    /// What it happened to: up to 200 bytes without spaces, like `orders/17`.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    stream: Option<Cow<'a, str>>,
    /// The older name of the same.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    aggregate_id: Option<Cow<'a, str>>,
    /// Names the event; one is made when there is none.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    id: Option<Cow<'a, str>>,
    /// CloudEvents: 1.0.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, pattern = "^1\\.0$")]
    specversion: Option<Cow<'a, str>>,
    /// CloudEvents: who tells it.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    source: Option<Cow<'a, str>>,
    /// CloudEvents: what it is about.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    subject: Option<Cow<'a, str>>,
    /// Up to 1 MiB of JSON; `null` when there is none.
    #[serde(borrow)]
    #[schema(value_type = Option<Value>)]
    data: Option<&'a RawValue>,
    /// CloudEvents: bytes as Base64, kept as that text.
    #[serde(borrow)]
    #[schema(value_type = Option<String>)]
    data_base64: Option<&'a RawValue>,
}

/// The longest name of an event or of what it is about, also where another one counts.
const NAME_BYTES_MAX: usize = 200;
/// Where events go that name nothing.
const STREAM_DEFAULT: &str = "events";

impl Incoming<'_> {
    /// The fact that it states.
    pub(in crate::http) fn fact(self, body: &Bytes) -> Result<Fact, Problem> {
        if self.specversion.as_deref().is_some_and(|version| version != "1.0") {
            return Err(Problem::unfit("specversion is not 1.0: that is the version of CloudEvents that is understood"));
        }
        if self.specversion.is_some() && (self.id.is_none() || self.source.is_none()) {
            return Err(Problem::unfit("a CloudEvent has an id and a source"));
        }
        let named = [&self.stream, &self.aggregate_id, &self.id, &self.source, &self.subject];
        if named.into_iter().flatten().any(|name| name.is_empty() || name.len() > NAME_BYTES_MAX) {
            let names = "stream, aggregate_id, id, source and subject";
            return Err(Problem::unfit(format!("{names} have 1 to {NAME_BYTES_MAX} bytes each, or are left out")));
        }
        if self.data_base64.is_some_and(|data| !data.get().starts_with('"')) {
            return Err(Problem::unfit("data_base64 is a text"));
        }
        let stream = [&self.stream, &self.aggregate_id, &self.subject, &self.source].into_iter().flatten().next();
        let stream = stream.map_or(STREAM_DEFAULT, |stream| stream.as_ref()).to_owned();
        let data = match self.data.or(self.data_base64) {
            Some(json) => FactData::parsed(body::part(body, json)?),
            None => FactData::null(),
        };
        let id = self.id.as_deref().map_or_else(EventId::fresh, |id| event_id(self.source.as_deref().unwrap_or_default(), id));
        Ok(Fact { id, stream, kind: self.kind.into_owned(), data })
    }
}

fn event_id(source: &str, id: &str) -> EventId {
    let made = || Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{source}\n{id}").as_bytes());
    EventId(Uuid::try_parse(id).unwrap_or_else(|_| made()))
}

/// Whether a request is a CloudEvent in binary mode: its attributes are header fields.
pub(in crate::http) fn is_binary(headers: &HeaderMap) -> bool {
    headers.contains_key("ce-specversion")
}

/// A CloudEvent in binary mode.
pub(in crate::http) fn binary(headers: &HeaderMap, is_json: bool, bytes: &Bytes) -> Result<Fact, Problem> {
    let field = |name: &str| headers.get(name).map(attribute).transpose();
    let needed = |name: &str| field(name)?.ok_or_else(|| Problem::malformed(format!("a CloudEvent has the header field {name}")));
    if needed("ce-specversion")? != "1.0" {
        return Err(Problem::unfit("ce-specversion is not 1.0: that is the version of CloudEvents that is understood"));
    }
    let (id, source, kind) = (needed("ce-id")?, needed("ce-source")?, needed("ce-type")?);
    if id.is_empty() || source.is_empty() {
        return Err(Problem::unfit("ce-id and ce-source have a text"));
    }
    let stream = field("ce-stream")?.or(field("ce-subject")?).unwrap_or_else(|| source.clone());
    let data = match (bytes.is_empty(), is_json) {
        (true, _) => FactData::null(),
        (false, true) => FactData::parsed(body::part(bytes, body::parse(bytes)?)?),
        (false, false) => {
            let text = std::str::from_utf8(bytes);
            let text = text.map_err(|error| Problem::unfit(format!("data that is not JSON must be UTF-8 text: {error}")))?;
            FactData::parsed(serde_json::Value::from(text).to_string().into())
        }
    };
    Ok(Fact { id: event_id(&source, &id), stream, kind, data })
}

/// An attribute of a header field: percent-encoded, says the binding of CloudEvents to HTTP.
fn attribute(value: &HeaderValue) -> Result<String, Problem> {
    let bytes = value.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        let decoded = escaped.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        out.push(decoded.unwrap_or(bytes[at]));
        at += if decoded.is_some() { 3 } else { 1 };
    }
    String::from_utf8(out).map_err(|_| Problem::malformed("an attribute of the CloudEvent is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_id_of_the_same_source_is_the_same_event() {
        assert_eq!(event_id("/a", "1"), event_id("/a", "1"));
        assert_ne!(event_id("/a", "1"), event_id("/b", "1"));
        let own = Uuid::now_v7();
        assert_eq!(event_id("/a", &own.to_string()), EventId(own));
    }

    #[test]
    fn attributes_are_percent_decoded() {
        assert_eq!(attribute(&HeaderValue::from_static("a%20b%C3%BC%")).unwrap(), "a bü%");
        assert!(attribute(&HeaderValue::from_static("%FF")).is_err());
    }

    #[test]
    fn a_name_has_a_text_and_is_not_too_long() {
        let long = format!(r#"{{"type":"x","stream":"a","source":"{}"}}"#, "b".repeat(NAME_BYTES_MAX + 1));
        for text in [r#"{"type":"x","stream":""}"#, r#"{"type":"x","stream":"a","subject":""}"#, r#"{"type":"x","id":""}"#, &long]
        {
            let body = Bytes::from(text.to_owned());
            assert!(body::parse::<Incoming<'_>>(&body).unwrap().fact(&body).is_err(), "{text}");
        }
    }

    #[test]
    fn bytes_are_a_text_or_nothing() {
        let fact = |text: &'static str| {
            let body = Bytes::from_static(text.as_bytes());
            body::parse::<Incoming<'_>>(&body).unwrap().fact(&body)
        };
        assert_eq!(fact(r#"{"type":"x","data_base64":"YQ=="}"#).unwrap().data.as_bytes(), b"\"YQ==\"");
        assert!(fact(r#"{"type":"x","data_base64":7}"#).is_err());
    }

    #[test]
    fn what_names_no_stream_has_one_all_the_same() {
        let fact = |text: &'static str| {
            let body = Bytes::from_static(text.as_bytes());
            body::parse::<Incoming<'_>>(&body).unwrap().fact(&body).unwrap()
        };
        assert_eq!(fact(r#"{"type":"x"}"#).stream, "events");
        assert_eq!(fact(r#"{"type":"x","aggregate_id":"7"}"#).stream, "7");
        let cloud = fact(r#"{"specversion":"1.0","id":"1","source":"/shop","type":"x","subject":"orders/1","data":[1.50]}"#);
        assert_eq!((cloud.stream.as_str(), cloud.data.as_bytes()), ("orders/1", &b"[1.50]"[..]));
    }
}
