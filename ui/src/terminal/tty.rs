//! The local terminal: raw while the console has it, put back on every way out. Its own thread polls for keys, so that a
//! terminal that disappears is noticed at once, and without spinning.

use std::{
    io::{self, PipeReader, PipeWriter, Read, Write},
    os::fd::AsFd,
    process::Command,
    sync::mpsc as std_mpsc,
    thread,
};

use crossterm::terminal::enable_raw_mode;
use rustix::{
    event::{PollFd, PollFlags, poll},
    process::{Signal, getpid, getsid, kill_current_process_group},
    termios::{isatty, tcgetwinsize},
};
use signal_hook::{
    consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGWINCH},
    iterator::Signals,
};
use tokio::sync::mpsc;

use super::{
    desk::Desk,
    output::Output,
    panic::{Watched, give_back, taken},
};
use crate::run::{End, Input};

/// The most inputs that wait for the loop.
const INPUTS_MAX: usize = 64;

const PAUSE: u8 = b'p';
const GO_ON: u8 = b'g';
const STOP: u8 = b's';

/// Why there is no console.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// Standard input or output is a file or pipe.
    #[error("the console needs a terminal: standard input and output are not one (try `--snapshot 120x40`, or `serve`)")]
    NotATerminal,
    /// The terminal does not do what terminals do.
    #[error("the terminal cannot be used")]
    Terminal(#[from] io::Error),
}

/// The local terminal, taken. Dropping it puts everything back.
pub struct Tty {
    keys: Keys,
    signals: signal_hook::iterator::Handle,
}

/// The thread that reads keys, and how to make it let go of the terminal.
#[derive(Debug)]
struct Keys {
    wake: PipeWriter,
    paused: std_mpsc::Receiver<()>,
}

/// Columns and rows of the local terminal; a terminal that does not know has 80×24.
pub fn size() -> (u16, u16) {
    match tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        _ => (80, 24),
    }
}

impl Tty {
    /// Takes the terminal; gives what comes from it and where frames go.
    pub fn take() -> Result<(Self, mpsc::Receiver<Input>, Output), ConsoleError> {
        if !isatty(io::stdin()) || !isatty(io::stdout()) {
            return Err(ConsoleError::NotATerminal);
        }
        let (inputs, received) = mpsc::channel(INPUTS_MAX);
        let signals = watch_signals(inputs.clone())?;
        enable_raw_mode()?;
        taken();
        let keys = Keys::read(inputs)?;
        // Not through the standard library's lock, which a terminal that takes nothing would hold for ever.
        let frames = std::fs::File::from(io::stdout().as_fd().try_clone_to_owned()?);
        Ok((Self { keys, signals }, received, Output::to(frames)))
    }

    /// A desk for the loop: what it does to the terminal.
    pub fn desk(&self) -> io::Result<TtyDesk> {
        Ok(TtyDesk { wake: self.keys.wake.try_clone()? })
    }

    /// Runs the console's loop so that its own panic puts the terminal back before it is printed.
    pub async fn watch<F: Future<Output = End>>(&self, console: F) -> End {
        Watched(Box::pin(console)).await
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        self.signals.close();
        // A thread that has ended already needs no word.
        let _ = self.keys.wake.write_all(&[STOP]);
        let _ = self.keys.paused.try_recv();
        give_back();
    }
}

fn watch_signals(inputs: mpsc::Sender<Input>) -> io::Result<signal_hook::iterator::Handle> {
    let mut signals = Signals::new([SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGTSTP])?;
    let handle = signals.handle();
    thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            let (columns, rows) = size();
            let input = match signal {
                SIGWINCH => Input::Resize(columns, rows),
                SIGTSTP => Input::Suspend,
                SIGHUP => Input::Closed("the terminal hung up".into()),
                _ => Input::Closed("asked to end by a signal".into()),
            };
            if inputs.blocking_send(input).is_err() {
                break;
            }
        }
    })?;
    Ok(handle)
}

impl Keys {
    fn read(inputs: mpsc::Sender<Input>) -> io::Result<Self> {
        let (woken, wake) = io::pipe()?;
        let (pausing, paused) = std_mpsc::channel();
        thread::Builder::new().name("keys".into()).spawn(move || read_keys(woken, &pausing, &inputs))?;
        Ok(Self { wake, paused })
    }
}

