//! Events that come from outside at a rate, through the engine's Unix socket.

use std::{
    fmt::Write as _,
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Batches a second.
const BATCHES: u64 = 50;

/// Events on their way until this is dropped.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    begun: Instant,
    thread: Option<JoinHandle<()>>,
}

impl Load {
    /// So many events a second.
    pub(crate) fn start(folder: &Path, rate: u64) -> Self {
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let socket = socket(folder);
        let (stopped, count) = (stop.clone(), sent.clone());
        let thread = thread::spawn(move || send(&socket, rate, &stopped, &count));
        Self { stop, sent, begun: Instant::now(), thread: Some(thread) }
    }

    /// Events a second that really went in.
    pub(crate) fn rate(&self) -> f64 {
        self.sent.load(Ordering::Relaxed) as f64 / self.begun.elapsed().as_secs_f64()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the engine takes events");
        }
    }
}

/// The socket of the engine that runs in a folder; one that was killed before has left its own.
pub(crate) fn socket(folder: &Path) -> PathBuf {
    let found = std::fs::read_dir(folder.join("flexcore")).into_iter().flatten().flatten().map(|entry| entry.path());
    found.into_iter().find(|path| UnixStream::connect(path).is_ok()).expect("the engine has a socket")
}

fn send(socket: &Path, rate: u64, stop: &AtomicBool, sent: &AtomicU64) {
    let mut line = UnixStream::connect(socket).expect("the engine answers at its socket");
    let (count, mut number) = (rate / BATCHES, 0_u64);
    let mut next = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let mut body = String::new();
        for _ in 0..count {
            number += 1;
            let source = number % 40;
            let celsius = number % 30;
            let _ = writeln!(
                body,
                r#"{{"type":"sensor.read","stream":"sensor/{source}","data":{{"n":{number},"celsius":{celsius}.5}}}}"#
            );
        }
        let head = format!(
            "POST /api/v1/events/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        line.write_all(head.as_bytes()).and_then(|()| line.write_all(body.as_bytes())).expect("the engine reads");
        answered(&mut line);
        sent.fetch_add(count, Ordering::Relaxed);
        next += Duration::from_millis(1_000 / BATCHES);
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

/// Reads one answer; one that is no success ends the bench.
fn answered(line: &mut UnixStream) {
    let mut read = Vec::new();
    let mut chunk = [0; 16 << 10];
    loop {
        let count = line.read(&mut chunk).expect("the engine answers");
        assert!(count > 0, "the engine closed the line: {}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&chunk[..count]);
        let Some(head) = read.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&read[..head]).to_lowercase();
        assert!(text.starts_with("http/1.1 20"), "{}", String::from_utf8_lossy(&read));
        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.trim().parse::<usize>().ok());
        if length.is_some_and(|length| read.len() >= head + 4 + length) || (length.is_none() && read.ends_with(b"0\r\n\r\n")) {
            return;
        }
    }
}
