//! What a console showed, as asciicast v2 (`asciinema play FILE`): frames as they went out, and changes of size. Keys are not
//! kept: what somebody typed into a form may be a secret that was never shown.
//!
//! A thread of its own writes; the session waits for it when the disk is slow, so that what is kept is whole up to its end.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread,
    time::SystemTime,
};

use flexcore_ui::terminal::canvas::LEAVE;
use jiff::Timestamp;
use serde_json::json;
use tokio::{sync::mpsc, time::Instant};

use super::session::Terminal;
use crate::config::Recordings;

/// Lines that wait to be written.
const LINES_MAX: usize = 64;
/// What names of recordings end with.
const ENDING: &str = "cast";

/// Whose recording, and of what.
pub(super) struct Of<'a> {
    pub(super) name: &'a str,
    pub(super) role: &'a str,
    pub(super) session: &'a str,
    pub(super) node: &'a str,
    pub(super) at: Timestamp,
}

/// A recording that goes on until it is dropped.
pub(super) struct Recorder {
    path: PathBuf,
    began: Instant,
    lines: mpsc::Sender<String>,
}

impl Recorder {
    /// Begins a file of its own. Older ones make room first.
    pub(super) fn begin(settings: &Recordings, of: &Of<'_>, terminal: &Terminal) -> io::Result<Self> {
        let folder = &settings.folder;
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        make_room(folder, settings.bytes_max.0.saturating_sub(settings.each_bytes_max.0))?;
        let stamp = of.at.strftime("%Y%m%dT%H%M%SZ");
        let path = folder.join(format!("{stamp}-{}-{}.{ENDING}", of.name, of.session));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let (lines, written) = mpsc::channel(LINES_MAX);
        let writer = Writer { file: BufWriter::new(file), left: settings.each_bytes_max.0 };
        let name = path.clone();
        thread::Builder::new().name("recording".into()).spawn(move || {
            if let Err(error) = writer.run(written) {
                tracing::error!(path = %name.display(), %error, "a recording ends here");
            }
        })?;
        let recorder = Self { path, began: Instant::now(), lines };
        // There is room for the first one.
        let _ = recorder.lines.try_send(header(of, terminal));
        Ok(recorder)
    }

    /// Its file's name.
    pub(super) fn file_name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// A frame went out.
    pub(super) async fn frame(&self, frame: &[u8]) {
        self.line("o", &String::from_utf8_lossy(frame)).await;
    }

    /// The terminal has another size.
    pub(super) async fn resized(&self, (columns, rows): (u16, u16)) {
        self.line("r", &format!("{columns}x{rows}")).await;
    }

    /// The terminal is as it was before.
    pub(super) async fn end(&self) {
        self.frame(LEAVE).await;
    }

    async fn line(&self, kind: &str, data: &str) {
        let at = (self.began.elapsed().as_secs_f64() * 1e6).round() / 1e6;
        // One that reached its end takes no more.
        let _ = self.lines.send(json!([at, kind, data]).to_string()).await;
    }
}

fn header(of: &Of<'_>, terminal: &Terminal) -> String {
    let title = format!("{} ({}) on {}, session {}", of.name, of.role, of.node, of.session);
    let (width, height) = terminal.size;
    let term = terminal.variables.get("TERM");
    json!({"version": 2, "width": width, "height": height, "timestamp": of.at.as_second(), "title": title, "env": {"TERM": term}})
        .to_string()
}

struct Writer {
    file: BufWriter<File>,
    /// Bytes that may still be written.
    left: u64,
}

impl Writer {
    /// Until there is no more, or no more room; nothing waits in between.
    fn run(mut self, mut lines: mpsc::Receiver<String>) -> io::Result<()> {
        while let Some(line) = lines.blocking_recv() {
            let length = line.len() as u64 + 1;
            let Some(left) = self.left.checked_sub(length) else {
                writeln!(
                    self.file,
                    "{}",
                    json!([0.0, "m", "the recording is as large as it may be (setting sshd.recording_bytes_max)"])
                )?;
                return self.file.flush();
            };
            self.left = left;
            writeln!(self.file, "{line}")?;
            if lines.is_empty() {
                self.file.flush()?;
            }
        }
        self.file.flush()
    }
}

/// Removes the oldest recordings until all that are left take no more than so many bytes.
fn make_room(folder: &Path, bytes_max: u64) -> io::Result<()> {
    let mut recordings: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == ENDING) {
            let meta = fs::metadata(&path)?;
            recordings.push((meta.modified()?, meta.len(), path));
        }
    }
    recordings.sort();
    let mut all: u64 = recordings.iter().map(|(_, bytes, _)| bytes).sum();
    for (_, bytes, path) in recordings {
        if all <= bytes_max {
            break;
        }
        fs::remove_file(&path)?;
        tracing::info!(path = %path.display(), "the oldest recording made room");
        all -= bytes;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use flexcore_engine::unit::ByteSize;

    use super::*;

    fn settings(folder: &Path, bytes_max: u64, each: u64) -> Recordings {
        Recordings { folder: folder.to_owned(), bytes_max: ByteSize(bytes_max), each_bytes_max: ByteSize(each) }
    }

    fn of(session: &str) -> Of<'_> {
        Of { name: "ana", role: "admin", session, node: "box", at: Timestamp::UNIX_EPOCH }
    }

    fn terminal() -> Terminal {
        Terminal { size: (80, 24), variables: BTreeMap::from([("TERM".into(), "xterm".into())]) }
    }

    /// Waits until the writer has let go of the file.
    async fn whole(path: &Path, last: &str) -> String {
        loop {
            let text = fs::read_to_string(path).unwrap();
            if text.contains(last) {
                return text;
            }
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn what_was_shown_is_kept_line_by_line_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::begin(&settings(folder.path(), 1 << 20, 1 << 16), &of("a1"), &terminal()).unwrap();
        let path = folder.path().join("19700101T000000Z-ana-a1.cast");
        assert_eq!(recorder.file_name(), "19700101T000000Z-ana-a1.cast");
        recorder.frame("é\x1b[5n".as_bytes()).await;
        recorder.resized((120, 40)).await;
        recorder.end().await;
        let text = whole(&path, "?1049l").await;
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            (&lines[0]["version"], &lines[0]["width"], &lines[0]["env"]["TERM"]),
            (&json!(2), &json!(80), &json!("xterm"))
        );
        assert_eq!((&lines[1][1], &lines[1][2]), (&json!("o"), &json!("é\x1b[5n")));
        assert_eq!((&lines[2][1], &lines[2][2]), (&json!("r"), &json!("120x40")));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn one_grows_to_its_limit_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::begin(&settings(folder.path(), 1 << 20, 400), &of("a1"), &terminal()).unwrap();
        for _ in 0..100 {
            recorder.frame(&[b'x'; 40]).await;
        }
        let text = whole(&folder.path().join(recorder.file_name()), "as large as it may be").await;
        assert!(text.len() < 600, "{}", text.len());
    }

    #[test]
    fn the_oldest_make_room_for_new_ones() {
        let folder = tempfile::tempdir().unwrap();
        for (at, name) in [(1, "b.cast"), (2, "a.cast"), (3, "c.cast"), (0, "kept.txt")] {
            let path = folder.path().join(name);
            fs::write(&path, [0; 100]).unwrap();
            File::open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(at)).unwrap();
        }
        make_room(folder.path(), 250).unwrap();
        let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["a.cast", "c.cast", "kept.txt"]);
    }
}
