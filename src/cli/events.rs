//! `flexcore events`: what happened. Of a running engine, where it can be followed; or from the files of a data directory,
//! which are read as they are, with no lock and no change, so that works while an engine writes to them and when none is
//! able to.

#[cfg(feature = "listener")]
mod running;

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::Args;
use flexcore_engine::{
    event::Envelope,
    id::Position,
    moment::{Moment, first_since},
    port::store::{Filter, READ_EVENTS_MAX, ReadError, Store},
    projection::describe::describe,
};
use flexcore_ui::widget::safe_text::safe;
use jiff::{Timestamp, Zoned};

use super::{DONE, complain, say, settings::SettingArgs, unable};
use crate::{compose, data_dir, event_json::EventJson};

/// What happened, from a running engine or from the files of a data directory.
///
/// A directory can be read while an engine has it open, and when none runs. A MOMENT is written like -15m, 03:07, 2026-11-22, "2026-11-22 03:07",
/// RFC 3339, or as a position.
#[derive(Debug, Args)]
pub struct EventsArgs {
    /// A data directory [default: the setting `data`, else the running engine]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    #[cfg(feature = "listener")]
    #[command(flatten)]
    target: super::remote::TargetArgs,
    /// Of a running engine: go on with what comes, and take a broken line up again
    #[cfg(feature = "listener")]
    #[arg(long, short = 'f', conflicts_with = "folder")]
    follow: bool,
    /// Only what happened since this moment
    #[arg(long, value_name = "MOMENT", allow_hyphen_values = true)]
    since: Option<String>,
    /// Only what happened until this moment
    #[arg(long, value_name = "MOMENT", allow_hyphen_values = true)]
    until: Option<String>,
    /// Only streams that begin so, like `pipeline/quakes` or `run/`
    #[arg(long, value_name = "STREAM")]
    stream: Option<String>,
    /// Only events of this type, like `run.failed`; may be given several times
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only the newest N of these
    #[arg(long, value_name = "N")]
    max: Option<usize>,
    /// One JSON object a line, with the data of each event
    #[arg(long)]
    json: bool,
}

