//! Redis, which keeps events of a stream in memory: sixty-four of them on the way on each of fifty connections.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Events of one measurement.
const EVENTS: &str = "300000";
const STARTS_WITHIN: Duration = Duration::from_secs(10);

/// A server that runs until this is dropped.
pub(crate) struct Redis {
    port: u16,
    child: Child,
}

impl Redis {
    /// Without a disk. `None`: it is not installed.
    pub(crate) fn start(place: &Path) -> Option<Self> {
        Command::new("redis-benchmark").arg("--version").output().ok()?;
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        let child = command.current_dir(place).stdout(Stdio::null()).spawn().ok()?;
        let (redis, begun) = (Self { port, child }, Instant::now());
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < STARTS_WITHIN, "redis-server does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        Some(redis)
    }

    /// Events a second, into a stream that is empty.
    pub(crate) fn rate(&self, event: &str) -> f64 {
        self.empty();
        let mut command = Command::new("redis-benchmark");
        command.args(["-p", &self.port.to_string(), "-c", "50", "-P", "64", "-n", EVENTS, "--csv"]);
        let told = command.args(["XADD", "s", "*", "f", event]).output().expect("it is installed").stdout;
        let told = String::from_utf8_lossy(&told);
        // The event has quotes and commas of its own: the figures begin after it.
        let figures = told.lines().last().and_then(|line| line.rsplit("\",\"").nth(FIGURES_AFTER));
        figures.and_then(|figure| figure.parse().ok()).unwrap_or_else(|| panic!("redis-benchmark told {told}"))
    }

    fn empty(&self) {
        let mut line = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        line.write_all(b"DEL s\r\n").expect("it reads");
        let mut answer = [0; 4];
        line.read_exact(&mut answer).expect("it answers");
    }
}

/// Requests a second stand before six latencies.
const FIGURES_AFTER: usize = 6;

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.child.kill().and_then(|()| self.child.wait()));
    }
}
