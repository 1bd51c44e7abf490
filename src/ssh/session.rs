//! One session: what is asked for on a channel, done in a task of its own. A panic in it ends it alone: its terminal is put
//! back and told, and everybody else goes on.

use std::{any::Any, collections::BTreeMap, net::SocketAddr, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use flexcore_engine::id::{Actor, SessionId};
use flexcore_ui::terminal::canvas::LEAVE;
use futures_util::FutureExt;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, server::Msg};
use tokio::time::timeout;

use super::{
    command,
    connection::Living,
    console,
    count::Place,
    host::Host,
    keys::KeyRow,
    recording::{Of, Recorder},
};
use crate::{
    cli::{ASKED_WRONGLY, FAILED},
    session::here::{Here, Way, What},
};

/// What is asked for must have been said within this time.
const ASKING_MAX: Duration = Duration::from_secs(30);
/// What is left to say at the end is taken within this time, or not at all.
const LAST_WORDS_MAX: Duration = Duration::from_secs(2);
/// The largest terminal, in columns and rows; a larger one is drawn in its upper left.
pub(super) const SIZE_MAX: (u16, u16) = (800, 300);
/// What a terminal has that does not know its own.
const SIZE: (u16, u16) = (80, 24);
/// The longest value of a variable, in bytes.
const VALUE_BYTES_MAX: usize = 256;
/// The variables that a client may set: what its terminal can do, and where its operator lives.
const VARIABLES: [&str; 3] = ["COLORTERM", "NO_COLOR", "TZ"];

/// What goes out.
pub(super) type Out = ChannelWriteHalf<Msg>;

/// Whether a client may set a variable.
pub(super) fn takes(variable: &str) -> bool {
    VARIABLES.contains(&variable)
}

/// A terminal at the client's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Terminal {
    /// Columns and rows.
    pub(super) size: (u16, u16),
    /// What it says of itself.
    pub(super) variables: BTreeMap<String, String>,
}

/// Columns and rows of a client; `None`: it does not know.
pub(super) fn size(columns: u32, rows: u32) -> Option<(u16, u16)> {
    let within = |cells: u32, max: u16| u16::try_from(cells).unwrap_or(u16::MAX).min(max);
    (columns > 0 && rows > 0).then(|| (within(columns, SIZE_MAX.0), within(rows, SIZE_MAX.1)))
}

/// What is asked for.
#[derive(Debug)]
enum Asked {
    /// A console, on a terminal.
    Console(Terminal),
    /// A shell, without a terminal.
    Shell,
    /// A command, perhaps with a terminal.
    Command {
        /// Its words, as the client sent them.
        line: String,
        /// Whether there is a terminal.
        on_terminal: bool,
    },
    /// The client went without asking for anything.
    Nothing,
}

impl Asked {
    async fn read(read: &mut ChannelReadHalf) -> Self {
        let (mut terminal, mut variables) = (None, BTreeMap::new());
        while let Some(message) = read.wait().await {
            match message {
                ChannelMsg::RequestPty { term, col_width, row_height, .. } => {
                    variables.insert("TERM".to_owned(), term.chars().take(VALUE_BYTES_MAX).collect());
                    terminal = Some(size(col_width, row_height).unwrap_or(SIZE));
                }
                ChannelMsg::WindowChange { col_width, row_height, .. } => {
                    terminal = terminal.map(|before| size(col_width, row_height).unwrap_or(before));
                }
                ChannelMsg::SetEnv { variable_name, variable_value, .. } if takes(&variable_name) => {
                    variables.insert(variable_name, variable_value.chars().take(VALUE_BYTES_MAX).collect());
                }
                ChannelMsg::RequestShell { .. } => {
                    return terminal.map_or(Self::Shell, |size| Self::Console(Terminal { size, variables }));
                }
                ChannelMsg::Exec { command, .. } => {
                    let line = String::from_utf8_lossy(&command).into_owned();
                    return Self::Command { line, on_terminal: terminal.is_some() };
                }
                ChannelMsg::Close => return Self::Nothing,
                _ => {}
            }
        }
        Self::Nothing
    }
}

/// How a session ended.
pub(super) struct Ended {
    /// As its exit status.
    pub(super) code: i32,
    /// What is said on its standard error.
    pub(super) told: String,
}

impl Ended {
    pub(super) fn with(code: i32, told: impl Into<String>) -> Self {
        Self { code, told: told.into() }
    }
}

pub(super) struct Session {
    pub(super) host: Arc<Host>,
    pub(super) who: KeyRow,
    pub(super) address: SocketAddr,
    living: Living,
    _place: Place<Arc<str>>,
}

impl Session {
    pub(super) fn new(host: Arc<Host>, who: KeyRow, address: SocketAddr, living: Living, place: Place<Arc<str>>) -> Self {
        Self { host, who, address, living, _place: place }
    }

