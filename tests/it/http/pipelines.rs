//! Pipelines by the API: from a file to a run, and everything that is refused.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::{COPY, LIVE, Server, answer, names, problem};

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_is_made_revised_run_archived_and_deleted() {
    let server = Server::new().await;
    let sent = server.ask(Method::POST, "/api/v1/pipelines").header("content-type", "application/yaml").body(COPY);
    let sent = sent.send().await.unwrap();
    assert_eq!(sent.headers()["location"], "/api/v1/pipelines/copy");
    let tag = sent.headers()["etag"].clone();
    let made = answer(sent, StatusCode::CREATED).await;
    assert_eq!((&made["state"], &made["revision_number"]), (&json!("draft"), &json!(1)));
    assert_eq!(made["source"]["text"], COPY);

    let put = |tag: &str, text: &str| {
        let put = server.ask(Method::PUT, "/api/v1/pipelines/copy").header("content-type", "text/yaml");
        put.header("if-match", tag).body(text.to_owned()).send()
    };
    let other = COPY.replace("Copies one", "Copies it");
    let revised = answer(put(tag.to_str().unwrap(), &other).await.unwrap(), StatusCode::OK).await;
    assert_eq!((&revised["revision_number"], &revised["description"]), (&json!(2), &json!("Copies it")));
    let moved = problem(put(tag.to_str().unwrap(), COPY).await.unwrap(), 412).await;
    assert_eq!(moved["type"], "urn:flexcore:problem:revision-moved");
    let same = answer(put("*", &other).await.unwrap(), StatusCode::OK).await;
    assert_eq!(same["revision_number"], 2, "the same again is no new revision");
    problem(put("abc", &other).await.unwrap(), 400).await;

    let act = |verb: &str, body: Value| server.ask(Method::POST, &format!("/api/v1/pipelines/copy/{verb}")).json(&body).send();
    let state = |body: &Value| body["state"].as_str().unwrap().to_owned();
    assert_eq!(state(&answer(act("activate", json!({})).await.unwrap(), StatusCode::OK).await), "active");
    problem(act("activate", json!({})).await.unwrap(), 409).await;
    let paused = answer(act("pause", json!({"reason": "lunch"})).await.unwrap(), StatusCode::OK).await;
    assert_eq!((state(&paused), &paused["paused_because"]), ("paused".to_owned(), &json!("lunch")));
    assert_eq!(state(&answer(act("resume", json!({})).await.unwrap(), StatusCode::OK).await), "active");
    let back = answer(act("rollback", json!({"number": 1})).await.unwrap(), StatusCode::OK).await;
    assert_eq!((&back["revision_number"], &back["description"]), (&json!(3), &json!("Copies one")));
    assert_eq!(
        problem(act("rollback", json!({"number": 9})).await.unwrap(), 404).await["type"],
        "urn:flexcore:problem:no-revision"
    );

    assert_eq!(server.ended_run("copy").await["state"], "succeeded");
    problem(server.ask(Method::DELETE, "/api/v1/pipelines/copy").send().await.unwrap(), 409).await;
    assert_eq!(state(&answer(act("archive", json!({})).await.unwrap(), StatusCode::OK).await), "archived");
    problem(act("runs", json!({})).await.unwrap(), 409).await;
    assert_eq!(state(&answer(act("restore", json!({})).await.unwrap(), StatusCode::OK).await), "draft");
    answer(act("archive", json!({})).await.unwrap(), StatusCode::OK).await;
    let deleted = server.ask(Method::DELETE, "/api/v1/pipelines/copy").send().await.unwrap();
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    server.fails(Method::GET, "/api/v1/pipelines/copy", 404).await;
    server.pipeline(COPY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told_with_line_and_column() {
    let server = Server::new().await;
    let post = |media: &str, body: Vec<u8>| {
        server.ask(Method::POST, "/api/v1/pipelines").header("content-type", media).body(body).send()
    };
    let bad = "name: bad\nsteps:\n  - {name: make, uses: generat}\n";
    let told = problem(post("application/yaml", bad.into()).await.unwrap(), 422).await;
    let error = &told["errors"][0];
    assert_eq!((&error["line"], &error["column"]), (&json!(3), &json!(24)), "{told}");
    assert!(error["hint"].as_str().unwrap().contains("did you mean `generate`?"), "{told}");
    problem(post("application/json", b"{".to_vec()).await.unwrap(), 422).await;
    problem(post("application/yaml", vec![0xff, 0xfe]).await.unwrap(), 400).await;
    problem(post("text/plain", COPY.into()).await.unwrap(), 415).await;
    let json = json!({"name": "as-json", "steps": [
        {"name": "make", "uses": "generate", "with": {"count": 1, "template": "{n: $n}"}}, {"name": "out", "uses": "drop"}]});
    answer(post("application/json", json.to_string().into()).await.unwrap(), StatusCode::CREATED).await;
    problem(post("application/json", json.to_string().into()).await.unwrap(), 409).await;
    let renamed = server.ask(Method::PUT, "/api/v1/pipelines/as-json").header("content-type", "application/yaml").body(COPY);
    problem(renamed.send().await.unwrap(), 422).await;
    let absent = server.ask(Method::PUT, "/api/v1/pipelines/copy").header("content-type", "application/yaml").body(COPY);
    problem(absent.send().await.unwrap(), 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_filtered_and_paged() {
    let server = Server::new().await;
    server.pipeline(COPY).await;
    server.pipeline(LIVE).await;
    server.pipeline(&COPY.replace("name: copy", "name: another").replace("owner: ops", "owner: dev")).await;
    let list = |query: &str| {
        let path = format!("/api/v1/pipelines{query}");
        async { server.get(&{ path }).await }
    };
    assert_eq!(names(&list("").await, "name"), ["another", "copy", "live"]);
    assert_eq!(names(&list("?owner=ops").await, "name"), ["copy"]);
    assert_eq!(names(&list("?tag=small&q=COPIES").await, "name"), ["another", "copy"]);
    assert_eq!(names(&list("?state=paused").await, "name"), [""; 0]);
    let first = list("?limit=2").await;
    assert_eq!((names(&first, "name"), &first["next"]), (vec!["another".to_owned(), "copy".into()], &json!("copy")));
    let last = list("?limit=2&cursor=copy").await;
    assert_eq!((names(&last, "name"), &last["next"]), (vec!["live".to_owned()], &Value::Null));
    for bad in ["?limit=0", "?limit=1001", "?state=running", "?nonsense=1", "?cursor=UPPER"] {
        server.fails(Method::GET, &format!("/api/v1/pipelines{bad}"), 400).await;
    }
}
