//! A terminal for tests: a pseudo terminal, a parser of what the program draws, and waits that end when what is waited for
//! is there.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Command, Stdio},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use flexcore_ui::terminal::pace::{ANSWER, ASK};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

/// Set in programs that this harness starts from this very test binary.
pub(crate) const CHILD_VARIABLE: &str = "FLEXTEST_CHILD";

/// Stands before the process id of a console.
const MARK: &str = "console-pid=";

/// Long enough for a slow machine; a wait that takes so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

type Keys = Arc<Mutex<Box<dyn Write + Send>>>;

struct Shown {
    parser: Mutex<(vt100::Parser, bool)>,
    changed: Condvar,
    /// Whether it answers what it is asked.
    answers: bool,
    /// Whether it reads what is written to it.
    reads: AtomicBool,
}

pub(crate) struct Terminal {
    master: Option<Box<dyn MasterPty + Send>>,
    keys: Keys,
    child: Box<dyn Child + Send + Sync>,
    shown: Arc<Shown>,
    _state: tempfile::TempDir,
}

impl Terminal {
    /// The console in a terminal.
    pub(crate) fn console(size: (u16, u16), args: &[&str]) -> Self {
        Self::console_with(size, args, &[])
    }

    /// The same with variables.
    pub(crate) fn console_with(size: (u16, u16), args: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_flexcore"));
        command.args(args);
        for (name, value) in variables {
            command.env(name, value);
        }
        Self::start(command, size)
    }

    /// The console in a terminal that answers nothing.
    pub(crate) fn silent(size: (u16, u16), args: &[&str]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_flexcore"));
        command.args(args);
        Self::begin(command, size, false)
    }

    /// A shell in a terminal, with jobs that can be stopped.
    pub(crate) fn shell(size: (u16, u16)) -> Self {
        let mut command = CommandBuilder::new("sh");
        command.args(["-i"]);
        Self::start(command, size)
    }

    /// One test of this binary in a terminal.
    pub(crate) fn of_this_test(name: &str, size: (u16, u16)) -> Self {
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.args(["--exact", name, "--nocapture"]);
        command.env(CHILD_VARIABLE, "1");
        Self::start(command, size)
    }

    /// Any program in a terminal.
    pub(crate) fn start(command: CommandBuilder, size: (u16, u16)) -> Self {
        Self::begin(command, size, true)
    }

    fn begin(mut command: CommandBuilder, (width, height): (u16, u16), answers: bool) -> Self {
        let state = tempfile::tempdir().unwrap();
        command.cwd(env!("CARGO_MANIFEST_DIR"));
        command.env("TERM", "xterm-256color");
        command.env("XDG_STATE_HOME", state.path());
        command.env("FLEXCORE_OPERATOR", "tester");
        let pair = native_pty_system().openpty(size_of(width, height)).unwrap();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let parser = Mutex::new((vt100::Parser::new(height, width, 0), false));
        let shown = Arc::new(Shown { parser, changed: Condvar::new(), answers, reads: AtomicBool::new(true) });
        let reader = pair.master.try_clone_reader().unwrap();
        let keys: Keys = Arc::new(Mutex::new(pair.master.take_writer().unwrap()));
        thread::spawn({
            let (shown, keys) = (shown.clone(), keys.clone());
            move || read_all(reader, &shown, &keys)
        });
        Self { master: Some(pair.master), keys, child, shown, _state: state }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.send(keys.as_bytes());
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let mut writer = self.keys.lock().unwrap();
        writer.write_all(bytes).unwrap();
        writer.flush().unwrap();
    }

    /// From now on what is written to it stays where it is.
    pub(crate) fn stop_reading(&self) {
        self.shown.reads.store(false, Ordering::SeqCst);
    }

    pub(crate) fn resize(&self, (width, height): (u16, u16)) {
        if width > 0 && height > 0 {
            // The parser's arithmetic fails where what was drawn for a larger screen wraps on one of a single row or column.
            self.shown.parser.lock().unwrap().0.screen_mut().set_size(height.max(2), width.max(2));
        }
        self.resize_unread((width, height));
    }

