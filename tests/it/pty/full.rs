//! A disk that is full, for real: a file system of a few megabytes, filled to its last byte.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::terminal::{PATIENCE, Terminal};

/// Two files of the log and two of the queues fit, another one of either, and little else.
const ROOM: &str = "88m";
const LARGE: usize = 512 << 10;
const TOLD: &str = "disk full: nothing is accepted";

/// A file system in memory. Gone with the test.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// Nothing where this user may not mount one.
    fn mounted() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounting =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={ROOM}"), "tmpfs"]).arg(folder.path()).output();
        let is_mounted = mounting.is_ok_and(|done| done.status.success());
        is_mounted.then(|| Self(folder))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

struct Asking {
    client: Client,
}

impl Asking {
    fn by(socket: &Path) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { client: Client::builder().unix_socket(socket.to_owned()).build().unwrap() }
    }

    /// Sends an event of so many bytes; its position, or how it was refused.
    async fn append(&self, bytes: usize) -> Result<u64, (StatusCode, String)> {
        let event = json!({"type": "test.large", "data": {"text": "x".repeat(bytes)}});
        let answer = self.client.post("http://flexcore/api/v1/events").json(&event).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        let position = |text: &str| serde_json::from_str::<Value>(text).unwrap()["position"].as_u64().unwrap();
        if status == StatusCode::CREATED { Ok(position(&text)) } else { Err((status, text)) }
    }

    /// Down to events that are smaller than any of the engine's own: one that fits would end the refusing.
    async fn append_until_refused(&self) -> Vec<u64> {
        let mut acknowledged = Vec::new();
        for bytes in [LARGE, 8 << 10, 1] {
            let (status, refused) = loop {
                match self.append(bytes).await {
                    Ok(position) => acknowledged.push(position),
                    Err(refused) => break refused,
                }
                assert!(acknowledged.len() < 1_000, "it never ran full");
            };
            assert!(status == StatusCode::SERVICE_UNAVAILABLE && refused.contains("No space left"), "{status} {refused}");
        }
        acknowledged
    }

    async fn health(&self) -> (StatusCode, String) {
        let answer = self.client.get("http://flexcore/api/v1/health/ready").send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_nothing_is_accepted_all_is_said_and_it_goes_on_by_itself() {
    let Some(disk) = SmallDisk::mounted() else {
        eprintln!("skipped: a small file system is needed, and this user may not mount one");
        return;
    };
    let (data, socket) = (disk.path("data"), tempfile::tempdir().unwrap());
    let socket = socket.path().join("s");
    let set = format!("socket={}", socket.display());
    let mut terminal = Terminal::console((80, 24), &["--data", data.to_str().unwrap(), "--set", &set]);
    terminal.wait_for("up ");
    let asking = Asking::by(&socket);
    let mut acknowledged = vec![asking.append(LARGE).await.unwrap()];
    // What is made beside appends (the log's next file) gives its room back when that fails: then there is some again.
    for turn in 0.. {
        assert!(turn < 20, "it is never told: {}", terminal.contents());
        fill(&disk.path("ballast"));
        acknowledged.extend(asking.append_until_refused().await);
        if terminal.sees(TOLD) {
            break;
        }
    }
    let (status, text) = asking.health().await;
    assert!(status == StatusCode::SERVICE_UNAVAILABLE && text.contains("No space left"), "{status} {text}");
    fs::remove_file(disk.path("ballast")).unwrap();
    terminal.wait_until("it goes on by itself", |screen| !screen.contents().contains(TOLD));
    // Figures that a busy machine took late are a reason of their own, for as long as that lasts.
    let begun = Instant::now();
    while let (StatusCode::SERVICE_UNAVAILABLE, why) = asking.health().await {
        assert!(begun.elapsed() < PATIENCE, "{why}");
    }
    acknowledged.push(asking.append(LARGE).await.unwrap());
    terminal.press("q");
    terminal.wait_exit();
    let mut events = Command::new(env!("CARGO_BIN_EXE_flexcore"));
    events.arg("events").arg(&data).args(["--json", "--type", "test.large"]);
    assert_eq!(positions(&mut events), acknowledged, "nothing is lost, and nothing that was refused is there");
}

fn positions(events: &mut Command) -> Vec<u64> {
    let told = String::from_utf8(events.output().unwrap().stdout).unwrap();
    told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["position"].as_u64().unwrap()).collect()
}

/// Takes all room that there is.
fn fill(ballast: &Path) {
    use std::io::Write;
    let mut file = fs::File::options().create(true).append(true).open(ballast).unwrap();
    for size in [1 << 20, 1 << 12, 1] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
}