    /// Does what is asked for, and says how it went.
    pub(super) async fn run(self, channel: Channel<Msg>) {
        let (mut read, write) = channel.split();
        let write = Arc::new(write);
        let asked = timeout(ASKING_MAX, Asked::read(&mut read)).await.unwrap_or(Asked::Nothing);
        let (on_screen, on_terminal) = match &asked {
            Asked::Console(_) => (true, true),
            Asked::Command { on_terminal, .. } => (false, *on_terminal),
            Asked::Shell | Asked::Nothing => (false, false),
        };
        let id = SessionId::fresh();
        let recorder = self.recorder(id, &asked);
        let here = self.here(id, &asked, recorder.as_ref()).await;
        let served = AssertUnwindSafe(self.serve(asked, recorder, read, write.clone())).catch_unwind().await;
        let ended = served.unwrap_or_else(|panic| self.failed(&*panic));
        if let Some(here) = here {
            here.close(&ended.told, Some(ended.code)).await;
        }
        if timeout(LAST_WORDS_MAX, last_words(&write, &ended, on_screen, on_terminal)).await.is_err() {
            tracing::warn!(name = %self.who.name, address = %self.address, "a client that takes nothing was cut off");
            self.living.0.cut.cancel();
        }
    }

    /// Puts on record that somebody is here; of a command its name alone, because what is behind it may be secret.
    async fn here(&self, id: SessionId, asked: &Asked, recorder: Option<&Recorder>) -> Option<Here> {
        let command = match asked {
            Asked::Console(_) => None,
            Asked::Command { line, .. } => Some(line.split_whitespace().next().unwrap_or_default().chars().take(32).collect()),
            Asked::Shell | Asked::Nothing => return None,
        };
        let (app, KeyRow { name, role, .. }) = (self.host.app.clone(), self.who.clone());
        let way = Way { name: "ssh", from: &self.address.to_string() };
        let what = What { command, recording: recorder.map(Recorder::file_name) };
        Some(Here::open(app, id, Actor::Operator(name), role, way, what).await)
    }

    /// Consoles are recorded where that is set. One that cannot be is served all the same: whoever comes at night to a full disk
    /// comes to mend it.
    fn recorder(&self, id: SessionId, asked: &Asked) -> Option<Recorder> {
        let (Some(settings), Asked::Console(terminal)) = (&self.host.settings().recordings, asked) else { return None };
        let (session, app) = (id.short(), &self.host.app);
        let at = app.engine.clock().now();
        let of = Of { name: &self.who.name, role: self.who.role.word(), session: &session, node: &app.settings.node, at };
        let begun = Recorder::begin(settings, &of, terminal);
        begun.inspect_err(|error| tracing::error!(folder = %settings.folder.display(), %error, "a session is not recorded")).ok()
    }

    async fn serve(&self, asked: Asked, recorder: Option<Recorder>, read: ChannelReadHalf, write: Arc<Out>) -> Ended {
        match asked {
            Asked::Console(terminal) => console::serve(self, terminal, recorder, read, write).await,
            Asked::Shell => Ended::with(
                ASKED_WRONGLY,
                "a console needs a terminal (`ssh -t`); without one there are commands, which `help` lists",
            ),
            Asked::Command { line, on_terminal } => command::serve(self, &line, on_terminal, read, &write).await,
            Asked::Nothing => Ended::with(ASKED_WRONGLY, "nothing was asked for"),
        }
    }

    fn failed(&self, panic: &(dyn Any + Send)) -> Ended {
        let told = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        tracing::error!(name = %self.who.name, address = %self.address, panic = told.unwrap_or("?"), "a session by SSH failed");
        Ended::with(FAILED, "this session failed; the engine's log says how, and everything else goes on")
    }
}

/// The terminal as it was, what there is to say, the exit status, and the end.
async fn last_words(write: &Out, ended: &Ended, on_screen: bool, on_terminal: bool) -> Result<(), russh::Error> {
    if on_screen {
        write.data_bytes(LEAVE).await?;
    }
    if !ended.told.is_empty() {
        let text = format!("flexcore: {}\n", ended.told);
        if on_terminal {
            // Its driver turns no line feed into a new line now.
            write.data_bytes(text.replace('\n', "\r\n").into_bytes()).await?;
        } else {
            write.extended_data_bytes(1, text.into_bytes()).await?;
        }
    }
    write.exit_status(ended.code.unsigned_abs()).await?;
    write.eof().await?;
    write.close().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_has_the_size_that_it_says_within_reason() {
        assert_eq!(size(120, 40), Some((120, 40)));
        assert_eq!(size(0, 40), None);
        assert_eq!(size(120, 0), None);
        assert_eq!(size(u32::MAX, 70_000), Some(SIZE_MAX));
        assert_eq!(size(1, 1), Some((1, 1)));
    }
}