    pub(crate) fn resize_unread(&self, (width, height): (u16, u16)) {
        self.master.as_ref().expect("the terminal is still there").resize(size_of(width, height)).unwrap();
    }

    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_until(text, |screen| screen.contents().contains(text));
    }

    /// Whether a text is there before long.
    pub(crate) fn sees(&self, text: &str) -> bool {
        let parser = self.shown.parser.lock().unwrap();
        let is_missing = |parser: &mut (vt100::Parser, bool)| !parser.0.screen().contents().contains(text);
        let (parser, _) = self.shown.changed.wait_timeout_while(parser, Duration::from_secs(1), is_missing).unwrap();
        parser.0.screen().contents().contains(text)
    }

    pub(crate) fn wait_until(&self, what: &str, is_so: impl Fn(&vt100::Screen) -> bool) {
        let end = Instant::now() + PATIENCE;
        let mut parser = self.shown.parser.lock().unwrap();
        while !is_so(parser.0.screen()) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !parser.1, "waited in vain for `{what}`; the screen:\n{}", parser.0.screen().contents());
            parser = self.shown.changed.wait_timeout(parser, left).unwrap().0;
        }
    }

    pub(crate) fn contents(&self) -> String {
        self.shown.parser.lock().unwrap().0.screen().contents()
    }

    pub(crate) fn in_alternate_screen(&self) -> bool {
        self.shown.parser.lock().unwrap().0.screen().alternate_screen()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Tells the process that started this one where its console is.
    #[expect(clippy::print_stdout, reason = "read by the parent")]
    pub(crate) fn announce(&self) {
        println!("{MARK}{}", self.pid().as_raw_nonzero());
    }

    /// One test of this binary as a process that is not in a terminal, which holds a terminal itself.
    pub(crate) fn holder(test: &str) -> Holder {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]).env(CHILD_VARIABLE, "1").stdout(Stdio::piped());
        Holder(command.spawn().unwrap())
    }

    pub(crate) fn wait_exit(&mut self) -> u32 {
        let code = self.wait_gone();
        // Everything that the program wrote before it ended is read before the screen is looked at.
        let end = Instant::now() + PATIENCE;
        let mut parser = self.shown.parser.lock().unwrap();
        while !parser.1 && Instant::now() < end {
            parser = self.shown.changed.wait_timeout(parser, end.saturating_duration_since(Instant::now())).unwrap().0;
        }
        code
    }

    pub(crate) fn wait_gone(&mut self) -> u32 {
        let mut code = None;
        poll("the program's end", || {
            code = self.child.try_wait().unwrap().map(|status| status.exit_code());
            code.is_some()
        });
        code.expect("polled until it is there")
    }

    pub(crate) fn assert_restored(&self) {
        let parser = self.shown.parser.lock().unwrap();
        let screen = parser.0.screen();
        assert!(!screen.alternate_screen(), "still in the alternate screen");
        assert!(!screen.hide_cursor(), "the cursor is still hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste is still on");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "the mouse is still captured");
    }

    fn pid(&self) -> Pid {
        let id = self.child.process_id().expect("the program was started");
        Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
    }
}

/// A process that holds a terminal in which a console runs.
pub(crate) struct Holder(std::process::Child);

impl Holder {
    /// Waits until the console is there.
    pub(crate) fn console_pid(&mut self) -> Pid {
        let mut lines = BufReader::new(self.0.stdout.as_mut().unwrap()).lines();
        let said = lines.find_map(|line| line.unwrap().split_once(MARK).map(|(_, pid)| pid.to_owned()));
        Pid::from_raw(said.expect("the holder says where its console is").parse().unwrap()).unwrap()
    }

    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until a process is no more, or is only waited for by whoever adopted it.
pub(crate) fn wait_gone(pid: Pid) {
    let path = format!("/proc/{}/stat", pid.as_raw_nonzero());
    poll("the console's end", || {
        let stat = std::fs::read_to_string(&path).unwrap_or_default();
        stat.rsplit(')').next().is_none_or(|rest| rest.is_empty() || rest.trim_start().starts_with(['Z', 'X']))
    });
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size_of(width: u16, height: u16) -> PtySize {
    PtySize { rows: height, cols: width, pixel_width: 0, pixel_height: 0 }
}

/// Draws what the program writes, and answers what it asks, as terminals do.
fn read_all(mut reader: Box<dyn Read + Send>, shown: &Shown, keys: &Keys) {
    let mut bytes = vec![0; 65_536];
    loop {
        let read = reader.read(&mut bytes).unwrap_or(0);
        while !shown.reads.load(Ordering::SeqCst) {
            thread::park_timeout(PATIENCE);
        }
        if shown.answers && bytes[..read].windows(ASK.len()).any(|window| window == ASK) {
            // A program that has ended wants no answer.
            let _ = keys.lock().unwrap().write_all(ANSWER);
        }
        let mut parser = shown.parser.lock().unwrap();
        parser.0.process(&bytes[..read]);
        parser.1 = read == 0;
        shown.changed.notify_all();
        if read == 0 {
            return;
        }
    }
}

/// For what announces itself by nothing: asks again, without hurry, until it is so.
fn poll(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        thread::park_timeout(Duration::from_millis(5));
    }
}
