//! `http.send` to real servers on this machine.

use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

use super::world::{World, failure, mistakes, records};

/// A server that keeps what it is sent and gives its answers in turn, the last one for ever.
struct Server {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answers: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = seen.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(BufReader::new(stream), kept.clone(), answers));
            }
        });
        Self { url, seen }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(mut stream: BufReader<tokio::net::TcpStream>, seen: Arc<Mutex<Vec<String>>>, answers: &'static [&'static str]) {
    loop {
        let (mut head, mut length, mut wanted) = (String::new(), 0, String::new());
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            match line.trim_end().split_once(": ") {
                Some(("content-length", value)) => length = value.parse().unwrap(),
                Some((name, value)) if name.starts_with("x-") => wanted = format!(" {name}={value}"),
                None if line.trim_end().is_empty() => break,
                None => head = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned(),
                Some(_) => {}
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let count = {
            let mut seen = seen.lock().unwrap();
            seen.push(format!("{head}{wanted} {}", String::from_utf8(body).unwrap()));
            seen.len()
        };
        let answer = answers[(count - 1).min(answers.len() - 1)];
        if answer == "silence" {
            std::future::pending::<()>().await;
        }
        let (head, body) = answer.split_once('|').unwrap_or((answer, ""));
        let answer = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn each_record_is_a_request_with_its_path_and_headers() {
    let server = Server::start(&["200 OK"]).await;
    let world = World::new();
    world.file("secrets/key", "hunter22");
    let with = json!({"url": server.url, "path": "\"/items/\\(.id) b\"", "method": "PUT", "headers": {"X-Key": "${secret:key}"}});
    let mut sink = world.sink("http.send", with).await;
    assert!(sink.write(&records(&[json!({"id": 1}), json!({"id": "é"})])).await.unwrap().durable);
    assert_eq!(
        server.seen(),
        ["PUT /in/items/1%20b x-key=hunter22 {\"id\":1}", "PUT /in/items/%C3%A9%20b x-key=hunter22 {\"id\":\"é\"}"]
    );
}

#[tokio::test]
async fn a_batch_is_one_array() {
    let server = Server::start(&["204 No Content", "422 Unprocessable Entity|no\nnumbers"]).await;
    let world = World::new();
    let mut sink = world.sink("http.send", json!({"url": server.url, "batch": true})).await;
    assert_eq!(sink.write(&records(&[json!(1), json!({"a": 2})])).await.unwrap().rejected, []);
    assert_eq!(server.seen(), ["POST /in [1,{\"a\":2}]"]);
    assert_eq!(sink.write(&records(&[json!(3), json!(4)])).await.unwrap().rejected.len(), 2);
}

#[tokio::test]
async fn what_the_server_refuses_is_rejected_and_the_rest_is_sent() {
    let server = Server::start(&["200 OK", "400 Bad Request|id is\nmissing", "200 OK"]).await;
    let place = server.url.trim_start_matches("http://").trim_end_matches("/in").to_owned();
    let world = World::new();
    let mut sink = world.sink("http.send", json!({"url": server.url})).await;
    let taken = sink.write(&records(&[json!(1), json!(2), json!(3)])).await.unwrap();
    let rejected: Vec<_> = taken.rejected.into_iter().map(|(index, error)| (index, error.message)).collect();
    assert_eq!(rejected, [(1, format!("{place} answered 400 Bad Request: id is missing"))]);
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn what_the_server_cannot_do_now_may_be_tried_again() {
    let answers =
        &["429 Too Many Requests\r\nretry-after: 7|slow down", "503 Service Unavailable", "500 Internal Server Error", "200 OK"];
    let server = Server::start(answers).await;
    let place = server.url.trim_start_matches("http://").trim_end_matches("/in").to_owned();
    let world = World::new();
    let mut sink = world.sink("http.send", json!({"url": server.url})).await;
    let mut said = Vec::new();
    while let Err(error) = sink.write(&records(&[json!(1)])).await {
        assert!(error.retryable);
        said.push(error.message);
    }
    assert_eq!(
        said,
        [
            format!("{place} answered 429 Too Many Requests (Retry-After: 7): slow down"),
            format!("{place} answered 503 Service Unavailable"),
            format!("{place} answered 500 Internal Server Error"),
        ]
    );
}

#[tokio::test]
async fn no_answer_and_no_connection_may_be_tried_again_and_show_no_secret() {
    let world = World::new();
    world.file("secrets/token", "hunter22");
    let silent = Server::start(&["silence"]).await;
    let place = silent.url.trim_start_matches("http://").trim_end_matches("/in").to_owned();
    let with = json!({"url": format!("{}?t=${{secret:token}}", silent.url), "timeout": "50ms"});
    let error = world.sink("http.send", with).await.write(&records(&[json!(1)])).await.unwrap_err();
    assert_eq!((error.message.as_str(), error.retryable), (format!("{place} did not answer within 50ms").as_str(), true));
    assert!(!format!("{error:?}").contains("hunter22"));

    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let with = json!({"url": format!("http://user:${{secret:token}}@{free}/x")});
    let error = world.sink("http.send", with).await.write(&records(&[json!(1)])).await.unwrap_err();
    assert_eq!((error.message.as_str(), error.retryable), (format!("cannot connect to {free}").as_str(), true));
    assert!(!format!("{error:?}").contains("hunter22"));
}

#[tokio::test]
async fn a_redirection_is_not_followed_but_shown() {
    let server = Server::start(&["301 Moved Permanently\r\nlocation: http://elsewhere/"]).await;
    let world = World::new();
    let mut sink = world.sink("http.send", json!({"url": server.url})).await;
    let error = sink.write(&records(&[json!(1)])).await.unwrap_err();
    assert!(error.message.ends_with("answered 301 Moved Permanently and points to http://elsewhere/: set `url` to that"));
    assert!(!error.retryable);
}

#[tokio::test]
async fn settings_that_cannot_work_are_mistakes() {
    assert_eq!(
        mistakes("http.send", json!({"url": "ftp://x/"})),
        ["/url the URL begins with `ftp:`, not with http:// or https:// and a host"]
    );
    assert_eq!(mistakes("http.send", json!({"url": "nonsense"})), ["/url the URL is not one: relative URL without a base"]);
    assert_eq!(
        mistakes("http.send", json!({"url": "http://x/", "batch": true, "path": ".id"})),
        ["/path a batch has one URL: `path` and `batch` exclude each other"]
    );
    let world = World::new();
    world.file("secrets/url", "nonsense");
    let error = failure(world.build("http.send", json!({"url": "${secret:url}"})).await);
    assert_eq!(error, "the URL is not one: relative URL without a base");
}