/// Prints the events. Exit code: 0 done (also when there are none), 1 the log cannot be read, 2 asked wrongly.
pub fn run(args: &EventsArgs, settings: &SettingArgs, out: &mut dyn Write) -> io::Result<i32> {
    #[cfg(feature = "listener")]
    if args.folder.is_none() {
        let keeps = settings.settings().map(|settings| settings.data.is_some());
        if args.follow || args.target.is_meant() || keeps.is_ok_and(|keeps| !keeps) {
            return super::stage::own(|stage| running::run(args, stage));
        }
    }
    let folder = match settings.data_dir(args.folder.as_deref()) {
        Ok(folder) => folder,
        Err(wrong) => return Ok(complain(&wrong)),
    };
    let asked = match Asked::of(args, &Zoned::now()) {
        Ok(asked) => asked,
        Err(wrong) => return Ok(complain(&wrong)),
    };
    if let Err(error) = data_dir::recognise(&folder) {
        return Ok(complain(&error.to_string()));
    }
    let log = match compose::look_at_log(&folder) {
        Ok(log) => log,
        Err(error) => return Ok(unable(&error)),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    match runtime.block_on(asked.print(&*log, args.json, out)) {
        Ok(()) => Ok(DONE),
        Err(Stopped::Unread(error)) => Ok(unable(&error)),
        Err(Stopped::Unwritten(error)) => Err(error),
    }
}

/// Those of the engine that a session came to.
#[cfg(feature = "ssh")]
pub(super) fn ask(args: &EventsArgs, stage: &mut super::stage::Stage<'_>) -> io::Result<i32> {
    if args.folder.is_some() {
        return Ok(stage.complain("a directory would be one of the engine's machine: a session asks the engine itself"));
    }
    running::run(args, stage)
}

/// Which events are asked for.
struct Asked {
    since: Option<Moment>,
    until: Option<Moment>,
    filter: Filter,
    max: Option<usize>,
}

enum Stopped {
    Unread(ReadError),
    Unwritten(io::Error),
}

impl From<ReadError> for Stopped {
    fn from(error: ReadError) -> Self {
        Self::Unread(error)
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Unwritten(error)
    }
}

impl Asked {
    fn of(args: &EventsArgs, now: &Zoned) -> Result<Self, String> {
        let moment = |flag: &str, text: &Option<String>| {
            let parsed = text.as_ref().map(|text| Moment::parse(text, now)).transpose();
            parsed.map_err(|error| format!("--{flag}: {error}"))
        };
        let (since, until) = (moment("since", &args.since)?, moment("until", &args.until)?);
        let filter = Filter { stream_prefix: args.stream.clone(), types: args.types.clone() };
        Ok(Self { since, until, filter, max: args.max })
    }

    async fn print(&self, log: &dyn Store, json: bool, out: &mut dyn Write) -> Result<(), Stopped> {
        let oldest = log.stats().oldest;
        let first = match self.since {
            None => oldest,
            Some(Moment::Position(position)) => {
                if position.max(Position(1)) < oldest {
                    say(&no_longer_kept(oldest));
                }
                position.max(oldest)
            }
            Some(Moment::At(at)) => first_since(log, at).await?,
        };
        let end = match self.until {
            None => log.head().next(),
            Some(Moment::Position(position)) => position.next().min(log.head().next()),
            Some(Moment::At(at)) => first_since(log, after(at)).await?,
        };
        let first = match self.max {
            None => first,
            Some(max) => self.newest(log, first, end, max).await?,
        };
        self.forward(log, first, end, json, out).await
    }

    /// Where the newest `max` before an end begin.
    async fn newest(&self, log: &dyn Store, first: Position, end: Position, max: usize) -> Result<Position, ReadError> {
        let (mut begin, mut left) = (end, max);
        while left > 0 && begin > first {
            let page = log.read_back(begin, &self.filter, left).await?;
            left = left.saturating_sub(page.events.len());
            begin = page.seen;
        }
        Ok(begin.max(first))
    }

    async fn forward(
        &self,
        log: &dyn Store,
        first: Position,
        end: Position,
        json: bool,
        out: &mut dyn Write,
    ) -> Result<(), Stopped> {
        let mut seen = Position(first.0.saturating_sub(1));
        while seen.next() < end {
            let page = log.read(seen, &self.filter, READ_EVENTS_MAX).await?;
            for envelope in page.events.iter().take_while(|envelope| envelope.position < end) {
                print(envelope, json, out)?;
            }
            if page.seen == seen {
                return Ok(());
            }
            seen = page.seen;
        }
        Ok(())
    }
}

fn no_longer_kept(oldest: Position) -> String {
    format!("events before {oldest} are no longer kept")
}

/// The first moment after one.
fn after(at: Timestamp) -> Timestamp {
    at.checked_add(std::time::Duration::from_nanos(1)).unwrap_or(Timestamp::MAX)
}

fn print(envelope: &Envelope, json: bool, out: &mut dyn Write) -> io::Result<()> {
    if json { as_json(envelope, out) } else { as_text(envelope, out) }
}

fn as_json(envelope: &Envelope, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &EventJson::from(envelope))?;
    writeln!(out)
}

/// Time, position, stream, type, actor, and what it says.
fn as_text(envelope: &Envelope, out: &mut dyn Write) -> io::Result<()> {
    let Envelope { position, stream, event, .. } = envelope;
    let at = event.at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
    let (stream, kind, actor) = (safe(stream.as_str()), safe(event.kind.as_str()), event.actor.to_string());
    writeln!(out, "{at}  {position:>7}  {stream}  {kind}  {}  {}", safe(&actor), safe(&describe(envelope).text))
}
