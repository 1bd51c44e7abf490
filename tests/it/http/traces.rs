//! Traces: a small collector that understands OTLP, and what an engine tells it.

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value as Any},
    trace::v1::{Span, span::SpanKind, status::StatusCode as Code},
};
use prost::Message;
use reqwest::{Method, StatusCode as Answered};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc};

use super::world::{FAILS, Server, answer};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

struct Collector {
    url: String,
    came: mpsc::UnboundedReceiver<(HeaderMap, Bytes)>,
    spans: Vec<Span>,
    headers: HeaderMap,
}

async fn take(State(came): State<mpsc::UnboundedSender<(HeaderMap, Bytes)>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    // Nobody listens at the end of a test.
    let _ = came.send((headers, body));
    StatusCode::OK
}

impl Collector {
    async fn new() -> Self {
        let (sender, came) = mpsc::unbounded_channel();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/traces", post(take)).with_state(sender);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, came, spans: Vec::new(), headers: HeaderMap::new() }
    }

    fn keep(&mut self, (headers, body): (HeaderMap, Bytes)) {
        self.headers = headers;
        for resource in ExportTraceServiceRequest::decode(body).unwrap().resource_spans {
            assert_eq!(text(&resource.resource.unwrap().attributes, "service.name"), "flexcore");
            self.spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }

    /// Waits for a span of this name.
    async fn named(&mut self, name: &str) -> Span {
        loop {
            if let Some(span) = self.spans.iter().find(|span| span.name == name) {
                return span.clone();
            }
            let came = self.came.recv().await.unwrap();
            self.keep(came);
        }
    }

    /// What came of a trace, once nothing more can come.
    fn all_of(&mut self, trace: &str) -> Vec<Span> {
        while let Ok(came) = self.came.try_recv() {
            self.keep(came);
        }
        self.spans.iter().filter(|span| hex(&span.trace_id) == trace).cloned().collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn text(attributes: &[KeyValue], name: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == name).and_then(|found| found.value.clone()?.value);
    match found {
        Some(Any::StringValue(text)) => text,
        Some(Any::IntValue(number)) => number.to_string(),
        other => panic!("{name}: {other:?}"),
    }
}

/// Starts a run in a trace of somebody's; the answer's correlation.
async fn run(server: &Server, name: &str, traceparent: &str) -> (String, Value) {
    let asked = server.ask(Method::POST, &format!("/api/v1/pipelines/{name}/runs")).header("traceparent", traceparent);
    let response = asked.json(&json!({})).send().await.unwrap();
    let correlation = response.headers()["x-correlation-id"].to_str().unwrap().to_owned();
    (correlation, answer(response, Answered::ACCEPTED).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_goes_from_a_caller_through_a_run_to_the_server_that_its_step_asks() {
    let mut collector = Collector::new().await;
    let mut other = Collector::new().await;
    let secrets = tempfile::tempdir().unwrap();
    std::fs::write(secrets.path().join("TOKEN"), "hunter2").unwrap();
    let server = Server::with(&[
        ("traces.url", &collector.url),
        ("traces.headers", "authorization=Bearer ${secret:TOKEN}, x-team=ops"),
        ("secrets.folder", secrets.path().to_str().unwrap()),
    ])
    .await;
    let sends = format!(
        "name: sends\nsteps:\n  - {{name: make, uses: generate, with: {{count: 1}}}}\n  - {{name: send, uses: http.send, with: {{url: '{}'}}}}\n",
        other.url
    );
    server.pipeline(&sends).await;
    let (correlation, started) = run(&server, "sends", &format!("00-{TRACE}-{CALLER}-01")).await;
    assert_eq!(correlation.replace('-', ""), TRACE);

    let whole = collector.named("run sends").await;
    let (make, send) = (collector.named("step make").await, collector.named("step send").await);
    let command = collector.named("run pipeline").await;
    let request = collector.named("POST /api/v1/pipelines/{name}/runs").await;
    for span in [&whole, &make, &send, &command, &request] {
        assert_eq!(hex(&span.trace_id), TRACE, "{}", span.name);
        assert!(span.start_time_unix_nano > 0 && span.start_time_unix_nano <= span.end_time_unix_nano, "{}", span.name);
        assert!(span.status.is_none(), "{}", span.name);
    }
    let parents = [&request, &command, &whole, &make, &send].map(|span| hex(&span.parent_span_id));
    let above = [CALLER.to_owned(), hex(&request.span_id), hex(&command.span_id), hex(&whole.span_id), hex(&whole.span_id)];
    assert_eq!(parents, above);
    assert_eq!((request.kind, text(&request.attributes, "http.response.status_code")), (SpanKind::Server as i32, "202".into()));
    assert_eq!(text(&whole.attributes, "flexcore.run"), started["id"].as_str().unwrap());
    assert_eq!(text(&send.attributes, "flexcore.step.records_in"), "1");
    let header = |name: &str| collector.headers[name].to_str().unwrap().to_owned();
    assert_eq!((header("authorization"), header("x-team")), ("Bearer hunter2".into(), "ops".into()));

    let (headers, _) = other.came.recv().await.unwrap();
    assert_eq!(headers["traceparent"], format!("00-{TRACE}-{}-01", hex(&send.span_id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_says_why_and_what_the_caller_does_not_record_is_not_recorded() {
    let mut collector = Collector::new().await;
    let server = Server::with(&[("traces.url", &collector.url)]).await;
    server.pipeline(&format!("{FAILS}overlap: allow\n")).await;
    let muted = "0af7651916cd43dd8448eb211c80319c";
    let (correlation, _) = run(&server, "fails", &format!("00-{muted}-{CALLER}-00")).await;
    assert_eq!(correlation.replace('-', ""), muted);
    server.ended_run("fails").await;
    let failed = collector.named("run fails").await;
    let status = failed.status.unwrap();
    assert_eq!(status.code, Code::Error as i32);
    assert!(status.message.contains("there is no file"), "{}", status.message);
    // A trace without a caller is its correlation: the answer names it.
    let asked = server.ask(Method::GET, "/api/v1/info").send().await.unwrap();
    let correlation = asked.headers()["x-correlation-id"].to_str().unwrap().replace('-', "");
    server.app.stop(flexcore_engine::unit::Duration::from_secs(10)).await;
    let spans = collector.all_of(&correlation);
    assert_eq!((spans.len(), &*spans[0].name, spans[0].parent_span_id.len()), (1, "GET /api/v1/info", 0));
    assert!(collector.all_of(muted).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_a_trace_is_a_correlation_all_the_same() {
    let server = Server::new().await;
    let mut other = Collector::new().await;
    let asked = server.ask(Method::GET, "/api/v1/info").header("traceparent", format!("00-{TRACE}-{CALLER}-01"));
    let response = asked.send().await.unwrap();
    assert_eq!(response.headers()["x-correlation-id"].to_str().unwrap().replace('-', ""), TRACE);
    let sends = format!(
        "name: sends\nsteps:\n  - {{name: make, uses: generate, with: {{count: 1}}}}\n  - {{name: send, uses: http.send, with: {{url: '{}'}}}}\n",
        other.url
    );
    server.pipeline(&sends).await;
    server.ended_run("sends").await;
    let (headers, _) = other.came.recv().await.unwrap();
    assert!(headers.get("traceparent").is_none(), "nobody records it");
}
