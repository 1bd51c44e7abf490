//! Server-sent events: nothing is lost over a broken connection, and a slow reader does no harm.

use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use serde_json::json;

use super::world::{Server, problem};

/// Reads until so many events have come; their ids.
async fn ids(response: &mut Response, count: usize) -> Vec<u64> {
    let (mut ids, mut rest) = (Vec::new(), String::new());
    while ids.len() < count {
        let chunk = response.chunk().await.unwrap().expect("the stream goes on");
        rest.push_str(std::str::from_utf8(&chunk).unwrap());
        let whole = rest.rfind("\n\n").map_or(0, |end| end + 2);
        let events: String = rest.drain(..whole).collect();
        ids.extend(events.lines().filter_map(|line| line.strip_prefix("id: ")?.parse::<u64>().ok()));
    }
    ids
}

async fn append(server: &Server, count: usize) {
    let lines = (0..count).map(|n| format!("{{\"type\":\"x.a\",\"stream\":\"s\",\"data\":{n}}}\n")).collect::<Vec<_>>().concat();
    let post = server.ask(Method::POST, "/api/v1/events/batch").header("content-type", "application/x-ndjson");
    assert_eq!(post.body(lines).send().await.unwrap().status(), StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_goes_on_after_the_last_event_it_has_seen() {
    let server = Server::new().await;
    append(&server, 10).await;
    let mut stream = server.ask(Method::GET, "/api/v1/events/stream?after=0&type=x.a").send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let first = ids(&mut stream, 10).await;
    drop(stream);
    append(&server, 5).await;
    let resume = server.ask(Method::GET, "/api/v1/events/stream?after=0&type=x.a").header("last-event-id", first[3].to_string());
    let mut stream = resume.send().await.unwrap();
    let rest = ids(&mut stream, 11).await;
    assert_eq!(rest[..6], first[4..]);
    assert_eq!(rest.len(), 11);
    let odd = server.ask(Method::GET, "/api/v1/events/stream").header("last-event-id", "x").send().await.unwrap();
    problem(odd, 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_position_it_begins_with_what_is_new() {
    let server = Server::new().await;
    append(&server, 3).await;
    let mut stream = server.ask(Method::GET, "/api/v1/events/stream?type=x.a,x.b").send().await.unwrap();
    // Its first line says that it is there.
    stream.chunk().await.unwrap();
    let made = server.post("/api/v1/events", &json!({"type": "x.b"}), StatusCode::CREATED).await;
    let chunk = stream.chunk().await.unwrap().unwrap();
    assert!(chunk.starts_with(format!("id: {}\ndata: {{", made["position"]).as_bytes()), "{chunk:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_does_not_read_holds_nobody_up_and_loses_nothing() {
    let server = Server::new().await;
    let mut slow = server.ask(Method::GET, "/api/v1/events/stream?after=0&type=x.a").send().await.unwrap();
    for _ in 0..20 {
        append(&server, 5_000).await;
    }
    let ids = tokio::time::timeout(Duration::from_secs(60), ids(&mut slow, 100_000)).await.unwrap();
    assert_eq!(ids.len(), 100_000);
    assert!(ids.is_sorted());
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_when_the_engine_stops() {
    let server = Server::new().await;
    let mut stream = server.ask(Method::GET, "/api/v1/events/stream").send().await.unwrap();
    stream.chunk().await.unwrap();
    let cut_off = server.listening.stop(flexcore_engine::unit::Duration::from_secs(20)).await;
    assert_eq!(cut_off, 0);
    while stream.chunk().await.unwrap().is_some() {}
}
