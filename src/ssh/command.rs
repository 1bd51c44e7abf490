//! A command of the command line in a session: the same code, asking the engine right here with the session's role. It runs in
//! a thread of its own, because what it writes waits for the client; what ends the session ends it.

mod pipe;

use std::time::Duration;

use bytes::Bytes;
use flexcore_engine::id::Actor;
use russh::{ChannelMsg, ChannelReadHalf};
use tokio::{
    runtime::Handle,
    sync::mpsc,
    task::spawn_blocking,
    time::{interval, timeout},
};
use tokio_util::sync::CancellationToken;

use super::session::{Ended, Out, Session};
use crate::{
    cli::{
        FAILED,
        served::{self, Given},
        stage::{INTERRUPTED, Whom},
    },
    client::Client,
};
use pipe::{Said, Taken, Written};

/// Whether a key may still come in is looked at so often.
const STILL_EVERY: Duration = Duration::from_secs(5);
/// What is written and waits for the client: so many pieces, each of at most [`pipe::PIECE_BYTES_MAX`].
const PIECES_MAX: usize = 16;
/// What a terminal sends for Ctrl-C and Ctrl-D.
const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;

/// Runs a command to its end.
pub(super) async fn serve(session: &Session, line: &str, on_terminal: bool, read: ChannelReadHalf, write: &Out) -> Ended {
    let over = CancellationToken::new();
    // Whatever ends the session ends the command.
    let _guard = over.clone().drop_guard();
    let entered = session.host.inside.entered(Actor::Operator(session.who.name.clone()), session.who.role);
    let client = Client::inside(entered);
    let (pieces, mut said) = mpsc::channel(PIECES_MAX);
    let (given, taken) = mpsc::unbounded_channel();
    let whom = Whom::Here { client, runtime: Handle::current(), over: over.clone() };
    let running = spawn_blocking({
        let line = line.to_owned();
        move || {
            let (out, told) = (Written::out(pieces.clone()), Written::told(pieces));
            served::run(&line, Given { whom, out: Box::new(out), told: Box::new(told), input: Box::new(Taken::new(taken)) })
        }
    });
    let feed = Feed { session, on_terminal, given: Some(given), room: session.host.app.settings.api.body_max.0 };
    let mut feeding = std::pin::pin!(feed.run(read));
    loop {
        tokio::select! {
            biased;
            piece = said.recv() => match piece {
                Some(piece) => {
                    if !deliver(write, piece, on_terminal, session.host.settings().stalled_max.0).await {
                        over.cancel();
                        return Ended::with(FAILED, "the client takes nothing");
                    }
                }
                // Nothing more will be said.
                None => return ended(running.await, session),
            },
            () = &mut feeding, if !over.is_cancelled() => over.cancel(),
        }
    }
}

/// What became of it, once it says nothing more.
fn ended(done: Result<i32, tokio::task::JoinError>, session: &Session) -> Ended {
    match done {
        Ok(INTERRUPTED) if session.host.closing.is_cancelled() => Ended::with(FAILED, "the engine stops"),
        Ok(code) => Ended::with(code, ""),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => Ended::with(FAILED, error.to_string()),
    }
}

/// Gives the client what was said; `false`: it is gone, or takes nothing.
async fn deliver(write: &Out, piece: Said, on_terminal: bool, stalled_max: Duration) -> bool {
    let (Said::Out(bytes) | Said::Told(bytes)) = &piece;
    // Its driver turns no line feed into a new line now.
    let bytes = if on_terminal { with_returns(bytes) } else { bytes.clone() };
    let sent = match piece {
        Said::Told(_) if !on_terminal => timeout(stalled_max, write.extended_data_bytes(1, bytes)).await,
        _ => timeout(stalled_max, write.data_bytes(bytes)).await,
    };
    matches!(sent, Ok(Ok(())))
}

fn with_returns(bytes: &[u8]) -> Bytes {
    let mut with = Vec::with_capacity(bytes.len() + bytes.len() / 16);
    for byte in bytes {
        if *byte == b'\n' {
            with.push(b'\r');
        }
        with.push(*byte);
    }
    with.into()
}

/// What comes from the client while a command runs. It ends when the command is to end.
struct Feed<'a> {
    session: &'a Session,
    on_terminal: bool,
    /// To the command; closed when there is no more.
    given: Option<mpsc::UnboundedSender<Result<Bytes, String>>>,
    /// Bytes that may still be given: what the command does not read waits.
    room: u64,
}

impl Feed<'_> {
    async fn run(mut self, mut read: ChannelReadHalf) {
        let mut look = interval(STILL_EVERY);
        loop {
            let message = tokio::select! {
                message = read.wait() => message,
                () = self.session.host.closing.cancelled() => return,
                _ = look.tick() => {
                    if !self.session.host.still(&self.session.who) {
                        return;
                    }
                    continue;
                }
            };
            match message {
                None | Some(ChannelMsg::Close | ChannelMsg::Signal { .. }) => return,
                Some(ChannelMsg::Eof) => self.given = None,
                Some(ChannelMsg::Data { data }) if self.on_terminal && data.contains(&INTERRUPT) => return,
                Some(ChannelMsg::Data { data }) if self.on_terminal && data.contains(&END) => self.given = None,
                Some(ChannelMsg::Data { data }) => self.give(data),
                Some(_) => {}
            }
        }
    }

    fn give(&mut self, data: Bytes) {
        let Some(given) = &self.given else { return };
        if let Some(room) = self.room.checked_sub(data.len() as u64) {
            self.room = room;
            // The command may want no more.
            let _ = given.send(Ok(data));
        } else {
            let max = self.session.host.app.settings.api.body_max;
            let _ = given.send(Err(format!("it is more than {max} (setting api.body_max)")));
            self.given = None;
        }
    }
}
