//! A child is started through a few lines of shell. They wait for the word to go, so that the child is on record before it
//! does anything, and leave a guard in its group: it waits for the end of this process, however it comes, and then ends the
//! group. That end is the closing of a pipe that only this process holds; no signal handler has to run for it.
//!
//! The shell is what every `shell:` step needs anyway. Where there is none, children start without a guard.

use std::{
    io::{self, PipeReader, PipeWriter, Write},
    os::fd::{AsRawFd, OwnedFd},
    path::Path,
    process::Stdio,
    sync::OnceLock,
};

use tokio::process::{ChildStdin, Command};

use super::Input;

const SHELL: &str = "/bin/sh";

/// `$1` says what the guard waits at, `$2` what the program reads instead of the rest of this input; then the program. What
/// the guard waits at is opened before the program begins: where that cannot be, this process has ended meanwhile, and
/// nothing begins.
const LINES: &str = r#"
read -r flexcore_go || exit 125
flexcore_life=$1 flexcore_input=$2
shift 2
exec 9<"$flexcore_life" || exit 125
( (
    trap '' TERM INT HUP
    exec <&9 9<&-
    read -r flexcore_end
    kill -s TERM 0
    sleep 5
    kill -s KILL 0
) >/dev/null 2>&1 & )
[ "$flexcore_input" = - ] || exec <"$flexcore_input"
exec "$@" 9<&-
"#;

/// Held open for as long as this process lives: nobody else has the end that is written to.
static LIFE: OnceLock<Option<(PipeReader, PipeWriter)>> = OnceLock::new();

/// Where the end of this process can be waited for.
fn life() -> Option<String> {
    let pipe = LIFE.get_or_init(|| io::pipe().ok()).as_ref()?;
    Some(format!("/proc/{}/fd/{}", std::process::id(), pipe.0.as_raw_fd()))
}

/// A command that waits for the word to go.
pub(super) struct Guarded {
    pub(super) command: Command,
    input: Input,
    waits: bool,
    writer: PipeWriter,
}

impl Guarded {
    pub(super) fn new(program: &str, arguments: &[String], input: Input) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let life = life().filter(|_| Path::new(SHELL).exists());
        let mut command = Command::new(if life.is_some() { SHELL } else { program });
        if let Some(life) = &life {
            let instead = if input == Input::None { "/dev/null" } else { "-" };
            command.args(["-c", LINES, "flexcore", life, instead, program]);
        }
        let waits = life.is_some();
        command.args(arguments).stdin(if waits || input == Input::Pipe { Stdio::from(reader) } else { Stdio::null() });
        Ok(Self { command, input, waits, writer })
    }

    /// Lets the program go, once it was started; answers its input.
    pub(super) fn let_go(self) -> io::Result<Option<ChildStdin>> {
        let Self { command, input, waits, mut writer } = self;
        // With its end of the pipe: a child that has died already is an error then, and not a wait for ever.
        drop(command);
        if waits {
            // A few bytes into an empty pipe do not wait. A child that died before it began is known by its end.
            let _ = writer.write_all(b"go\n");
        }
        match input {
            Input::None => Ok(None),
            Input::Pipe => ChildStdin::from_std(std::process::ChildStdin::from(OwnedFd::from(writer))).map(Some),
        }
    }
}
