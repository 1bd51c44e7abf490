//! The log by the API: facts go in as they are and come out the same.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::{COPY, Server, answer, problem};

#[tokio::test(flavor = "multi_thread")]
async fn an_event_comes_out_as_it_went_in() {
    let server = Server::new().await;
    let text =
        r#"{"type":"order.placed","stream":"orders/1","data":{"total":12.50,"big":123456789012345678901234567890,"Ü":"\n"}}"#;
    let post = server.ask(Method::POST, "/api/v1/events").header("content-type", "application/json").body(text);
    let correlation = uuid::Uuid::now_v7().to_string();
    let made = answer(post.header("x-correlation-id", &correlation).send().await.unwrap(), StatusCode::CREATED).await;
    let read = server.ask(Method::GET, "/api/v1/events?stream=orders/").send().await.unwrap().text().await.unwrap();
    assert!(read.contains(r#""data":{"total":12.50,"big":123456789012345678901234567890,"Ü":"\n"}"#), "{read}");
    let page: Value = serde_json::from_str(&read).unwrap();
    let event = &page["items"][0];
    assert_eq!((&event["id"], &event["position"], &event["version"]), (&made["id"], &made["position"], &json!(1)));
    assert_eq!((&event["actor"], &event["correlation"]), (&json!("operator:loopback"), &json!(correlation)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_belong_into_the_log_is_refused_with_its_reason() {
    let server = Server::new().await;
    for (body, status) in [
        (json!({"type": "run.failed"}), 422),
        (json!({"type": "x", "stream": "pipeline/copy"}), 422),
        (json!({"type": "a b"}), 422),
        (json!({"type": ""}), 422),
        (json!({"type": "x", "stream": "s".repeat(201)}), 422),
        (json!({"stream": "x"}), 422),
        (json!({"type": "x", "data": "d".repeat(1 << 20)}), 422),
        (json!({"type": "x", "specversion": "0.3", "id": "1", "source": "/a"}), 422),
        (json!({"type": "x", "specversion": "1.0"}), 422),
        (json!([1]), 422),
    ] {
        server.post_fails("/api/v1/events", &body, status).await;
    }
    let post = |media: &str, body: &str| {
        server.ask(Method::POST, "/api/v1/events").header("content-type", media).body(body.to_owned()).send()
    };
    problem(post("application/json", "{").await.unwrap(), 400).await;
    problem(post("application/json", "").await.unwrap(), 400).await;
    problem(post("text/plain", "{}").await.unwrap(), 415).await;
    problem(server.ask(Method::POST, "/api/v1/events").body("{}").send().await.unwrap(), 415).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_is_behind_is_told_so() {
    let server = Server::new().await;
    let event = json!({"type": "x.y", "stream": "s"});
    server.post("/api/v1/events?expected_version=0", &event, StatusCode::CREATED).await;
    assert_eq!(
        server.post_fails("/api/v1/events?expected_version=0", &event, 412).await["type"],
        "urn:flexcore:problem:version-moved"
    );
    server.post("/api/v1/events?expected_version=1", &event, StatusCode::CREATED).await;
    server.post_fails("/api/v1/events?version=1", &event, 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cloud_events_are_taken_in_all_their_modes() {
    let server = Server::new().await;
    let structured =
        json!({"specversion": "1.0", "id": "a-1", "source": "/shop", "type": "x.structured", "subject": "orders/1", "data": [1]});
    let post = |media: &str, body: String| server.ask(Method::POST, "/api/v1/events").header("content-type", media).body(body);
    let first = post("application/cloudevents+json", structured.to_string()).send().await.unwrap();
    let first = answer(first, StatusCode::CREATED).await;
    let binary = |media: &str, body: &str| {
        post(media, body.into())
            .header("ce-specversion", "1.0")
            .header("ce-id", "a-1")
            .header("ce-source", "/shop")
            .header("ce-type", "x.binary")
            .header("ce-subject", "orders/%31")
    };
    let second = answer(binary("application/json", r#"{"a": 1}"#).send().await.unwrap(), StatusCode::CREATED).await;
    assert_eq!(first["id"], second["id"], "the same source and id are the same event");
    answer(binary("text/plain", "a \"text\"").send().await.unwrap(), StatusCode::CREATED).await;
    problem(binary("application/json", "{").send().await.unwrap(), 400).await;
    problem(post("application/json", "{}".into()).header("ce-specversion", "1.0").send().await.unwrap(), 400).await;
    let batch = server.ask(Method::POST, "/api/v1/events/batch").header("content-type", "application/cloudevents-batch+json");
    let batch = batch.body(json!([structured]).to_string()).send().await.unwrap();
    answer(batch, StatusCode::CREATED).await;
    let page = server.get("/api/v1/events?stream=orders/1").await;
    let data: Vec<&Value> = page["items"].as_array().unwrap().iter().map(|event| &event["data"]).collect();
    assert_eq!(data, [&json!([1]), &json!({"a": 1}), &json!("a \"text\""), &json!([1])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_taken_whole_or_not_at_all() {
    let server = Server::new().await;
    let post = |media: &str, body: String| {
        server.ask(Method::POST, "/api/v1/events/batch").header("content-type", media).body(body).send()
    };
    let before = server.app.engine.store().head();
    let half = json!([{"type": "x.a"}, {"type": "run.failed"}]).to_string();
    let told = problem(post("application/json", half).await.unwrap(), 422).await;
    assert_eq!(told["errors"][0]["pointer"], "/1");
    let told = problem(post("application/x-ndjson", "{\"type\":\"x.a\"}\n{\"type\":\n".into()).await.unwrap(), 422).await;
    assert_eq!(told["errors"][0]["pointer"], "/1");
    problem(post("application/json", "[]".into()).await.unwrap(), 422).await;
    problem(post("application/x-ndjson", "\n \n".into()).await.unwrap(), 422).await;
    problem(post("application/xml", "<a/>".into()).await.unwrap(), 415).await;
    assert_eq!(server.app.engine.store().head(), before);

    let lines =
        (0..100).map(|n| format!("{{\"type\":\"x.a\",\"stream\":\"s{}\",\"data\":{n}}}\r\n", n % 3)).collect::<Vec<_>>().concat();
    let done = answer(post("application/x-ndjson", lines).await.unwrap(), StatusCode::CREATED).await;
    let items = done["items"].as_array().unwrap();
    assert_eq!(items.len(), 100);
    for (n, item) in items.iter().enumerate() {
        let after = item["position"].as_u64().unwrap() - 1;
        let page = server.get(&format!("/api/v1/events?after={after}&limit=1")).await;
        assert_eq!((&page["items"][0]["data"], &page["items"][0]["id"]), (&json!(n), &item["id"]));
    }
    let many: String = "{\"type\":\"x.a\"}\n".repeat(10_001);
    problem(post("application/x-ndjson", many).await.unwrap(), 422).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_read_forward_backward_and_since_a_moment() {
    let server = Server::new().await;
    server.pipeline(COPY).await;
    server.ended_run("copy").await;
    let all = server.get("/api/v1/events?limit=1000").await;
    let positions: Vec<u64> = all["items"].as_array().unwrap().iter().map(|event| event["position"].as_u64().unwrap()).collect();
    assert_eq!(positions, (1..=all["head"].as_u64().unwrap()).collect::<Vec<_>>());
    let back = server.get("/api/v1/events?before=4&limit=2").await;
    assert_eq!((&back["items"][0]["position"], &back["next"]), (&json!(2), &json!(2)));
    assert_eq!(server.get("/api/v1/events?before=3&limit=9").await["next"], Value::Null);
    let third = all["items"][2]["at"].as_str().unwrap();
    let since = server.get(&format!("/api/v1/events?since={third}&limit=1")).await;
    assert!(since["items"][0]["at"].as_str().unwrap() >= third);
    let filtered = server.get("/api/v1/events?type=run.queued,run.succeeded&stream=run/").await;
    assert_eq!(filtered["items"].as_array().unwrap().len(), 2);
    for bad in ["?after=1&before=2", "?limit=0", "?limit=5000", "?after=x", "?since=yesterday"] {
        server.fails(Method::GET, &format!("/api/v1/events{bad}"), 400).await;
    }
}
