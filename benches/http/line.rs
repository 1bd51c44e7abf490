//! A connection and what is asked over it: just enough of HTTP for answers with a length.

use std::net::SocketAddr;

use memchr::memmem;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Stands in a body for a number that is another one in each request.
pub(crate) const NUMBER: &str = "###";
/// The numbers of requests: those with three digits.
pub(crate) const NUMBERS: std::ops::Range<u64> = 100..1_000;

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) media: &'static str,
    pub(crate) body: String,
}

impl Ask {
    pub(crate) fn new(method: &'static str, path: &str, media: &'static str, body: String) -> Self {
        Self { method, path: path.into(), media, body }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path, "", String::new())
    }

    /// Every request there is, if bodies have numbers; otherwise the one.
    pub(crate) fn all(&self) -> Vec<Vec<u8>> {
        let numbers = if self.body.contains(NUMBER) { NUMBERS } else { 0..1 };
        numbers.map(|number| self.bytes(number)).collect()
    }

    fn bytes(&self, number: u64) -> Vec<u8> {
        let Self { method, path, media, .. } = self;
        let body = self.body.replace(NUMBER, &number.to_string());
        let media = if media.is_empty() { String::new() } else { format!("Content-Type: {media}\r\n") };
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{media}{length}\r\n{body}").into_bytes()
    }
}

/// Asks once, over a connection of its own.
pub(crate) fn answer(address: SocketAddr, ask: &Ask) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { Line::open(address).await.ask(&ask.all()[0]).await.to_vec() })
}

/// A connection.
pub(crate) struct Line {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Line {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("it listens");
        stream.set_nodelay(true).expect("TCP has that");
        Self { stream, read: Vec::with_capacity(16 << 10) }
    }

    /// Sends a request and answers with the body of its answer; one that is no success ends the bench.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> &[u8] {
        self.stream.write_all(request).await.expect("the server reads");
        self.read.clear();
        loop {
            let count = self.stream.read_buf(&mut self.read).await.expect("the server answers");
            assert!(count > 0, "the server closed the line: {}", String::from_utf8_lossy(&self.read));
            if let Some(from) = whole(&self.read) {
                return &self.read[from..];
            }
        }
    }
}

/// Where the body of an answer begins that is there as a whole.
fn whole(read: &[u8]) -> Option<usize> {
    let head = memmem::find(read, b"\r\n\r\n")?;
    let text = std::str::from_utf8(&read[..head]).expect("a head is text");
    assert!(text.starts_with("HTTP/1.1 20"), "{}", String::from_utf8_lossy(read));
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    (read.len() >= head + 4 + length.expect("an answer has a length")).then_some(head + 4)
}
