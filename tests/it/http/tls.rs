//! HTTPS by certificate files, which can be exchanged while the server works.

use std::{net::SocketAddr, path::Path, sync::Arc};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustix::process::Signal;
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::world::Server;
use crate::run::process::Place;

/// Writes a certificate of one's own, as the one in force, and gives it to whoever is to trust it.
fn exchanged(folder: &Path) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    cert.der().clone()
}

async fn connected(server: &Server, trusted: &CertificateDer<'static>) -> std::io::Result<TlsStream<TcpStream>> {
    connected_to(server.listening.http.unwrap(), trusted).await
}

async fn connected_to(address: SocketAddr, trusted: &CertificateDer<'static>) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await
}

async fn answers(stream: &mut TlsStream<TcpStream>) {
    stream.write_all(b"GET /api/v1/info HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answered = [0; 15];
    stream.read_exact(&mut answered).await.unwrap();
    assert_eq!(&answered, b"HTTP/1.1 200 OK");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_exchanged_while_the_server_works_and_broken_ones_are_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let first = exchanged(folder.path());
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let server = Server::with(&[("api.tls_certificate", &file("cert.pem")), ("api.tls_key", &file("key.pem"))]).await;
    let mut early = connected(&server, &first).await.unwrap();
    answers(&mut early).await;
    assert!(server.listening.reloads());
    let second = exchanged(folder.path());
    // Nothing changes before somebody says so.
    answers(&mut connected(&server, &first).await.unwrap()).await;
    server.listening.read_certificates_again().unwrap().unwrap();
    answers(&mut connected(&server, &second).await.unwrap()).await;
    assert!(connected(&server, &first).await.is_err());
    std::fs::write(folder.path().join("cert.pem"), "no certificate").unwrap();
    let broken = server.listening.read_certificates_again().unwrap().unwrap_err();
    assert!(broken.to_string().contains("cert.pem"), "{broken}");
    answers(&mut connected(&server, &second).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_no_tls_gets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    exchanged(folder.path());
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let server = Server::with(&[("api.tls_certificate", &file("cert.pem")), ("api.tls_key", &file("key.pem"))]).await;
    let mut plain = TcpStream::connect(server.listening.http.unwrap()).await.unwrap();
    plain.write_all(b"GET /api/v1/info HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answered = Vec::new();
    // It may hang up in the middle.
    let _ = plain.read_to_end(&mut answered).await;
    assert!(!answered.starts_with(b"HTTP"), "{answered:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hang_up_makes_the_program_read_its_certificates_again_and_say_just_that() {
    let place = Place::new();
    let first = exchanged(place.folder.path());
    let set = ["--set", "api.tls_certificate=cert.pem", "--set", "api.tls_key=key.pem", "--set", "socket=none"];
    let mut serving = place.start(&[&["serve", "--http", "127.0.0.1:0"], &set[..]].concat());
    serving.until("the API is served address=");
    let address = serving.told.trim_end().rsplit_once("address=").unwrap().1.parse().unwrap();
    answers(&mut connected_to(address, &first).await.unwrap()).await;
    let second = exchanged(place.folder.path());
    serving.signal(Signal::HUP);
    serving.until("the certificates were read again");
    answers(&mut connected_to(address, &second).await.unwrap()).await;
    assert!(connected_to(address, &first).await.is_err());
    place.write("cert.pem", "no certificate");
    serving.signal(Signal::HUP);
    serving.until("there is no certificate in cert.pem");
    answers(&mut connected_to(address, &second).await.unwrap()).await;
    serving.signal(Signal::TERM);
    assert_eq!(serving.end().code(), Some(0), "{}", serving.told);
    assert!(!serving.told.contains("tokens"), "there are none: {}", serving.told);
}

#[test]
fn a_hang_up_makes_the_program_read_its_tokens_again() {
    let place = Place::new();
    let create = |name| place.done(&["token", "create", name, "--role", "viewer", "--set", "api.tokens=tokens.json"]);
    assert_eq!(create("a").code, Some(0));
    let mut serving = place.start(&["serve", "--http", "127.0.0.1:0", "--set", "api.tokens=tokens.json", "--set", "socket=none"]);
    serving.until("the API is served address=");
    assert_eq!(create("b").code, Some(0));
    serving.signal(Signal::HUP);
    serving.until("the tokens were read again tokens=2");
    place.write("tokens.json", "{");
    serving.signal(Signal::HUP);
    serving.until("no token is valid until they can be read");
    serving.signal(Signal::TERM);
    assert_eq!(serving.end().code(), Some(0), "{}", serving.told);
    assert!(!serving.told.contains("certificates"), "there are none: {}", serving.told);
}
