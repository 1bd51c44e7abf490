//! Checkpoints by the API: versions, differences, and putting them elsewhere.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::{COPY, Server};

/// Counts, and says after every record how far it is.
const COUNT: &str = "name: count\nmode: continuous\ncheckpoint: {every: 1ms, records: 1}\nsteps:\n  - {name: make, uses: generate, with: {interval: 1ms, template: '{n: $n}'}}\n  - {name: out, uses: drop}\n";
const PATH: &str = "/api/v1/pipelines/count/checkpoints";

impl Server {
    /// Looks until something is so.
    async fn until(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        loop {
            let seen = self.app.engine.store().head();
            let found = self.get(path).await;
            if is_so(&found) {
                return found;
            }
            self.app.engine.store().wait_past(seen).await;
        }
    }

    async fn paused(&self) {
        self.post("/api/v1/pipelines/count/pause", &json!({}), StatusCode::OK).await;
        self.until("/api/v1/pipelines/count", |row| row["live"] == json!([])).await;
    }
}

fn problem_of(answer: &Value) -> &str {
    answer["type"].as_str().unwrap().trim_start_matches("urn:flexcore:problem:")
}

fn at(body: &Value) -> u64 {
    body["current"][0]["cursor"]["n"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_goes_on_from_the_version_or_the_cursor_that_somebody_has_put_it_at() {
    let server = Server::new().await;
    server.pipeline(COUNT).await;
    server.until(PATH, |body| body["items"].as_array().unwrap().len() >= 3).await;
    let set = json!({"changes": [{"step": "make", "stream": "generate", "cursor": {"n": 5_000}}]});
    assert_eq!(problem_of(&server.post_fails(PATH, &set, 409).await), "runs-live");
    server.paused().await;
    let stopped = server.get(PATH).await;
    let newest = &stopped["items"][0];
    assert_eq!((&newest["kind"], &newest["attempt"], &newest["by"]), (&json!("run"), &json!(1), &json!("engine")));
    let whole = server.get(&format!("{PATH}/difference?from=0")).await;
    assert_eq!((&whole["items"][0]["from"], &whole["items"][0]["to"]), (&Value::Null, &stopped["current"][0]["cursor"]));

    let oldest = stopped["items"].as_array().unwrap().last().unwrap();
    let back = server.post(&format!("{PATH}/rollback"), &json!({"version": oldest["version"]}), StatusCode::OK).await;
    assert_eq!(back["current"][0]["cursor"], oldest["changes"][0]["cursor"]);
    assert_eq!((&back["items"][0]["kind"], &back["items"][0]["to"]), (&json!("rolled_back"), &oldest["version"]));
    let again = server.post_fails(&format!("{PATH}/rollback"), &json!({"version": oldest["version"]}), 409).await;
    assert_eq!(problem_of(&again), "nothing");
    let moved = json!({"version": oldest["version"], "newest": newest["version"]});
    let moved = server.post_fails(&format!("{PATH}/rollback"), &moved, 409).await;
    assert_eq!(problem_of(&moved), "checkpoints-moved");
    let gone = server.post_fails(&format!("{PATH}/rollback"), &json!({"version": 99_999}), 404).await;
    assert_eq!(problem_of(&gone), "no-version");

    assert_eq!(at(&server.post(PATH, &set, StatusCode::OK).await), 5_000);
    server.post("/api/v1/pipelines/count/resume", &json!({}), StatusCode::OK).await;
    let gone_on = server.until(PATH, |body| at(body) > 5_000).await;
    assert!(at(&gone_on) < 100_000);
    server.fails(Method::GET, "/api/v1/pipelines/none/checkpoints", 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_set_is_told() {
    let server = Server::new().await;
    server.pipeline(COPY).await;
    let of = |step: &str| json!({"changes": [{"step": step, "stream": "generate", "cursor": null}]});
    let batch = server.post_fails("/api/v1/pipelines/copy/checkpoints", &of("make"), 409).await;
    assert_eq!(problem_of(&batch), "begins-anew");
    server.pipeline(COUNT).await;
    server.paused().await;
    for (body, told) in [
        (of("nobody"), "pipeline `count` has no step `nobody`"),
        (of("not a name"), "`not a name` cannot be the name of a step"),
        (json!({"changes": []}), "0 checkpoints: 1 to 10000"),
    ] {
        assert_eq!(server.post_fails(PATH, &body, 422).await["detail"], told);
    }
    server.post_fails(PATH, &json!({"changes": [{"step": "make", "stream": "generate"}]}), 422).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_batch_the_checkpoints_of_its_last_run_are_listed_as_of_that_run() {
    let server = Server::new().await;
    let counts = "name: counts\ncheckpoint: {every: 1ms, records: 1}\nsteps:\n  - {name: make, uses: generate, with: {count: 3, template: '{n: $n}'}}\n  - {name: out, uses: drop}\n";
    server.pipeline(counts).await;
    let none = server.get("/api/v1/pipelines/counts/checkpoints").await;
    assert_eq!(none, json!({"current": [], "items": [], "run": null}));
    let run = server.ended_run("counts").await;
    let listed = server.get("/api/v1/pipelines/counts/checkpoints").await;
    assert_eq!((&listed["run"], &listed["items"]), (&run["id"], &json!([])));
    assert_eq!(listed["current"][0]["step"], "make");
}
