//! The Unix socket of an engine: its file's permissions are the login.

use std::{fs, os::unix::fs::PermissionsExt, os::unix::net::UnixListener, sync::Arc};

use flexcore::{
    compose::App,
    http::{ListenError, listen, socket::SocketError},
    step::table,
};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use super::world::settings;

async fn app(socket: &str) -> Arc<App> {
    Arc::new(App::start(settings(&[("http", ""), ("socket", socket)]), table()).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_its_owners_and_requests_are_made_in_the_users_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sock");
    let listening = listen(app(path.to_str().unwrap()).await).await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().unix_socket(path.clone()).build().unwrap();
    let posted = client.post("http://flexcore/api/v1/events").json(&json!({"type": "x.y"})).send().await.unwrap();
    assert_eq!(posted.status(), StatusCode::CREATED);
    let page: Value = client.get("http://flexcore/api/v1/events?type=x.y").send().await.unwrap().json().await.unwrap();
    let actor = page["items"][0]["actor"].as_str().unwrap().to_owned();
    assert!(actor.starts_with("operator:") && actor.len() > "operator:".len(), "{actor}");
    let _ = listening.stop(flexcore_engine::unit::Duration::from_secs(10)).await;
    assert!(!path.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_socket_is_replaced_and_one_that_answers_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sock");
    drop(UnixListener::bind(&path).unwrap());
    let first = listen(app(path.to_str().unwrap()).await).await.unwrap();
    let taken = listen(app(path.to_str().unwrap()).await).await.err().unwrap();
    assert!(matches!(taken, ListenError::Socket(SocketError::Taken(_))), "{taken}");
    drop(first);
    fs::write(&path, "mine").unwrap();
    let odd = listen(app(path.to_str().unwrap()).await).await.err().unwrap();
    assert!(matches!(odd, ListenError::Socket(SocketError::NotASocket(_))), "{odd}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    let long = folder.path().join("x".repeat(120));
    let long = listen(app(long.to_str().unwrap()).await).await.err().unwrap();
    assert!(matches!(long, ListenError::Socket(SocketError::TooLong(_))), "{long}");
}
