//! A console on a client's terminal: the loop of the local one, fed by a channel.

use std::{sync::Arc, time::Duration};

use flexcore_ui::{
    run::{Console, ConsoleOptions, End, Input, Ports},
    terminal::{output::Output, pace::ANSWER},
};
use jiff::tz::TimeZone;
use russh::{ChannelMsg, ChannelReadHalf};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use super::{
    host::Host,
    keys::KeyRow,
    recording::Recorder,
    session::{Ended, Out, Session, Terminal, size},
};
use crate::{
    cli::{DONE, FAILED},
    session::look,
};

/// Inputs that wait for the loop.
const INPUTS_MAX: usize = 16;
/// Never, nearly.
const FAR: Duration = Duration::from_secs(10 * 366 * 86_400);

/// Why a session ends whose key is no longer what it was.
const NOT_ANY_MORE: &str = "your key may no longer come in, or not as what it did";

/// Until the operator leaves, the client goes, or its time is over.
pub(super) async fn serve(
    session: &Session,
    terminal: Terminal,
    recorder: Option<Recorder>,
    read: ChannelReadHalf,
    write: Arc<Out>,
) -> Ended {
    let host = &session.host;
    let stalled_max = host.settings().stalled_max.0;
    let (inputs, input) = mpsc::channel(INPUTS_MAX);
    let (frames, taken) = mpsc::channel(1);
    let (mark, written) = mpsc::channel(1);
    let ports =
        Ports { input, output: Output { frames, written }, desk: None, size: terminal.size, silence_max: Some(stalled_max) };
    let link = (host.links)(session.who.name.clone(), session.who.role);
    // Dropped with this, which ends them.
    let mut carriers = JoinSet::new();
    let recorder = recorder.map(Arc::new);
    let feed = Feed { host: host.clone(), who: session.who.clone(), inputs, recorder: recorder.clone() };
    carriers.spawn(feed.run(read));
    carriers.spawn(write_frames(taken, mark, write, recorder.clone(), stalled_max));
    let end = Console::new(link, options(host, &terminal), ports).run().await;
    if let Some(recorder) = recorder {
        recorder.end().await;
    }
    match end {
        End::Left => Ended::with(DONE, ""),
        End::Closed(why) => Ended::with(FAILED, why),
    }
}

fn options(host: &Host, terminal: &Terminal) -> ConsoleOptions {
    let variable = |name: &str| terminal.variables.get(name).cloned();
    let zone = variable("TZ").and_then(|name| zone(&name)).unwrap_or_else(TimeZone::system);
    look::options(&host.app.settings, host.keymap.clone(), zone, variable)
}

/// A zone by its name; whatever else the variable may hold is not looked into.
fn zone(name: &str) -> Option<TimeZone> {
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'+'));
    is_name.then(|| TimeZone::get(name).ok()).flatten()
}

/// What comes from the client.
struct Feed {
    host: Arc<Host>,
    who: KeyRow,
    inputs: mpsc::Sender<Input>,
    recorder: Option<Arc<Recorder>>,
}

impl Feed {
    async fn run(self, mut read: ChannelReadHalf) {
        let why = self.until_closed(&mut read).await;
        // The console may have ended by itself.
        let _ = self.inputs.send(Input::Closed(why)).await;
        // Nothing may wait for somebody who reads no more.
        while read.wait().await.is_some() {}
    }

    async fn until_closed(&self, read: &mut ChannelReadHalf) -> String {
        let idle_max = Some(self.host.settings().idle_max.0).filter(|max| !max.is_zero());
        let mut key_at = Instant::now();
        // This console wakes with them anyway: no clock of its own is needed. Whatever happens brings them within half a second, and
        // a key that is pressed is looked at for itself.
        let mut figures = self.host.app.vitals();
        loop {
            let message = tokio::select! {
                message = read.wait() => message,
                () = self.host.closing.cancelled() => return "the engine stops".into(),
                () = sleep_until(key_at + idle_max.unwrap_or(FAR)) => {
                    return format!("no key was pressed for {} (setting sshd.idle_max)", self.host.settings().idle_max);
                }
                taken = figures.changed() => {
                    if taken.is_err() {
                        return "the engine stops".into();
                    }
                    if !self.host.still(&self.who) {
                        return NOT_ANY_MORE.into();
                    }
                    continue;
                }
            };
            let input = match message {
                None | Some(ChannelMsg::Close) => return "the client is gone".into(),
                Some(ChannelMsg::Eof) => return "the client sends nothing any more".into(),
                Some(ChannelMsg::Signal { signal }) => return format!("the client sent the signal {signal:?}"),
                Some(ChannelMsg::Data { data }) => {
                    if is_key(&data) {
                        if !self.host.still(&self.who) {
                            return NOT_ANY_MORE.into();
                        }
                        key_at = Instant::now();
                    }
                    Input::Bytes(data.to_vec())
                }
                Some(ChannelMsg::WindowChange { col_width, row_height, .. }) => match size(col_width, row_height) {
                    Some((columns, rows)) => {
                        if let Some(recorder) = &self.recorder {
                            recorder.resized((columns, rows)).await;
                        }
                        Input::Resize(columns, rows)
                    }
                    None => continue,
                },
                Some(_) => continue,
            };
            if self.inputs.send(input).await.is_err() {
                return "the console has ended".into();
            }
        }
    }
}

/// Whether there is more in it than a terminal's own answers.
fn is_key(mut data: &[u8]) -> bool {
    while let Some(rest) = data.strip_prefix(ANSWER) {
        data = rest;
    }
    !data.is_empty()
}

/// Frames go out one after the other; a client that does not take one in time is gone.
async fn write_frames(
    mut frames: mpsc::Receiver<Vec<u8>>,
    mark: mpsc::Sender<()>,
    write: Arc<Out>,
    recorder: Option<Arc<Recorder>>,
    stalled_max: Duration,
) {
    while let Some(frame) = frames.recv().await {
        if let Some(recorder) = &recorder {
            recorder.frame(&frame).await;
        }
        let sent = timeout(stalled_max, write.data_bytes(frame)).await;
        if !matches!(sent, Ok(Ok(()))) || mark.send(()).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_answers_by_itself_is_no_key() {
        assert!(!is_key(ANSWER) && !is_key(&[ANSWER, ANSWER].concat()));
        assert!(is_key(b"j") && is_key(&[ANSWER, b"j"].concat()) && is_key(b"\x1b[I"));
    }

    #[test]
    fn a_zone_is_a_name_and_no_path() {
        assert!(zone("Europe/Berlin").is_some());
        assert!(zone("../../etc/passwd").is_none() && zone("nowhere").is_none());
    }
}
