//! What every request goes through: who asks, from where, how often; and the errors of the framework, which look like ours.

use flexcore::{
    compose::App,
    http::{
        ListenError, listen,
        token::{Role, change},
    },
    step::table,
};
use reqwest::{Method, StatusCode, header};
use serde_json::json;

use super::world::{COPY, Server, problem, settings};

/// A file of tokens, one of each role, and one that has expired.
fn tokens() -> (tempfile::TempDir, String, [String; 4]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.json");
    let now = jiff::Timestamp::now();
    let make = |name: &str, role, end| change(&path, |book| book.create(name, role, now, end)).unwrap();
    let made = [
        make("view", Role::Viewer, None),
        make("operate", Role::Operator, None),
        make("rule", Role::Admin, None),
        make("old", Role::Admin, Some(now)),
    ];
    let path = path.to_str().unwrap().to_owned();
    (folder, path, made)
}

#[tokio::test(flavor = "multi_thread")]
async fn with_tokens_each_role_may_do_its_own_and_what_is_below_it() {
    let (_folder, path, [view, operate, rule, old]) = tokens();
    let server = Server::with(&[("api.tokens", &path)]).await;
    let ask = |token: &str, method: Method, path: &str, body: &str| {
        let media = if path == "/api/v1/pipelines" { "application/yaml" } else { "application/json" };
        let ask = server.ask(method, path).header("content-type", media).body(body.to_owned());
        ask.bearer_auth(token).send()
    };
    let made = ask(&rule, Method::POST, "/api/v1/pipelines", COPY).await.unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);
    for (token, may_look, may_operate, may_change) in
        [(&view, 200, 403, 403), (&operate, 200, 409, 403), (&rule, 200, 409, 409), (&old, 401, 401, 401)]
    {
        let looked = ask(token, Method::GET, "/api/v1/pipelines/copy", "").await.unwrap();
        assert_eq!(looked.status(), may_look);
        let operated = ask(token, Method::POST, "/api/v1/pipelines/copy/resume", "").await.unwrap();
        assert_eq!(operated.status(), may_operate);
        let changed = ask(token, Method::DELETE, "/api/v1/pipelines/copy", "").await.unwrap();
        assert_eq!(changed.status(), may_change);
    }
    let activated = ask(&operate, Method::POST, "/api/v1/pipelines/copy/activate", "").await.unwrap();
    assert_eq!(activated.status(), StatusCode::OK);
    let page = ask(&view, Method::GET, "/api/v1/events?type=pipeline.activated", "").await.unwrap().text().await.unwrap();
    assert!(page.contains(r#""actor":"token:operate""#), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_and_a_wrong_one_are_told_what_is_needed() {
    let (_folder, path, _) = tokens();
    let server = Server::with(&[("api.tokens", &path)]).await;
    for ask in [
        server.ask(Method::GET, "/api/v1/info"),
        server.ask(Method::GET, "/api/v1/info").bearer_auth("fxc_0000"),
        server.ask(Method::GET, "/api/v1/info").header("authorization", "Basic YTpi"),
        server.ask(Method::GET, "/api/v1/info").header("authorization", "Bearer"),
        server.ask(Method::POST, "/api/v1/nothing/here"),
    ] {
        let answered = ask.send().await.unwrap();
        assert!(answered.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
        problem(answered, 401).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_the_network_is_refused_without_tokens() {
    let app = App::start(settings(&[("http", "0.0.0.0:0")]), table()).await.unwrap();
    let refused = listen(app.into()).await.err().unwrap();
    assert!(matches!(refused, ListenError::Open(_)), "{refused}");
    assert!(refused.to_string().contains("flexcore token create"), "{refused}");
    let (folder, path, _) = tokens();
    let none = folder.path().join("none.json");
    let app = App::start(settings(&[("http", "0.0.0.0:0"), ("api.tokens", none.to_str().unwrap())]), table()).await.unwrap();
    assert!(matches!(listen(app.into()).await.err(), Some(ListenError::Open(_))), "a file without tokens is none");
    let app = App::start(settings(&[("http", "0.0.0.0:0"), ("api.tokens", &path)]), table()).await.unwrap();
    assert!(listen(app.into()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_a_browser_cannot_ask_in_its_users_name() {
    let server = Server::new().await;
    let foreign =
        server.ask(Method::POST, "/api/v1/events").header(header::ORIGIN, "https://evil.example").json(&json!({"type": "x"}));
    problem(foreign.send().await.unwrap(), 403).await;
    let rebound = server.ask(Method::GET, "/api/v1/info").header(header::HOST, "evil.example");
    problem(rebound.send().await.unwrap(), 421).await;
    let host = server.listening.http.unwrap().to_string();
    let own = server.ask(Method::GET, "/api/v1/info").header(header::ORIGIN, format!("http://{host}"));
    assert_eq!(own.send().await.unwrap().status(), StatusCode::OK);
    let preflight = server.ask(Method::OPTIONS, "/api/v1/info").header(header::ORIGIN, "https://ops.example");
    problem(preflight.send().await.unwrap(), 403).await;

    let server = Server::with(&[("api.cors_origin", "https://ops.example")]).await;
    let preflight =
        server.ask(Method::OPTIONS, "/api/v1/info").header(header::ORIGIN, "https://ops.example").send().await.unwrap();
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
    let asked = server.ask(Method::GET, "/api/v1/none").header(header::ORIGIN, "https://ops.example").send().await.unwrap();
    assert_eq!(asked.headers()["access-control-allow-origin"], "https://ops.example");
    problem(asked, 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_often_is_told_when_to_come_again() {
    let server = Server::with(&[("api.rate_max", "5")]).await;
    let mut refused = 0;
    for _ in 0..30 {
        let answered = server.ask(Method::GET, "/api/v1/info").send().await.unwrap();
        if answered.status() == StatusCode::TOO_MANY_REQUESTS {
            assert_eq!(answered.headers()["retry-after"], "1");
            problem(answered, 429).await;
            refused += 1;
        }
    }
    assert!(refused >= 5, "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_engine_refuses_every_change_and_answers_every_question() {
    let server = Server::with(&[("read_only", "true")]).await;
    server.get("/api/v1/pipelines").await;
    server.post_fails("/api/v1/events", &json!({"type": "x"}), 403).await;
    server.fails(Method::GET, "/queues/q/messages", 403).await;
    assert_eq!(server.get("/api/v1/info").await["read_only"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_the_framework_are_problems_too() {
    let server = Server::with(&[("api.body_max", "1KiB")]).await;
    server.fails(Method::GET, "/api/v2/info", 404).await;
    server.fails(Method::GET, "/api/v1/", 404).await;
    let wrong = server.ask(Method::PATCH, "/api/v1/pipelines/copy").send().await.unwrap();
    let allowed = wrong.headers()["allow"].to_str().unwrap().to_owned();
    assert!(["GET", "PUT", "DELETE"].iter().all(|method| allowed.contains(method)), "{allowed}");
    problem(wrong, 405).await;
    server.fails(Method::DELETE, "/", 405).await;
    server.post_fails("/api/v1/events", &json!({"type": "x", "data": "x".repeat(2_000)}), 413).await;
    let endless = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 512]));
    let chunked = server.ask(Method::POST, "/api/v1/events").header("content-type", "application/json");
    problem(chunked.body(reqwest::Body::wrap_stream(futures_util::StreamExt::take(endless, 8))).send().await.unwrap(), 413).await;
    let form = server.ask(Method::POST, "/api/v1/queues/q/messages").header("content-type", "application/x-www-form-urlencoded");
    problem(form.body("body=1").send().await.unwrap(), 415).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_protect_themselves_from_browsers() {
    let server = Server::new().await;
    let (page, data) = ("style-src 'unsafe-inline'; frame-ancestors 'none'", "frame-ancestors 'none'");
    for (path, shows) in [("/", page), ("/api/v1/info", data), ("/api/v1/none", data)] {
        let answered = server.ask(Method::GET, path).send().await.unwrap();
        let header = |name: &str| answered.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("content-security-policy"), format!("default-src 'none'; {shows}"));
        assert!(!answered.headers().contains_key("access-control-allow-origin"));
        assert!(uuid::Uuid::parse_str(&header("x-correlation-id")).is_ok());
    }
}
