//! Sends spans to a collector: OTLP over HTTP, in protobuf. The messages are those of OpenTelemetry's own crate; its exporter is
//! not used, because it sleeps on the thread between tries and reads settings of its own from the environment.

use std::{sync::Arc, time::Duration};

use flexcore_engine::{pipeline::definition::Retry, port::step::Secrets, retry::backoff, unit};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{
        ResourceSpans, ScopeSpans, Span as Sent, Status,
        span::{Link, SpanKind},
        status::StatusCode,
    },
};
use prost::Message;
use reqwest::{Client, StatusCode as HttpStatus, header, redirect::Policy};
use tokio::{sync::mpsc, time};
use tokio_util::sync::CancellationToken;

use super::{
    BATCH_MAX, FLUSH_EVERY,
    span::{Attribute, Kind, Span},
};
use crate::step::filled;

/// One try may take so long.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Tries of one batch.
const TRIES_MAX: u32 = 4;
/// The wait before the second try; it doubles with each.
const BACKOFF: unit::Duration = unit::Duration::from_secs(1);
/// The longest wait between two tries.
const BACKOFF_MAX: unit::Duration = unit::Duration::from_secs(8);

/// The task that sends.
pub(super) struct Exporter {
    client: Client,
    url: String,
    headers: Vec<(String, String)>,
    secrets: Arc<dyn Secrets>,
    resource: Resource,
    /// It took nothing the last time.
    is_failing: bool,
}

impl Exporter {
    pub(super) fn new(
        url: &str,
        headers: &[(String, String)],
        node: &str,
        secrets: Arc<dyn Secrets>,
    ) -> Result<Self, reqwest::Error> {
        // Another part of the program may have chosen already; it chooses the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().redirect(Policy::none()).timeout(TIMEOUT);
        let client = client.user_agent(concat!("flexcore/", env!("CARGO_PKG_VERSION"))).build()?;
        let attributes = vec![
            text("service.name", "flexcore"),
            text("service.version", env!("CARGO_PKG_VERSION")),
            text("service.instance.id", node),
        ];
        let resource = Resource { attributes, ..Resource::default() };
        Ok(Self { client, url: url.to_owned(), headers: headers.to_vec(), secrets, resource, is_failing: false })
    }

    /// Sends what comes, until it closes and everything is sent.
    pub(super) async fn run(mut self, mut waiting: mpsc::Receiver<Span>, closing: CancellationToken) {
        let (mut batch, mut is_closed) = (Vec::with_capacity(BATCH_MAX), false);
        loop {
            tokio::select! {
                got = waiting.recv_many(&mut batch, 1) => if got == 0 { return },
                () = closing.cancelled(), if !is_closed => is_closed = true,
            }
            // Others may go with it.
            tokio::select! {
                _ = time::timeout(FLUSH_EVERY, fill(&mut batch, &mut waiting)), if !is_closed => {}
                () = closing.cancelled() => is_closed = true,
            }
            if is_closed {
                waiting.close();
                fill(&mut batch, &mut waiting).await;
            }
            self.send(std::mem::take(&mut batch)).await;
        }
    }

    async fn send(&mut self, batch: Vec<Span>) {
        let count = batch.len();
        if count == 0 {
            return;
        }
        let request = self.request(batch).encode_to_vec();
        let retry = Retry { attempts: 0, backoff: BACKOFF, factor: 2.0, max: BACKOFF_MAX, jitter: 0.0 };
        for tried in 1..=TRIES_MAX {
            match self.post(request.clone()).await {
                Ok(()) if self.is_failing => {
                    self.is_failing = false;
                    return tracing::info!("the collector takes traces again");
                }
                Ok(()) => return,
                Err((why, may_help)) if !may_help || tried == TRIES_MAX => {
                    if !std::mem::replace(&mut self.is_failing, true) {
                        tracing::warn!(spans = count, "traces were given up: {why}");
                    }
                    return;
                }
                Err((why, _)) => {
                    tracing::debug!(spans = count, tried, "the collector took no traces: {why}");
                    time::sleep(backoff(&retry, tried, 0.5)).await;
                }
            }
        }
    }

    /// `Err`: why, and whether another try may help.
    async fn post(&self, body: Vec<u8>) -> Result<(), (String, bool)> {
        let (secrets, headers) = (self.secrets.clone(), self.headers.clone());
        // Secrets may come from a file or a command, and may change.
        let filled = tokio::task::spawn_blocking(move || {
            headers.iter().map(|(name, value)| Ok((name.clone(), filled(value, &*secrets)?))).collect::<Result<Vec<_>, String>>()
        });
        let headers = filled.await.map_err(|error| (error.to_string(), false))?.map_err(|why| (why, true))?;
        let mut request = self.client.post(&self.url).header(header::CONTENT_TYPE, "application/x-protobuf").body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        // The error would quote the URL, which may hold a password.
        let response = request.send().await.map_err(|error| (error.without_url().to_string(), true))?;
        let status = response.status();
        let busy = [
            HttpStatus::TOO_MANY_REQUESTS,
            HttpStatus::BAD_GATEWAY,
            HttpStatus::SERVICE_UNAVAILABLE,
            HttpStatus::GATEWAY_TIMEOUT,
        ];
        if status.is_success() { Ok(()) } else { Err((format!("it answered {status}"), busy.contains(&status))) }
    }

    fn request(&self, batch: Vec<Span>) -> ExportTraceServiceRequest {
        let (name, version) = ("flexcore".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        let scope = InstrumentationScope { name, version, ..InstrumentationScope::default() };
        let spans = batch.into_iter().map(sent).collect();
        let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }];
        let resource = Some(self.resource.clone());
        ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }] }
    }
}

/// Until it is full, or nothing can come any more.
async fn fill(batch: &mut Vec<Span>, waiting: &mut mpsc::Receiver<Span>) {
    while batch.len() < BATCH_MAX {
        let room = BATCH_MAX - batch.len();
        if waiting.recv_many(batch, room).await == 0 {
            return;
        }
    }
}

fn sent(span: Span) -> Sent {
    let kind = match span.kind {
        Kind::Server => SpanKind::Server,
        Kind::Internal => SpanKind::Internal,
    };
    let status = span.error.map(|message| Status { message, code: StatusCode::Error.into() });
    let links =
        span.link.map(|link| Link { trace_id: link.trace.0.as_bytes().to_vec(), span_id: link.span.bytes(), ..Link::default() });
    Sent {
        trace_id: span.trace.0.as_bytes().to_vec(),
        span_id: span.id.bytes(),
        parent_span_id: span.above.map(super::span::SpanId::bytes).unwrap_or_default(),
        name: span.name,
        kind: kind.into(),
        start_time_unix_nano: nanoseconds(span.start),
        end_time_unix_nano: nanoseconds(span.end),
        attributes: span.attributes.into_iter().map(|(name, value)| attribute(name, value)).collect(),
        links: links.into_iter().collect(),
        status,
        ..Sent::default()
    }
}

fn nanoseconds(at: jiff::Timestamp) -> u64 {
    u64::try_from(at.as_nanosecond()).unwrap_or_default()
}

fn text(name: &str, value: &str) -> KeyValue {
    attribute(name, Attribute::Text(value.to_owned()))
}

fn attribute(name: &str, value: Attribute) -> KeyValue {
    let value = match value {
        Attribute::Text(text) => Value::StringValue(text),
        Attribute::Number(number) => Value::IntValue(number),
    };
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}
