//! `Idempotency-Key`: what is sent again is not done again.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::world::{COPY, Server, answer, problem};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_is_answered_the_same_and_done_once() {
    let server = Server::new().await;
    server.pipeline(COPY).await;
    let ask = |key: &str, body: serde_json::Value| {
        server.ask(Method::POST, "/api/v1/pipelines/copy/runs").header("idempotency-key", key).json(&body).send()
    };
    let first = answer(ask("a", json!({})).await.unwrap(), StatusCode::ACCEPTED).await;
    let again = ask("a", json!({})).await.unwrap();
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(answer(again, StatusCode::ACCEPTED).await, first);
    let other = answer(ask("b", json!({})).await.unwrap(), StatusCode::ACCEPTED).await;
    assert_ne!(other["id"], first["id"]);
    let reused = problem(ask("a", json!({"params": {"n": 2}})).await.unwrap(), 422).await;
    assert_eq!(reused["type"], "urn:flexcore:problem:idempotency-key-reused");
    assert_eq!(server.get("/api/v1/runs").await["items"].as_array().unwrap().len(), 2);
    problem(ask(&"k".repeat(256), json!({})).await.unwrap(), 400).await;
    problem(ask("a b", json!({})).await.unwrap(), 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_an_answer_too_and_keeps_its_shape() {
    let server = Server::new().await;
    let ask = || server.ask(Method::POST, "/api/v1/pipelines/none/activate").header("idempotency-key", "k").send();
    let first = problem(ask().await.unwrap(), 404).await;
    let again = problem(ask().await.unwrap(), 404).await;
    assert_eq!((&first["type"], &first["detail"]), (&again["type"], &again["detail"]));
    let elsewhere =
        server.ask(Method::POST, "/api/v1/pipelines/none/resume").header("idempotency-key", "k").send().await.unwrap();
    problem(elsewhere, 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_with_one_key_one_is_carried_out() {
    let server = Server::new().await;
    let event = json!({"type": "x.once"});
    let asked = (0..16).map(|_| server.ask(Method::POST, "/api/v1/events").header("idempotency-key", "k").json(&event).send());
    for answered in futures_util::future::join_all(asked).await {
        let status = answered.unwrap().status();
        assert!([StatusCode::CREATED, StatusCode::CONFLICT].contains(&status), "{status}");
    }
    assert_eq!(server.get("/api/v1/events?type=x.once").await["items"].as_array().unwrap().len(), 1);
}
