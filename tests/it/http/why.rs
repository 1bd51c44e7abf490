//! "Why is it so?" by the API: every status that it can have.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::{COPY, FAILS, Server};

fn kinds(why: &Value) -> Vec<&str> {
    why["facts"].as_array().unwrap().iter().map(|fact| fact["type"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_and_its_pipeline_say_why_with_events_that_are_there() {
    let server = Server::new().await;
    server.pipeline(FAILS).await;
    let run = server.ended_run("fails").await;
    let why = server.get(&format!("/api/v1/runs/{}/why", run["id"].as_str().unwrap())).await;
    assert_eq!((&why["state"], &why["severity"]), (&json!("failed"), &json!("error")));
    assert_eq!(why["subject"], format!("run/{}", run["id"].as_str().unwrap()));
    assert!(why["answer"].as_str().unwrap().starts_with("run #1 of fails failed in attempt 1: step read: "), "{why}");
    assert_eq!((kinds(&why)[0], *kinds(&why).last().unwrap()), ("run.failed", "run.queued"));
    for fact in why["facts"].as_array().unwrap() {
        let after = fact["position"].as_u64().unwrap() - 1;
        let page = server.get(&format!("/api/v1/events?after={after}&limit=1")).await;
        let event = &page["items"][0];
        for field in ["type", "stream", "actor", "position"] {
            assert_eq!(event[field], fact[field], "{fact}");
        }
    }
    let commands: Vec<&str> = why["remedies"].as_array().unwrap().iter().map(|one| one["command"].as_str().unwrap()).collect();
    assert!(commands.contains(&"flexcore pipeline revise fails FILE"), "{commands:?}");
    let why = server.get("/api/v1/pipelines/fails/why").await;
    assert!(why["answer"].as_str().unwrap().contains("run #1, its last, failed in attempt 1"), "{why}");
    assert_eq!(why["next"][1]["text"], "no run by itself: it has no trigger, people start its runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_asked_for_by_position_or_by_moment() {
    let server = Server::new().await;
    server.pipeline(COPY).await;
    server.post("/api/v1/pipelines/copy/pause", &json!({"reason": "lunch"}), StatusCode::OK).await;
    let paused = server.get("/api/v1/pipelines/copy/why").await;
    let position = paused["facts"][0]["position"].as_u64().unwrap();
    assert!(paused["answer"].as_str().unwrap().ends_with(": lunch"), "{paused}");
    let before = server.get(&format!("/api/v1/pipelines/copy/why?at={}", position - 1)).await;
    assert_eq!((&before["state"], &before["position"]), (&json!("active"), &json!(position - 1)));
    let now = server.app.engine.clock().now();
    let then = server.get(&format!("/api/v1/pipelines/copy/why?moment={now}")).await;
    assert_eq!((&then["state"], &then["at"]), (&json!("paused"), &json!(now.to_string())));
    assert_eq!(server.get("/api/v1/queues/copy.dead/why").await["severity"], "info");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_not_understood_is_a_problem() {
    let server = Server::new().await;
    server.pipeline(COPY).await;
    let run = "0192d5a0-0000-7000-8000-000000000000";
    for (path, status, kind) in [
        ("pipelines/none/why".to_owned(), 404, "no-pipeline"),
        (format!("runs/{run}/why"), 404, "no-run"),
        ("queues/none/why".to_owned(), 404, "no-queue"),
        ("pipelines/copy/why?at=0".to_owned(), 404, "no-pipeline"),
        ("pipelines/copy/why?at=1&moment=2026-01-31T12:00:00Z".to_owned(), 400, "malformed"),
        ("pipelines/copy/why?when=1".to_owned(), 400, "malformed"),
        ("runs/none/why".to_owned(), 400, "malformed"),
        ("pipelines/copy/why?moment=noon".to_owned(), 400, "malformed"),
    ] {
        let problem = server.fails(Method::GET, &format!("/api/v1/{path}"), status).await;
        assert_eq!(problem["type"], format!("urn:flexcore:problem:{kind}"), "{path}");
    }
    for number in 0..3_000 {
        server.app.engine.record_stopped(number).await.unwrap();
    }
    server.app.engine.retain(10).await.unwrap();
    let problem = server.fails(Method::GET, "/api/v1/pipelines/copy/why?at=3", 410).await;
    assert!(problem["detail"].as_str().unwrap().contains("no longer kept"), "{problem}");
    server.fails(Method::GET, "/api/v1/pipelines/copy/why?moment=2020-01-31T12:00:00Z", 410).await;
    assert_eq!(server.get("/api/v1/pipelines/copy/why").await["state"], "active");
}
