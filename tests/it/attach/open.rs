//! The first moment: who is there, and what is said when it is not who was meant.

use std::{os::unix::net::UnixListener as Listener, path::Path};

use flexcore::attach::{Carrier, RemoteLink, Ssh, Web};
use flexcore_ui::link::{Link, LinkError};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::world::{Engine, attach};

fn inner(error: LinkError) -> String {
    match error {
        LinkError::Gone(why) | LinkError::Refused(why) => why,
    }
}

async fn refused(carrier: Carrier) -> String {
    inner(RemoteLink::connect(carrier, false).await.err().expect("it was let in"))
}

fn web(url: &str, token: Option<&str>, ca: Option<&Path>) -> Carrier {
    Carrier::Web(Web::new(url, token.map(str::to_owned), ca.map(Path::to_owned)).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_without_an_engine_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none.sock");
    assert!(inner(attach(&none).await.err().unwrap()).ends_with("none.sock: the socket is not there"));
    let left = folder.path().join("left.sock");
    drop(Listener::bind(&left).unwrap());
    let told = inner(attach(&left).await.err().unwrap());
    assert!(told.ends_with("left.sock: the socket is left over from one that ended"), "{told}");
}

/// Answers every connection with the same bytes.
async fn answering(text: impl Into<String>) -> String {
    let text = text.into();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let text = text.clone();
            tokio::spawn(async move {
                // The first connection is only made and asked nothing.
                if stream.read(&mut [0; 4_096]).await.is_ok_and(|read| read > 0) {
                    stream.write_all(text.as_bytes()).await.unwrap();
                }
            });
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_is_not_taken_for_an_engine() {
    let page = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>";
    let told = refused(web(&answering(page).await, None, None)).await;
    assert!(told.starts_with("what answers at http://127.0.0.1:") && told.ends_with(" is not a FlexCore"), "{told}");
    let old = r#"{"service":"flexcore","version":"9.1","store":{}}"#;
    let old = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{old}", old.len());
    let told = refused(web(&answering(old).await, None, None)).await;
    assert!(told.contains("is FlexCore 9.1, ") && told.ends_with("use the same version here and there"), "{told}");
    let told = refused(web(&answering("SSH-2.0-OpenSSH_9.2\r\n").await, None, None)).await;
    assert!(told.starts_with("the connection broke ("), "{told}");
    let missing = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    let told = refused(web(&answering(missing).await, None, None)).await;
    assert!(told.contains("it is no FlexCore that answers"), "{told}");
    let told = refused(web("http://127.0.0.1:1", None, None)).await;
    assert_eq!(told, "nothing listens at http://127.0.0.1:1");
}

#[tokio::test(flavor = "multi_thread")]
async fn ssh_that_fails_is_heard() {
    let ssh = |script: &str| {
        let command = ["sh", "-c", script, "ssh"].map(str::to_owned).to_vec();
        Carrier::Ssh(Ssh { host: "me@box".into(), program: "flexcore".into(), place: None, command })
    };
    let told = refused(ssh("echo 'Permission denied (publickey).' >&2; exit 255")).await;
    assert_eq!(told, "ssh could not connect to me@box: Permission denied (publickey).");
    let told = refused(ssh("echo 'sh: flexcore: not found' >&2; exit 127")).await;
    assert!(told.starts_with("`flexcore` is not there on me@box") && told.contains("--remote-program"), "{told}");
    let told = refused(ssh("echo 'flexcore: no engine of yours is running' >&2; exit 2")).await;
    assert_eq!(told, "`flexcore bridge` on me@box ended with code 2: flexcore: no engine of yours is running");
    let told = refused(ssh("exec yes welcome")).await;
    assert!(told.contains("me@box"), "{told}");
    let none = Ssh { host: "box".into(), program: "flexcore".into(), place: None, command: vec!["/nowhere/ssh".into()] };
    let told = refused(Carrier::Ssh(none)).await;
    assert!(told.starts_with("cannot run `/nowhere/ssh`: "), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_carries_a_console_whatever_the_login_says_first() {
    let engine = Engine::new().await;
    let socket = engine.socket().to_str().unwrap().to_owned();
    // Like ssh: the last argument is a command line for a shell.
    let script = "echo Welcome to box; echo No mail.; for last; do :; done; exec sh -c \"$last\"";
    let command = ["sh", "-c", script, "ssh"].map(str::to_owned).to_vec();
    let program = env!("CARGO_BIN_EXE_flexcore").to_owned();
    let ssh = Ssh { host: "me@box".into(), program, place: Some(socket), command };
    let link = RemoteLink::connect(Carrier::Ssh(ssh), false).await.unwrap();
    let models = link.models().await.unwrap();
    assert!(models.position.0 > 0 && !link.follow(flexcore_engine::id::Position(0)).await.unwrap().events.is_empty());
    assert_eq!(link.place().unwrap(), "ssh me@box");
}
