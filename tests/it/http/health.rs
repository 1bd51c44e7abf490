//! How an engine is, and its figures, as whoever watches it asks for them.

#![expect(clippy::float_cmp, reason = "what is compared are counts, which are whole numbers")]

use reqwest::{Method, StatusCode};

use super::world::{COPY, Server};
use crate::metrics::exposition::Exposition;

async fn settled(server: &Server) {
    let now = server.app.engine.clock().now();
    server.app.vitals().wait_for(|vitals| vitals.at > now && vitals.runs.is_empty()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_check_says_what_it_saw_and_since_when() {
    let server = Server::new().await;
    settled(&server).await;
    for path in ["/health", "/api/v1/health"] {
        let health = server.get(path).await;
        assert!(["healthy", "degraded"].contains(&health["status"].as_str().unwrap()), "{health}");
        assert!(health["timestamp"].as_i64().unwrap() > 1_700_000_000 && health["version"].is_string(), "{health}");
        let checks = health["checks"].as_array().unwrap();
        for name in ["log writable", "queues", "schedule", "parts", "event loop", "subscriptions", "dead letters", "stuck runs"] {
            let check = checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name}: {health}"));
            assert!(!check["evidence"].as_str().unwrap().is_empty() && check["since"].is_string(), "{check}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_works_is_live_and_ready() {
    let server = Server::new().await;
    settled(&server).await;
    for path in ["/health/live", "/health/ready", "/api/v1/health/live", "/api/v1/health/ready"] {
        assert_eq!(server.get(path).await["status"], "ok", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_the_requests_by_route_and_never_by_path() {
    let server = Server::new().await;
    server.pipeline(COPY).await;
    for name in ["copy", "none", "none2"] {
        server.ask(Method::GET, &format!("/api/v1/pipelines/{name}")).send().await.unwrap();
    }
    server.fails(Method::GET, "/no/such/path", 404).await;
    settled(&server).await;
    for path in ["/metrics", "/api/v1/metrics"] {
        let answer = server.ask(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        let told = Exposition::parse(&answer.text().await.unwrap());
        let route = |status| {
            format!("flexcore_http_requests_total{{method=\"GET\",route=\"/api/v1/pipelines/{{name}}\",status=\"{status}\"}}")
        };
        assert_eq!((told.get(&route("200")), told.get(&route("404"))), (1.0, 2.0));
        assert_eq!(told.get("flexcore_http_requests_total{method=\"GET\",route=\"other\",status=\"404\"}"), 1.0);
        assert_eq!(told.get("flexcore_pipelines{state=\"active\"}"), 1.0);
    }
}
