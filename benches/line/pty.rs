//! A program in a pseudo terminal at the end of a line that is as slow as wanted: what it draws is parsed as a terminal does,
//! its questions are answered, and every frame has a time.

use std::{
    io::{Read, Write},
    path::Path,
    sync::{Arc, Condvar, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Asks a terminal whether it has taken everything in; the console ends each frame with it.
const ASK: &[u8] = b"\x1b[5n";
const ANSWER: &[u8] = b"\x1b[0n";
/// What does not come within this does not come.
const PATIENCE: Duration = Duration::from_secs(20);
/// A program that does not end its frames with a question has ended one when it is quiet for so long.
const QUIET: Duration = Duration::from_millis(15);

/// A line between the program and whoever looks at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wire {
    /// Bytes a second; `None`: as fast as it goes.
    pub(crate) rate: Option<f64>,
    /// From one end to the other.
    pub(crate) delay: Duration,
}

impl Wire {
    pub(crate) const LOCAL: Self = Self { rate: None, delay: Duration::ZERO };

    /// So many bytes a second, and there and back takes so long.
    pub(crate) fn slow(rate: f64, round_trip: Duration) -> Self {
        Self { rate: Some(rate), delay: round_trip / 2 }
    }
}

/// What has come so far.
struct Shown {
    parser: vt100::Parser,
    bytes: u64,
    frames: u64,
    last: Instant,
    ended: bool,
}

pub(crate) struct Program {
    child: Box<dyn Child + Send + Sync>,
    keys: mpsc::Sender<Vec<u8>>,
    shown: Arc<(Mutex<Shown>, Condvar)>,
    wire: Wire,
    begun: Instant,
    _master: Box<dyn MasterPty + Send>,
}

impl Program {
    /// Starts it.
    pub(crate) fn start(words: &[&str], folder: &Path, (columns, rows): (u16, u16), wire: Wire) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("the system has a pseudo terminal");
        let mut command = CommandBuilder::new(words[0]);
        command.args(&words[1..]);
        command.cwd(folder);
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env("HOME", folder);
        command.env("XDG_RUNTIME_DIR", folder);
        command.env("XDG_STATE_HOME", folder);
        let begun = Instant::now();
        let child = pair.slave.spawn_command(command).unwrap_or_else(|error| panic!("cannot start {}: {error}", words[0]));
        drop(pair.slave);
        let shown = Shown { parser: vt100::Parser::new(rows, columns, 0), bytes: 0, frames: 0, last: begun, ended: false };
        let shown = Arc::new((Mutex::new(shown), Condvar::new()));
        let mut writer = pair.master.take_writer().expect("taken once");
        let (keys, typed) = mpsc::channel::<Vec<u8>>();
        thread::spawn(move || {
            for bytes in typed {
                if writer.write_all(&bytes).and_then(|()| writer.flush()).is_err() {
                    return;
                }
            }
        });
        let reader = pair.master.try_clone_reader().expect("a pseudo terminal can be read");
        let (there, sender) = (shown.clone(), keys.clone());
        thread::spawn(move || carry(reader, wire, &there, &sender));
        Self { child, keys, shown, wire, begun, _master: pair.master }
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.process_id().expect("it was started")
    }

    /// When it was started.
    pub(crate) fn begun(&self) -> Instant {
        self.begun
    }

    /// A key on its way: it arrives after the line's delay.
    pub(crate) fn press(&self, keys: &str) {
        later(self.wire.delay, self.keys.clone(), keys.as_bytes().to_vec());
    }

    /// Bytes and frames so far.
    pub(crate) fn so_far(&self) -> (u64, u64) {
        let shown = self.lock();
        (shown.bytes, shown.frames)
    }

    /// Waits until the screen is so at the end of a frame, and says when that was.
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&vt100::Screen) -> bool) -> Instant {
        let end = Instant::now() + PATIENCE;
        let mut shown = self.lock();
        let mut frames = None;
        loop {
            if frames != Some(shown.frames) && is_so(shown.parser.screen()) {
                return shown.last;
            }
            frames = Some(shown.frames);
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !shown.ended, "waited in vain for {what}:\n{}", shown.parser.screen().contents());
            shown = self.shown.1.wait_timeout(shown, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until it has been quiet for a moment, and says when the last byte came.
    pub(crate) fn quiet(&self) -> Instant {
        loop {
            let last = self.lock().last;
            let since = last.elapsed();
            if since >= QUIET {
                return last;
            }
            thread::sleep(QUIET.saturating_sub(since));
        }
    }

    /// What is seen on its screen now.
    pub(crate) fn look<T>(&self, seen: impl Fn(&vt100::Screen) -> T) -> T {
        seen(self.lock().parser.screen())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.shown.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Brings what the program draws to its screen, no faster than the line, and answers its questions.
fn carry(mut reader: Box<dyn Read + Send>, wire: Wire, there: &(Mutex<Shown>, Condvar), keys: &mpsc::Sender<Vec<u8>>) {
    let (shown, changed) = there;
    let (send, arrive) = mpsc::sync_channel::<(Instant, Vec<u8>)>(if wire.rate.is_some() { 8 } else { 1_024 });
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut begun = Vec::new();
            for (at, bytes) in arrive {
                thread::sleep(at.saturating_duration_since(Instant::now()));
                let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
                shown.parser.process(&bytes);
                shown.bytes += bytes.len() as u64;
                shown.last = Instant::now();
                begun.extend_from_slice(&bytes);
                while let Some(at) = begun.windows(ASK.len()).position(|window| window == ASK) {
                    begun.drain(..at + ASK.len());
                    shown.frames += 1;
                    later(wire.delay, keys.clone(), ANSWER.to_vec());
                }
                let kept = begun.len().min(ASK.len() - 1);
                begun.drain(..begun.len() - kept);
                drop(shown);
                changed.notify_all();
            }
        });
        let mut chunk = vec![0; wire.rate.map_or(1 << 16, |rate| (rate / 100.0).max(64.0) as usize)];
        let mut free_at = Instant::now();
        while let Ok(read @ 1..) = reader.read(&mut chunk) {
            if let Some(rate) = wire.rate {
                free_at = free_at.max(Instant::now()) + Duration::from_secs_f64(read as f64 / rate);
                thread::sleep(free_at.saturating_duration_since(Instant::now()));
            }
            if send.send((Instant::now() + wire.delay, chunk[..read].to_vec())).is_err() {
                break;
            }
        }
        drop(send);
    });
    shown.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
    changed.notify_all();
}

fn later(delay: Duration, keys: mpsc::Sender<Vec<u8>>, bytes: Vec<u8>) {
    if delay.is_zero() {
        // The program may be gone.
        let _ = keys.send(bytes);
        return;
    }
    thread::spawn(move || {
        thread::sleep(delay);
        let _ = keys.send(bytes);
    });
}
