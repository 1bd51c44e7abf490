//! Alerts by the API.

use flexcore_engine::{
    alert::{About, AlertId, Firing, Severity},
    command::{AlertCommand, Command, Request},
    id::Actor,
};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::world::{FAILS, Server, answer, names};

async fn raise(server: &Server, id: &str, severity: Severity, about: About) {
    let engine = &server.app.engine;
    let at = engine.clock().now();
    let firing = Firing { severity, summary: format!("{id} is so"), value: 1.0, limit: 0.0, about, since: at };
    let command = Command::Alert(id.parse::<AlertId>().unwrap(), AlertCommand::Raise { firing });
    engine.submit(Request::new(command, Actor::Engine, at)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_is_listed_as_an_alert_with_where_to_look() {
    let server = Server::new().await;
    server.pipeline(FAILS).await;
    server.ended_run("fails").await;
    let mut seen = flexcore_engine::id::Position(0);
    let listed = loop {
        let page = server.get("/api/v1/alerts?state=raised&pipeline=fails").await;
        if !page["items"].as_array().unwrap().is_empty() {
            break page["items"][0].clone();
        }
        server.app.engine.store().wait_past(seen).await;
        seen = server.app.engine.store().head();
    };
    assert_eq!((&listed["alert"], &listed["rule"]), (&json!("run-failed/fails"), &json!("run-failed")));
    assert_eq!((&listed["pipeline"], &listed["queue"], &listed["silence"]), (&json!("fails"), &json!(null), &json!(null)));
    assert_eq!(listed["summary"], "its last run failed: 1");
    assert_eq!(server.get("/api/v1/alerts/run-failed%2Ffails").await, listed);
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_are_filtered_and_paged() {
    let server = Server::new().await;
    let queue = About::Queue("orders".parse().unwrap());
    raise(&server, "queue-old/orders", Severity::Warning, queue).await;
    for n in 0..4 {
        raise(&server, &format!("x-{n}"), Severity::Critical, About::Engine).await;
    }
    let of = async |query: &str| names(&server.get(&format!("/api/v1/alerts?{query}")).await, "alert");
    assert_eq!(of("queue=orders").await, ["queue-old/orders"]);
    assert_eq!(of("severity=warning&rule=queue-old").await, ["queue-old/orders"]);
    assert_eq!(of("severity=critical").await.len(), 4);
    assert!(of("state=quiet").await.is_empty() && of("silenced=true").await.is_empty());
    let first = server.get("/api/v1/alerts?limit=3").await;
    let rest = of(&format!("limit=3&cursor={}", first["next"].as_str().unwrap().replace('/', "%2F"))).await;
    assert_eq!([names(&first, "alert"), rest].concat(), of("").await);
    for bad in ["limit=0", "state=loud", "severity=9", "silenced=perhaps", "cursor=/", "colour=red"] {
        server.fails(Method::GET, &format!("/api/v1/alerts?{bad}"), 400).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_silenced_for_a_time_by_a_name_and_for_a_reason() {
    let server = Server::new().await;
    raise(&server, "disk-low", Severity::Critical, About::Engine).await;
    let of = |verb: &str| format!("/api/v1/alerts/disk-low/{verb}");
    let body = json!({"for": "2h", "reason": "a larger one is on its way"});
    let silenced = server.post(&of("silence"), &body, StatusCode::OK).await;
    let silence = &silenced["silence"];
    assert_eq!((&silence["by"], &silence["reason"]), (&json!("operator:loopback"), &body["reason"]));
    assert_eq!(names(&server.get("/api/v1/alerts?silenced=true&state=raised").await, "alert"), ["disk-low"]);
    let loud = server.ask(Method::POST, &of("unsilence")).send().await.unwrap();
    assert_eq!(answer(loud, StatusCode::OK).await["silence"], json!(null));
    assert_eq!(server.fails(Method::POST, &of("unsilence"), 409).await["type"], "urn:flexcore:problem:nothing");
    for unfit in [json!({"for": "31d"}), json!({"for": "0s"}), json!({"for": "soon"}), json!({}), json!({"for": "1h", "why": ""})]
    {
        server.post_fails(&of("silence"), &unfit, 422).await;
    }
    let unknown = server.post_fails("/api/v1/alerts/none/silence", &body, 404).await;
    assert_eq!(unknown["type"], "urn:flexcore:problem:no-alert");
    server.fails(Method::POST, "/api/v1/alerts/none/unsilence", 404).await;
    server.fails(Method::GET, "/api/v1/alerts/none", 404).await;
    server.fails(Method::GET, "/api/v1/alerts/a%20b", 400).await;
}