/// Reads until told to stop, or until the terminal is gone.
fn read_keys(mut woken: PipeReader, pausing: &std_mpsc::Sender<()>, inputs: &mpsc::Sender<Input>) {
    let stdin = io::stdin();
    let mut bytes = [0; 4096];
    loop {
        match wait(&stdin, &woken) {
            Ok(Ready::Woken) => {
                if !obey(&mut woken, pausing) {
                    return;
                }
            }
            // Past the buffer of the standard library: what it holds back, poll does not know of.
            Ok(Ready::Keys) => match rustix::io::read(&stdin, &mut bytes) {
                Ok(0) => return closed(inputs, "the terminal is gone"),
                Ok(count) => {
                    if inputs.blocking_send(Input::Bytes(bytes[..count].to_vec())).is_err() {
                        return;
                    }
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return closed(inputs, &format!("the terminal is gone: {error}")),
            },
            Err(error) => return closed(inputs, &format!("the terminal is gone: {error}")),
        }
    }
}

fn closed(inputs: &mpsc::Sender<Input>, why: &str) {
    // A loop that has ended already needs no word.
    let _ = inputs.blocking_send(Input::Closed(why.to_owned()));
}

enum Ready {
    Keys,
    Woken,
}

fn wait(stdin: &io::Stdin, woken: &PipeReader) -> io::Result<Ready> {
    let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    loop {
        let (stdin, woken) = (stdin.as_fd(), woken.as_fd());
        let mut fds = [PollFd::new(&woken, PollFlags::IN), PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut fds, None) {
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) if !fds[0].revents().is_empty() => return Ok(Ready::Woken),
            Ok(_) if fds[1].revents().contains(PollFlags::IN) => return Ok(Ready::Keys),
            Ok(_) if fds[1].revents().intersects(gone) => return Err(io::ErrorKind::BrokenPipe.into()),
            Ok(_) => {}
        }
    }
}

/// Lets go of the terminal until told to go on. `false`: stop.
fn obey(woken: &mut PipeReader, pausing: &std_mpsc::Sender<()>) -> bool {
    let mut word = [0];
    loop {
        match woken.read_exact(&mut word) {
            Ok(()) if word[0] == PAUSE => drop(pausing.send(())),
            Ok(()) if word[0] == GO_ON => return true,
            _ => return false,
        }
    }
}

/// Gives the terminal to the shell or an editor, and takes it again.
pub struct TtyDesk {
    wake: PipeWriter,
}

impl TtyDesk {
    /// Does something while the terminal is as it was before the console.
    fn away<T>(&mut self, act: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
        let failed = |error: io::Error| format!("the terminal cannot be given away: {error}");
        self.wake.write_all(&[PAUSE]).map_err(failed)?;
        give_back();
        let done = act();
        enable_raw_mode().map_err(failed)?;
        taken();
        self.wake.write_all(&[GO_ON]).map_err(failed)?;
        done
    }
}

impl Desk for TtyDesk {
    fn suspend(&mut self) -> Result<(), String> {
        if getsid(None).is_ok_and(|leader| leader == getpid()) {
            return Err("there is no shell to go back to: the console is all that runs in this terminal".into());
        }
        self.away(|| stop().map_err(|error| format!("cannot be suspended: {error}")))
    }

    fn edit(&mut self, name: &str, text: &str) -> Result<String, String> {
        let name: String =
            name.chars().map(|char| if char.is_ascii_alphanumeric() || ".-_".contains(char) { char } else { '-' }).collect();
        self.away(|| edit_file(&name, text).map_err(|error| format!("the editor: {error}")))
    }

    fn size(&self) -> (u16, u16) {
        size()
    }
}

/// Stops all that was started with this, until the shell lets it go on. The signal may reach other threads first: this one
/// must not take the terminal again before it was stopped as well.
fn stop() -> io::Result<()> {
    let mut continued = Signals::new([SIGCONT])?;
    kill_current_process_group(Signal::STOP)?;
    let _ = continued.wait();
    Ok(())
}

fn edit_file(name: &str, text: &str) -> io::Result<String> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(name);
    std::fs::write(&path, text)?;
    let editor = ["VISUAL", "EDITOR"].iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.trim().is_empty()));
    let editor = editor.unwrap_or_else(|| "vi".into());
    let mut words = editor.split_whitespace();
    let status = Command::new(words.next().unwrap_or("vi")).args(words).arg(&path).status();
    let status =
        status.map_err(|error| io::Error::new(error.kind(), format!("`{editor}` cannot be started: {error} (set EDITOR)")))?;
    if !status.success() {
        return Err(io::Error::other(format!("`{editor}` ended with {status}; nothing was taken over")));
    }
    std::fs::read_to_string(&path)
}

/// Everything as it was, whatever happened: for a caller that must leave at once.
pub fn restore() {
    give_back();
}
