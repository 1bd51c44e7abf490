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

use crate::wire::Wire;

/// Asks a terminal whether it has taken everything in; the console ends each frame with it.
const ASK: &[u8] = b"\x1b[5n";
const ANSWER: &[u8] = b"\x1b[0n";
/// The program beside which others are measured; it ends its frames with nothing.
pub(crate) const PEER: &str = "btop";
/// What does not come within this does not come.
const PATIENCE: Duration = Duration::from_secs(20);
/// A program that does not end its frames with a question has ended one when it is quiet for so long.
const QUIET: Duration = Duration::from_millis(15);

/// What has come so far.
struct Shown {
    parser: vt100::Parser,
    bytes: u64,
    frames: u64,
    last: Instant,
    ended: bool,
    /// Bytes that may be the begin of a question.
    begun: Vec<u8>,
}

pub(crate) struct Program {
    child: Box<dyn Child + Send + Sync>,
    keys: mpsc::Sender<Vec<u8>>,
    shown: Arc<(Mutex<Shown>, Condvar)>,
    wire: Wire,
    begun: Instant,
    /// Whether it ends its frames with a question.
    asks: bool,
    _master: Box<dyn MasterPty + Send>,
}

impl Program {
    /// Starts it.
    pub(crate) fn start<W: AsRef<str>>(words: &[W], folder: &Path, (columns, rows): (u16, u16), wire: Wire) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("the system has a pseudo terminal");
        let program = words[0].as_ref();
        let mut command = CommandBuilder::new(program);
        command.args(words[1..].iter().map(AsRef::as_ref));
        command.cwd(folder);
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env("HOME", folder);
        command.env("XDG_RUNTIME_DIR", folder);
        command.env("XDG_STATE_HOME", folder);
        let begun = Instant::now();
        let child = pair.slave.spawn_command(command).unwrap_or_else(|error| panic!("cannot start {program}: {error}"));
        drop(pair.slave);
        let shown = Shown {
            parser: vt100::Parser::new(rows, columns, 0),
            bytes: 0,
            frames: 0,
            last: begun,
            ended: false,
            begun: Vec::new(),
        };
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
        let asks = program != PEER;
        Self { child, keys, shown, wire, begun, asks, _master: pair.master }
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.process_id().expect("it was started")
    }

    /// Whether it says where its frames end.
    pub(crate) fn asks(&self) -> bool {
        self.asks
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

    /// Waits until the screen is so at the end of a frame, and says when that was. Of a program that does not say where its
    /// frames end, every moment is one.
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&vt100::Screen) -> bool) -> Instant {
        let end = Instant::now() + PATIENCE;
        let mut shown = self.lock();
        let mut seen = None;
        loop {
            let count = if self.asks { shown.frames } else { shown.bytes };
            if seen != Some(count) && is_so(shown.parser.screen()) {
                return shown.last;
            }
            seen = Some(count);
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
fn carry(reader: Box<dyn Read + Send>, wire: Wire, there: &(Mutex<Shown>, Condvar), keys: &mpsc::Sender<Vec<u8>>) {
    let (shown, changed) = there;
    wire.carry(reader, |bytes| {
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..shown.take(bytes) {
            later(wire.delay, keys.clone(), ANSWER.to_vec());
        }
        drop(shown);
        changed.notify_all();
        true
    });
    shown.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
    changed.notify_all();
}

impl Shown {
    /// Takes bytes in, as a terminal does; says how many questions were in them.
    fn take(&mut self, bytes: &[u8]) -> u64 {
        self.parser.process(bytes);
        self.bytes += bytes.len() as u64;
        self.last = Instant::now();
        self.begun.extend_from_slice(bytes);
        let mut asked = 0;
        while let Some(at) = self.begun.windows(ASK.len()).position(|window| window == ASK) {
            self.begun.drain(..at + ASK.len());
            asked += 1;
        }
        let kept = self.begun.len().min(ASK.len() - 1);
        self.begun.drain(..self.begun.len() - kept);
        self.frames += asked;
        asked
    }
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
