//! The calls of the first FlexCore, with the shapes that its tests asserted, bad requests included.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::{COPY, Server, problem};

fn has(body: &Value, fields: &[&str]) {
    for field in fields {
        assert!(!body[field].is_null(), "{field} is missing: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn info_says_who_this_is() {
    let server = Server::new().await;
    let info = server.get("/info").await;
    has(&info, &["version", "build_time", "commit", "cluster"]);
    assert_eq!((&info["service"], &info["node_id"]), (&json!("flexcore"), &json!("here")));
    assert!(info["uptime"].is_u64());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_accepted_and_is_in_the_log() {
    let server = Server::new().await;
    let event = json!({"type": "user.created", "aggregate_id": "user-123", "data": {"name": "Ana"}});
    let accepted = server.post("/events", &event, StatusCode::OK).await;
    assert_eq!(accepted["status"], "accepted");
    let kept = server.get("/api/v1/events?stream=user-123").await;
    assert_eq!((&kept["items"][0]["id"], &kept["items"][0]["data"]), (&accepted["id"], &json!({"name": "Ana"})));
    server.post_fails("/events", &json!({"aggregate_id": "user-123"}), 400).await;
    server.post_fails("/events", &json!({"type": ""}), 400).await;
    server.post_fails("/events", &json!({"type": "run.failed"}), 400).await;
    problem(server.ask(Method::POST, "/events").body("{nonsense").send().await.unwrap(), 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_batch_each_event_has_its_own_answer() {
    let server = Server::new().await;
    let batch = json!([{"type": "a.b"}, {"data": 1}, {"type": "run.failed"}, {"type": "a.b", "data": {"n": 2}}]);
    let done = server.post("/events/batch", &batch, StatusCode::OK).await;
    let states: Vec<&str> = done["results"].as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert_eq!((states, &done["total"]), (vec!["accepted", "failed", "failed", "accepted"], &json!(4)));
    assert_eq!(server.get("/api/v1/events?type=a.b").await["items"].as_array().unwrap().len(), 2);
    assert_eq!(server.post("/events/batch", &json!([]), StatusCode::OK).await["total"], 0);
    server.post_fails("/events/batch", &json!({"type": "a.b"}), 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_taken_ten_at_a_time_and_are_gone() {
    let server = Server::new().await;
    for n in 0..12 {
        let queued = server.post("/queues/jobs/messages", &json!({"n": n}), StatusCode::OK).await;
        assert_eq!((&queued["queue"], &queued["status"]), (&json!("jobs"), &json!("queued")));
        has(&queued, &["id"]);
    }
    let head = server.ask(Method::HEAD, "/queues/jobs/messages").send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
    let first = server.get("/queues/jobs/messages").await;
    assert_eq!((&first["count"], &first["queue"]), (&json!(10), &json!("jobs")));
    has(&first["messages"][0], &["id", "queue", "data", "created_at", "attempts", "status"]);
    assert_eq!(first["messages"][0]["data"], json!({"n": 0}));
    assert_eq!(server.get("/queues/jobs/messages").await["count"], 2);
    assert_eq!(server.get("/queues/jobs/messages").await["messages"], json!([]));
    server.post_fails("/queues/jobs/messages", &json!([1]), 400).await;
    problem(server.ask(Method::POST, "/queues/jobs/messages").body("{").send().await.unwrap(), 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_a_run_of_a_pipeline() {
    let server = Server::new().await;
    server.pipeline(COPY).await;
    let started = server.post("/workflows/execute", &json!({"path": "f/copy", "input": {"n": 3}}), StatusCode::OK).await;
    assert_eq!(started["status"], "started");
    let status = server.get(&format!("/workflows/{}/status", started["job_id"].as_str().unwrap())).await;
    assert_eq!((&status["job_id"], &status["path"], &status["input"]), (&started["job_id"], &json!("copy"), &json!({"n": 3})));
    has(&status, &["status"]);
    server.post_fails("/workflows/execute", &json!({"input": {}}), 400).await;
    problem(server.ask(Method::POST, "/workflows/execute").body("{").send().await.unwrap(), 400).await;
    server.post_fails("/workflows/execute", &json!({"path": "none"}), 404).await;
    for unknown in ["unknown", "0192d5a0-0000-7000-8000-000000000000"] {
        server.fails(Method::GET, &format!("/workflows/{unknown}/status"), 404).await;
    }
    let sent = server.ask(Method::POST, "/api/v1/workflows/execute").json(&json!({"path": "copy"})).send().await.unwrap();
    assert_eq!(sent.status(), StatusCode::ACCEPTED);
    let run = sent.headers()["location"].to_str().unwrap().rsplit('/').next().unwrap().to_owned();
    server.get(&format!("/api/v1/workflows/{run}/status")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_one_node_and_says_so() {
    let server = Server::new().await;
    let mut vitals = server.app.vitals();
    vitals.wait_for(|vitals| !vitals.checks.is_empty()).await.unwrap();
    for path in ["/cluster/status", "/api/v1/cluster/status"] {
        let cluster = server.get(path).await;
        has(&cluster, &["cluster_name", "cluster", "uptime", "timestamp"]);
        assert_eq!((&cluster["node_id"], &cluster["cluster_size"]), (&json!("here"), &json!(1)));
        assert_eq!(cluster["nodes"][0]["node_id"], "here");
        assert_eq!(cluster["status"], cluster["health"]);
    }
    assert_eq!(server.get("/api/v1/cluster/nodes").await["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_who_ask_at_once_are_all_answered() {
    let server = Server::new().await;
    let asked = (0..10).map(|_| server.ask(Method::GET, "/info").send());
    for answered in futures_util::future::join_all(asked).await {
        assert_eq!(answered.unwrap().status(), StatusCode::OK);
    }
}
