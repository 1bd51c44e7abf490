//! An engine with its API on a port of loopback, and a client.

use std::sync::Arc;

use flexcore::{
    compose::App,
    config::{Layers, Settings},
    http::{Listening, listen},
    step::table,
};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;

/// One record goes from nowhere to nowhere, and the run ends.
pub(crate) const COPY: &str = "name: copy\ndescription: Copies one\nowner: ops\ntags: [small]\noverlap: allow\nparams: {n: {type: integer, default: 1}}\nsteps:\n  - {name: make, uses: generate, with: {count: 1, template: '{n: $params.n}'}}\n  - {name: out, uses: drop}\n";

/// Runs until somebody stops it.
pub(crate) const LIVE: &str = "name: live\nmode: continuous\nsteps:\n  - {name: make, uses: generate, with: {interval: 50ms, template: '{n: $n}'}}\n  - {name: out, uses: drop}\n";

/// Fails.
pub(crate) const FAILS: &str =
    "name: fails\nsteps:\n  - {name: read, uses: file.read, with: {path: /nowhere/none.ndjson}}\n  - {name: out, uses: drop}\n";

pub(crate) struct Server {
    pub(crate) app: Arc<App>,
    pub(crate) listening: Listening,
    pub(crate) client: Client,
}

pub(crate) fn settings(set: &[(&str, &str)]) -> Settings {
    let env = |name: &str| std::env::var(name).ok();
    let mut layers = Layers::defaults(&env);
    for (name, value) in [("http", "127.0.0.1:0"), ("socket", "none"), ("node", "here"), ("api.rate_max", "0")].iter().chain(set)
    {
        layers.set(name, (*value).to_owned(), "the test".into());
    }
    Settings::of(&layers).unwrap()
}

impl Server {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    pub(crate) async fn with(set: &[(&str, &str)]) -> Self {
        let app = Arc::new(App::start(settings(set), table()).await.unwrap());
        let listening = listen(app.clone()).await.unwrap();
        // The client speaks TLS in one test; it has to be told by what.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { app, listening, client: Client::builder().no_proxy().build().unwrap() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.listening.http.unwrap())
    }

    pub(crate) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        answer(self.ask(Method::GET, path).send().await.unwrap(), StatusCode::OK).await
    }

    pub(crate) async fn fails(&self, method: Method, path: &str, status: u16) -> Value {
        problem(self.ask(method, path).send().await.unwrap(), status).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value, status: StatusCode) -> Value {
        answer(self.ask(Method::POST, path).json(body).send().await.unwrap(), status).await
    }

    pub(crate) async fn post_fails(&self, path: &str, body: &Value, status: u16) -> Value {
        problem(self.ask(Method::POST, path).json(body).send().await.unwrap(), status).await
    }

    /// Makes a pipeline of a file, and activates it.
    pub(crate) async fn pipeline(&self, text: &str) {
        let sent = self.ask(Method::POST, "/api/v1/pipelines").header("content-type", "application/yaml").body(text.to_owned());
        let made = answer(sent.send().await.unwrap(), StatusCode::CREATED).await;
        let activate = format!("/api/v1/pipelines/{}/activate", made["name"].as_str().unwrap());
        answer(self.ask(Method::POST, &activate).send().await.unwrap(), StatusCode::OK).await;
    }

    /// Starts a run and waits for its end.
    pub(crate) async fn ended_run(&self, name: &str) -> Value {
        let run = self.post(&format!("/api/v1/pipelines/{name}/runs"), &serde_json::json!({}), StatusCode::ACCEPTED).await;
        let path = format!("/api/v1/runs/{}", run["id"].as_str().unwrap());
        let mut seen = flexcore_engine::id::Position(0);
        loop {
            let run = self.get(&path).await;
            if ["succeeded", "failed", "cancelled"].contains(&run["state"].as_str().unwrap()) {
                return run;
            }
            self.app.engine.store().wait_past(seen).await;
            seen = self.app.engine.store().head();
        }
    }
}

pub(crate) async fn answer(response: Response, status: StatusCode) -> Value {
    let (given, text) = (response.status(), response.text().await.unwrap());
    assert_eq!(given, status, "{text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A problem with everything that one has.
pub(crate) async fn problem(response: Response, status: u16) -> Value {
    let given = response.status().as_u16();
    let media = response.headers().get("content-type").map(|media| media.to_str().unwrap().to_owned());
    let correlation = response.headers().get("x-correlation-id").map(|id| id.to_str().unwrap().to_owned());
    let text = response.text().await.unwrap();
    assert_eq!(given, status, "{text}");
    assert_eq!(media.as_deref(), Some("application/problem+json"), "{text}");
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["status"], given);
    assert_eq!(body["correlation_id"].as_str(), correlation.as_deref());
    for field in ["type", "title", "detail", "instance"] {
        assert!(body[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {text}");
    }
    body
}

pub(crate) fn names(page: &Value, field: &str) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
}
