//! `flexcore events` of a running engine: what is asked for and no more, whatever the engine says meanwhile.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use flexcore_engine::id::Position;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    http::world::Server,
    run::process::{Done, Place},
};

/// Asks a server of this process; it must be able to answer meanwhile.
async fn events(url: String, flags: &[&str]) -> Done {
    let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
    let asked = tokio::task::spawn_blocking(move || {
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        Place::new().done(&[&["events", "--url", &url], &flags[..]].concat())
    });
    asked.await.unwrap()
}

fn positions(done: &Done) -> Vec<u64> {
    assert_eq!(done.code, Some(0), "{}", done.told);
    done.out.lines().map(|line| line.split_whitespace().nth(1).unwrap().parse().unwrap()).collect()
}

/// Adds events of one's own, and says where the first and the last of them are.
async fn add(server: &Server, count: usize) -> (u64, u64) {
    let events: Vec<Value> = (1..=count).map(|n| json!({"type": "order.placed", "stream": "orders/1", "data": n})).collect();
    let added = server.ask(Method::POST, "/api/v1/events/batch").json(&events).send().await.unwrap().json::<Value>().await;
    let added = added.unwrap();
    let at = |index: usize| added["items"][index]["position"].as_u64().unwrap();
    (at(0), at(count - 1))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_until_a_moment_are_the_last_before_it() {
    let server = Server::new().await;
    let (first, _) = add(&server, 10).await;
    let of = |flags: &[&str]| {
        let flags: Vec<String> = ["--stream", "orders/"].iter().chain(flags).map(ToString::to_string).collect();
        let url = server.url("");
        async move { positions(&events(url, &flags.iter().map(String::as_str).collect::<Vec<_>>()).await) }
    };
    let (five, two) = ((first + 4).to_string(), (first + 1).to_string());
    assert_eq!(of(&["--until", &five, "--max", "2"]).await, [first + 3, first + 4]);
    assert_eq!(of(&["--until", &five, "--max", "9", "--since", &two]).await, (first + 1..=first + 4).collect::<Vec<_>>());
    assert_eq!(of(&["--max", "3"]).await, (first + 7..=first + 9).collect::<Vec<_>>());
    assert_eq!(of(&["--max", "99"]).await, (first..=first + 9).collect::<Vec<_>>());
    assert_eq!(of(&["--max", "0"]).await, [0_u64; 0]);
    let at = server.get("/api/v1/events?stream=orders/").await["items"][9]["at"].as_str().unwrap().to_owned();
    assert_eq!(of(&["--until", &at, "--max", "1"]).await, [first + 9]);
    assert_eq!(of(&["--until", "2020-01-01", "--max", "1"]).await, [0_u64; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_longer_kept_is_told_and_the_rest_is_there() {
    let server = Server::new().await;
    let (_, last) = add(&server, 9_000).await;
    server.app.engine.store().truncate(Position(last - 10), &[]).await.unwrap();
    let oldest = server.app.engine.store().stats().oldest.0;
    assert!(oldest > 1, "something was dropped");
    let done = events(server.url(""), &["--since", "1", "--stream", "orders/"]).await;
    assert_eq!(positions(&done), (oldest..=last).collect::<Vec<_>>());
    assert_eq!(done.told, format!("flexcore: events before {oldest} are no longer kept\n"));
    let all = events(server.url(""), &["--stream", "orders/"]).await;
    assert_eq!((positions(&all).len() as u64, &*all.told), (last - oldest + 1, ""));
}

/// An engine that has no time at first.
#[derive(Clone, Default)]
struct Busy(Arc<AtomicUsize>);

impl Busy {
    fn answer(&self, statuses: &[u16], then: impl IntoResponse) -> Response {
        let asked = self.0.fetch_add(1, Ordering::SeqCst);
        let Some(status) = statuses.get(asked) else { return then.into_response() };
        let problem = json!({"type": "x", "title": "x", "status": status, "detail": "not now", "instance": "/", "errors": [],
            "correlation_id": uuid::Uuid::nil()});
        (StatusCode::from_u16(*status).unwrap(), Json(problem)).into_response()
    }
}

fn event(position: u64) -> Value {
    json!({"position": position, "stream": "orders/1", "version": position, "id": uuid::Uuid::nil(), "type": "order.placed",
        "at": "2026-01-31T12:00:00Z", "actor": "engine", "correlation": uuid::Uuid::nil(), "cause": null, "data": {}})
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_has_no_time_is_asked_again() {
    async fn info(State((busy, _)): State<(Busy, Busy)>) -> Response {
        busy.answer(&[429], Json(json!({"position": 0, "oldest": 1})))
    }
    async fn stream(State((_, busy)): State<(Busy, Busy)>) -> Response {
        let text = format!("id: 1\ndata: {}\n\nid: 2\ndata: {}\n\n", event(1), event(2));
        busy.answer(&[429, 408, 503], ([(header::CONTENT_TYPE, "text/event-stream")], text))
    }
    let none = || async { Json(json!({"items": [], "next": 0, "head": 0})) };
    let router = Router::new()
        .route("/api/v1/info", get(info))
        .route("/api/v1/events", get(none))
        .route("/api/v1/events/stream", get(stream))
        .with_state(<(Busy, Busy)>::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let done = events(url, &["--follow", "--until", "1"]).await;
    assert_eq!(positions(&done), [1]);
    assert_eq!(done.told, "flexcore: not now; trying again\n");
}
