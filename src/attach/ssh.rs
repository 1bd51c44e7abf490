//! An engine on another machine, by way of the user's own `ssh`: it runs `flexcore bridge --stdio` there, which connects its
//! input and output with the engine's socket. Keys, passwords, jump hosts and names are the user's own configuration.

use std::{
    io::Write,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use flexcore_ui::{link::LinkError, widget::safe_text::safe};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader, join},
    process::{Child, ChildStderr, ChildStdout, Command},
    time::timeout,
};

use super::carrier::Connection;

/// What a bridge says first. Whatever stands before it is what a login says to people.
pub const BANNER: &str = "FLEXCORE BRIDGE 1";

/// Time for a password and a second factor.
const ASKED_TIME_MAX: Duration = Duration::from_secs(180);
/// Time for a connection that asks nobody anything.
const UNASKED_TIME_MAX: Duration = Duration::from_secs(30);
/// The most bytes that a login may say.
const GREETING_BYTES_MAX: usize = 64 << 10;
/// Bytes that are kept of what `ssh` complains about: the last ones.
const COMPLAINT_BYTES_MAX: usize = 4 << 10;
/// A process whose output has ended is waited for so long, for its exit code.
const EXIT_TIME_MAX: Duration = Duration::from_secs(2);
/// What shells answer when there is no such command.
const NO_COMMAND: i32 = 127;

/// An engine on another machine.
#[derive(Debug, Clone)]
pub struct Ssh {
    /// As `ssh` is told: a name of its configuration, or `user@box`.
    pub host: String,
    /// FlexCore there.
    pub program: String,
    /// The engine there: its data directory or socket; `None`: the only one of that user.
    pub place: Option<String>,
    /// `ssh` here, with arguments of its own.
    pub command: Vec<String>,
}

impl Ssh {
    /// Runs `ssh` and waits until the bridge is there.
    pub(super) async fn connect(&self, asks: bool) -> Result<Connection, LinkError> {
        let mut child = self
            .command(asks)
            .spawn()
            .map_err(|error| LinkError::Gone(format!("cannot run `{}`: {error}; is ssh installed?", self.command.join(" "))))?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(LinkError::Gone("ssh was started without its pipes".into()));
        };
        let complaints = Complaints::default();
        let hearing = tokio::spawn(complaints.clone().hear(stderr, asks));
        let mut stdout = BufReader::new(stdout);
        let time_max = if asks { ASKED_TIME_MAX } else { UNASKED_TIME_MAX };
        let is_there = timeout(time_max, greeted(&mut stdout)).await;
        complaints.quiet();
        match is_there {
            Ok(true) => Ok(Connection { bytes: Box::new(join(stdout, stdin)), is_shared: true, child: Some(child) }),
            Ok(false) => {
                let code = timeout(EXIT_TIME_MAX, child.wait()).await;
                // It has ended, so what it said is there to be read to its end.
                let _ = timeout(EXIT_TIME_MAX, hearing).await;
                let code = code.ok().and_then(|ended| ended.ok()?.code());
                Err(self.failed(code, &complaints.last()))
            }
            Err(_) => {
                let told = complaints.last();
                Err(LinkError::Gone(format!("ssh {} does not answer within {}s{told}", self.host, time_max.as_secs())))
            }
        }
    }

    fn command(&self, asks: bool) -> Command {
        let mut words = self.command.iter();
        let mut command = Command::new(words.next().map_or("ssh", String::as_str));
        command.args(words).args(["-T", "-o", "ConnectTimeout=10"]);
        if !asks {
            // The console is on the screen: nobody can be asked, and a signal to it is none to ssh.
            command.args(["-o", "BatchMode=yes"]).process_group(0);
        }
        command.arg("--").arg(&self.host).arg(self.remote());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// The command line for the shell there.
    fn remote(&self) -> String {
        let place = self.place.iter().map(|place| format!(" -- {}", quoted(place)));
        format!("{} bridge --stdio{}", quoted(&self.program), place.collect::<String>())
    }

    fn failed(&self, code: Option<i32>, told: &str) -> LinkError {
        let Self { host, program, .. } = self;
        let text = match code {
            Some(NO_COMMAND) => {
                format!("`{program}` is not there on {host}, or not where its shell looks; say where with --remote-program{told}")
            }
            Some(255) => format!("ssh could not connect to {host}{told}"),
            Some(code) => format!("`{program} bridge` on {host} ended with code {code}{told}"),
            None => format!("ssh {host} was ended{told}"),
        };
        LinkError::Gone(text)
    }
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@%+=~".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// Passes over what a login says to people. `false`: it ended, or it says too much for a bridge to come.
async fn greeted(stdout: &mut BufReader<ChildStdout>) -> bool {
    let (mut left, mut line) = (GREETING_BYTES_MAX, Vec::new());
    while left > 0 {
        line.clear();
        let mut limited = (&mut *stdout).take(left as u64);
        match limited.read_until(b'\n', &mut line).await {
            Ok(read @ 1..) => left -= read.min(left),
            Ok(0) | Err(_) => return false,
        }
        if line.strip_suffix(b"\n").is_some_and(|line| line.trim_ascii() == BANNER.as_bytes()) {
            return true;
        }
    }
    false
}

/// What `ssh` and the bridge say on their standard error.
#[derive(Clone, Default)]
struct Complaints(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    bytes: Vec<u8>,
    is_quiet: bool,
}

impl Complaints {
    /// Keeps the end of it, and passes it on while the operator waits for a connection.
    async fn hear(self, mut stderr: ChildStderr, asks: bool) {
        let mut piece = [0; 1_024];
        while let Ok(read @ 1..) = stderr.read(&mut piece).await {
            let passes = {
                let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                heard.bytes.extend_from_slice(&piece[..read]);
                let surplus = heard.bytes.len().saturating_sub(COMPLAINT_BYTES_MAX);
                heard.bytes.drain(..surplus);
                asks && !heard.is_quiet
            };
            if passes {
                let _ = std::io::stderr().write_all(&piece[..read]);
            }
        }
    }

    /// From now on the screen is the console's.
    fn quiet(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_quiet = true;
    }

    /// The last lines, ready to stand after a sentence.
    fn last(&self) -> String {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&heard.bytes);
        let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let last = lines[lines.len().saturating_sub(3)..].join("; ");
        if last.is_empty() { String::new() } else { format!(": {}", safe(&last)) }
    }
}

/// A process that carries a connection, as long as that lives.
pub(super) fn end(child: Option<Child>) {
    // Dropping kills it; the runtime collects what is left of it.
    drop(child);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_reach_the_shell_there_as_they_are() {
        let ssh = |program: &str, place: Option<&str>| Ssh {
            host: "box".into(),
            program: program.into(),
            place: place.map(str::to_owned),
            command: vec!["ssh".into()],
        };
        assert_eq!(ssh("flexcore", None).remote(), "flexcore bridge --stdio");
        assert_eq!(ssh("~/bin/flexcore", Some("/srv/a b")).remote(), "~/bin/flexcore bridge --stdio -- '/srv/a b'");
        assert_eq!(ssh("x; rm", Some("it's")).remote(), "'x; rm' bridge --stdio -- 'it'\\''s'");
    }
}
