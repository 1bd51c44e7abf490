//! Runs by the API.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::{COPY, FAILS, LIVE, Server, answer, names, problem};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_asked_for_followed_and_its_parameters_are_checked() {
    let server = Server::new().await;
    server.pipeline(COPY).await;
    let sent = server.ask(Method::POST, "/api/v1/pipelines/copy/runs").json(&json!({"params": {"n": 7}})).send().await.unwrap();
    let location = sent.headers()["location"].to_str().unwrap().to_owned();
    let run = answer(sent, StatusCode::ACCEPTED).await;
    assert_eq!(location, format!("/api/v1/runs/{}", run["id"].as_str().unwrap()));
    assert_eq!((&run["params"], &run["actor"]), (&json!({"n": 7}), &json!("operator:loopback")));
    let ended = server.ended_run("copy").await;
    assert_eq!(
        (&ended["state"], &ended["records_out"], &ended["steps"][0]["counts"]["out"]),
        (&json!("succeeded"), &json!(1), &json!(1))
    );
    server.post_fails("/api/v1/pipelines/copy/runs", &json!({"params": {"n": "seven"}}), 422).await;
    server.post_fails("/api/v1/pipelines/copy/runs", &json!({"parameters": {}}), 422).await;
    server.post_fails("/api/v1/pipelines/none/runs", &json!({}), 404).await;
    server.fails(Method::GET, "/api/v1/pipelines/none/runs", 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_paged_newest_first_and_none_is_lost_or_told_twice() {
    let server = Server::new().await;
    server.pipeline(COPY).await;
    server.pipeline(FAILS).await;
    for _ in 0..7 {
        server.ended_run("copy").await;
    }
    server.ended_run("fails").await;
    let all = names(&server.get("/api/v1/runs").await, "id");
    assert_eq!(all.len(), 8);
    let (mut paged, mut next) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("/api/v1/runs?limit=3{next}")).await;
        paged.extend(names(&page, "id"));
        match page["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(paged, all);
    assert_eq!(names(&server.get("/api/v1/runs?state=failed").await, "pipeline"), ["fails"]);
    assert_eq!(server.get("/api/v1/pipelines/copy/runs?limit=100").await["items"].as_array().unwrap().len(), 7);
    assert_eq!(server.get("/api/v1/runs?pipeline=copy&state=succeeded").await["items"].as_array().unwrap().len(), 7);
    server.fails(Method::GET, "/api/v1/runs?cursor=yesterday", 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_failed_tells_why_and_is_tried_again() {
    let server = Server::new().await;
    server.pipeline(FAILS).await;
    let failed = server.ended_run("fails").await;
    assert_eq!((&failed["state"], &failed["error"]["step"]), (&json!("failed"), &json!("read")));
    let path = format!("/api/v1/runs/{}/retry", failed["id"].as_str().unwrap());
    let again = answer(server.ask(Method::POST, &path).send().await.unwrap(), StatusCode::ACCEPTED).await;
    assert_eq!(again["retry_of"], failed["id"]);
    let cancel = format!("/api/v1/runs/{}/cancel", failed["id"].as_str().unwrap());
    assert_eq!(server.fails(Method::POST, &cancel, 409).await["type"], "urn:flexcore:problem:run-state");
    let unknown = uuid::Uuid::now_v7();
    for path in [format!("/api/v1/runs/{unknown}/retry"), format!("/api/v1/runs/{unknown}/cancel")] {
        server.fails(Method::POST, &path, 404).await;
    }
    for path in [format!("/api/v1/runs/{unknown}"), format!("/api/v1/runs/{unknown}/logs")] {
        server.fails(Method::GET, &path, 404).await;
    }
    server.fails(Method::GET, "/api/v1/runs/none", 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_run_is_cancelled_with_its_reason() {
    let server = Server::new().await;
    server.pipeline(LIVE).await;
    let live = loop {
        let page = server.get("/api/v1/runs?state=running").await;
        if let Some(run) = page["items"].as_array().unwrap().first() {
            break run["id"].as_str().unwrap().to_owned();
        }
        server.app.engine.store().wait_past(server.app.engine.store().head()).await;
    };
    server.fails(Method::POST, &format!("/api/v1/runs/{live}/retry"), 409).await;
    let stop = json!({"reason": "enough", "grace": "5s"});
    let stopping = server.post(&format!("/api/v1/runs/{live}/cancel"), &stop, StatusCode::ACCEPTED).await;
    assert_eq!(stopping["cancel_reason"], "enough");
    server.post_fails(&format!("/api/v1/runs/{live}/cancel"), &json!({"grace": "soon"}), 422).await;
    let taps = server.get(&format!("/api/v1/console/taps/{live}")).await;
    assert!(taps.as_array().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_run_goes_on_where_it_was_left() {
    let server = Server::new().await;
    server
        .pipeline("name: says\nsteps:\n  - {name: say, uses: process.run, with: {shell: 'echo one >&2; echo two >&2'}}\n")
        .await;
    let run = server.ended_run("says").await;
    let path = format!("/api/v1/runs/{}/logs", run["id"].as_str().unwrap());
    let all = server.get(&path).await;
    let texts: Vec<&Value> = all["items"].as_array().unwrap().iter().map(|line| &line["text"]).collect();
    assert!(texts.contains(&&json!("one")) && texts.contains(&&json!("two")), "{all}");
    let first = server.get(&format!("{path}?limit=1")).await;
    let rest = server.get(&format!("{path}?after={}", first["next"])).await;
    assert_eq!(first["items"].as_array().unwrap().len() + rest["items"].as_array().unwrap().len(), texts.len());
    problem(server.ask(Method::GET, &format!("{path}?limit=0")).send().await.unwrap(), 400).await;
}
