//! Queues by the API: a message's whole life.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::{Server, answer, names, problem};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_received_extended_and_acked() {
    let server = Server::new().await;
    let sent =
        server.post("/api/v1/queues/orders/messages", &json!({"body": {"n": 1}, "priority": 3}), StatusCode::CREATED).await;
    let id = sent["items"][0]["id"].as_str().unwrap().to_owned();
    let received = server.post("/api/v1/queues/orders/receive", &json!({"max": 5, "lease": "60s"}), StatusCode::OK).await;
    let message = &received["items"][0];
    assert_eq!((&message["id"], &message["body"], &message["delivery"]), (&json!(id), &json!({"n": 1}), &json!(1)));
    let of = |verb: &str| format!("/api/v1/queues/orders/messages/{id}/{verb}");
    let extended = server.post(&of("extend"), &json!({"delivery": 1, "lease": "120s"}), StatusCode::OK).await;
    assert!(extended["until"].as_str() > message["until"].as_str());
    assert_eq!(names(&server.get("/api/v1/queues/orders/peek?which=leased").await, "state"), ["leased"]);
    let ack = || server.ask(Method::POST, &of("ack")).json(&json!({"delivery": 1})).send();
    assert_eq!(ack().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(problem(ack().await.unwrap(), 409).await["type"], "urn:flexcore:problem:stale-receipt");
    let queue = server.get("/api/v1/queues/orders").await;
    assert_eq!((&queue["ready"], &queue["acked_total"]), (&json!(0), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_for_good_is_a_dead_letter_that_can_be_mended_and_sent_again() {
    let server = Server::new().await;
    let declared = server.ask(Method::PUT, "/api/v1/queues/q").json(&json!({"attempts_max": 1, "messages_max": 2})).send().await;
    assert_eq!(answer(declared.unwrap(), StatusCode::OK).await["limits"]["attempts_max"], 1);
    let sent = server.post("/api/v1/queues/q/messages", &json!({"body": 1}), StatusCode::CREATED).await;
    let id = sent["items"][0]["id"].as_str().unwrap().to_owned();
    server.post("/api/v1/queues/q/receive", &json!({}), StatusCode::OK).await;
    let nack = json!({"delivery": 1, "error": "no"});
    let nacked = server.ask(Method::POST, &format!("/api/v1/queues/q/messages/{id}/nack")).json(&nack).send().await.unwrap();
    assert_eq!(nacked.status(), StatusCode::NO_CONTENT);
    let dead = server.get("/api/v1/queues/q/peek?which=dead").await;
    assert_eq!((&dead["items"][0]["error"], &dead["items"][0]["state"]), (&json!("no"), &json!("dead")));
    let edit = server.ask(Method::PUT, &format!("/api/v1/queues/q/dead/{id}")).json(&json!({"n": 2})).send().await.unwrap();
    answer(edit, StatusCode::OK).await;
    assert_eq!(
        server.post("/api/v1/queues/q/redrive", &json!({"messages": [id]}), StatusCode::OK).await["note"],
        "1 dead letter redriven"
    );
    server.post_fails("/api/v1/queues/q/redrive", &json!({}), 409).await;
    assert_eq!(server.get("/api/v1/queues/q/peek").await["items"][0]["body"], json!({"n": 2}));
    let purged = server.post("/api/v1/queues/q/purge", &json!({}), StatusCode::OK).await;
    assert_eq!(purged["note"], "1 message purged");
    server.post_fails("/api/v1/queues/q/purge", &json!({"scope": "dead_letters"}), 409).await;
    server.post_fails("/api/v1/queues/q/discard", &json!({"messages": []}), 422).await;
    server.post_fails("/api/v1/queues/q/discard", &json!({"messages": [id]}), 409).await;
    server.post_fails("/api/v1/queues/q/replay", &json!({"pipeline": "none"}), 404).await;
    let two = json!({"messages": [{"body": 1}, {"body": 2}]});
    server.post("/api/v1/queues/q/messages", &two, StatusCode::CREATED).await;
    assert_eq!(server.post_fails("/api/v1/queues/q/messages", &two, 429).await["type"], "urn:flexcore:problem:queue-full");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_sent_at_once_and_a_key_only_once() {
    let server = Server::new().await;
    let messages: Vec<Value> = (0..1_000).map(|n| json!({"body": n})).collect();
    let sent = server.post("/api/v1/queues/many/messages", &json!({"messages": messages}), StatusCode::CREATED).await;
    assert_eq!(sent["items"].as_array().unwrap().len(), 1_000);
    let keyed = json!({"body": 1, "dedup_key": "k"});
    let first = server.post("/api/v1/queues/keyed/messages", &keyed, StatusCode::CREATED).await;
    let second = server.post("/api/v1/queues/keyed/messages", &keyed, StatusCode::CREATED).await;
    assert_eq!((&second["items"][0]["duplicate"], &second["items"][0]["id"]), (&json!(true), &first["items"][0]["id"]));
    assert_eq!(names(&server.get("/api/v1/queues").await, "name"), ["flexcore.runs", "keyed", "many"]);
    let page = server.get("/api/v1/queues?limit=2").await;
    assert_eq!(page["next"], "keyed");
    assert_eq!(names(&server.get("/api/v1/queues?cursor=keyed").await, "name"), ["many"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_may_wait_for_a_message() {
    let server = Server::new().await;
    let waiting = server.ask(Method::POST, "/api/v1/queues/late/receive").json(&json!({"wait": "20s"})).send();
    let message = json!({"body": 1});
    let (received, _) = tokio::join!(waiting, server.post("/api/v1/queues/late/messages", &message, StatusCode::CREATED));
    assert_eq!(answer(received.unwrap(), StatusCode::OK).await["items"][0]["body"], 1);
    assert_eq!(server.post("/api/v1/queues/late/receive", &json!({"wait": "1ms"}), StatusCode::OK).await["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused() {
    let server = Server::new().await;
    for (path, body, status) in [
        ("flexcore.runs/messages", json!({"body": 1}), 403),
        ("flexcore.runs/receive", json!({}), 403),
        ("flexcore.runs/purge", json!({}), 403),
        ("none/purge", json!({}), 404),
        ("q/messages", json!({"body": 1, "priority": 10}), 422),
        ("q/messages", json!({"body": 1, "extra": 1}), 422),
        ("q/messages", json!({"messages": []}), 422),
        ("q/messages", json!({"priority": 1}), 422),
        ("q/messages", json!({"body": "x".repeat(2 << 20)}), 422),
        ("q/receive", json!({"max": 0}), 422),
        ("q/receive", json!({"lease": "13h"}), 422),
        ("q/receive", json!({"wait": "31s"}), 422),
        ("NOT/receive", json!({}), 400),
        ("q/messages/x/ack", json!({"delivery": 1}), 400),
    ] {
        server.post_fails(&format!("/api/v1/queues/{path}"), &body, status).await;
    }
    for path in ["/api/v1/queues/none", "/api/v1/queues/none/peek"] {
        server.fails(Method::GET, path, 404).await;
    }
    server.fails(Method::GET, "/api/v1/queues/none/peek?which=best", 400).await;
}
