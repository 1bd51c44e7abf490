//! Events of a running engine: those that are there, and with `--follow` those that come. A line that breaks is taken up
//! again behind the last event that was printed, as often as it takes.

use std::{io, time::Duration};

use flexcore_engine::{event::Envelope, id::Position, moment::Moment, port::store::READ_EVENTS_MAX};
use jiff::{Timestamp, Zoned};
use reqwest::Method;
use serde::{Deserialize, de::DeserializeOwned};

use super::{EventsArgs, after, no_longer_kept, print};
use crate::{
    cli::{
        DONE,
        stage::{Stage, Whom},
        told,
    },
    client::{
        Client, ClientError, part,
        said::{Begun, Said},
    },
    http::wire::events::{EventBody, EventPage},
};

/// The wait before a line is taken up again, and the longest; it doubles with each try.
const AGAIN_AFTER: Duration = Duration::from_millis(250);
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(10);
/// The longest line of a stream: an event is far below it.
const LINE_BYTES_MAX: usize = 8 << 20;
/// How often a question is asked that the engine has no time for now.
const TRIES_MAX: u32 = 6;

/// Prints. Exit code: 0 done, 1 the engine refused, 2 asked wrongly or nobody to ask.
pub(super) fn run(args: &EventsArgs, stage: &mut Stage<'_>) -> io::Result<i32> {
    let now = Zoned::now();
    let moment = |flag: &str, text: &Option<String>| {
        let parsed = text.as_ref().map(|text| Moment::parse(text, &now)).transpose();
        parsed.map_err(|error| format!("--{flag}: {error}"))
    };
    let (since, until) = match moment("since", &args.since).and_then(|since| Ok((since, moment("until", &args.until)?))) {
        Ok(moments) => moments,
        Err(wrong) => return Ok(stage.complain(&wrong)),
    };
    let whom = stage.whom.clone();
    let client = match whom.client(&args.target) {
        Ok(client) => client,
        Err(error) => return Ok(stage.unasked(&error)),
    };
    let mut reader = Reader { args, whom: &whom, client, seen: 0, until, stage };
    match whom.block_on(reader.read(since))? {
        Ok(()) => stage.out.flush().map(|()| DONE),
        Err(Stopped::Unwritten(error)) => Err(error),
        Err(Stopped::Unasked(error)) => Ok(stage.unasked(&error)),
    }
}

enum Stopped {
    Unasked(ClientError),
    Unwritten(io::Error),
}

impl From<ClientError> for Stopped {
    fn from(error: ClientError) -> Self {
        Self::Unasked(error)
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Unwritten(error)
    }
}

/// Who is asked, as far as it matters here.
#[derive(Deserialize)]
struct Log {
    position: u64,
    oldest: u64,
}

struct Reader<'a, 's> {
    args: &'a EventsArgs,
    whom: &'a Whom,
    client: Client,
    /// Everything up to here is printed.
    seen: u64,
    until: Option<Moment>,
    stage: &'a mut Stage<'s>,
}

impl Reader<'_, '_> {
    async fn read(&mut self, since: Option<Moment>) -> Result<(), Stopped> {
        let log: Log = self.asked("/info").await?;
        let first = match since {
            None if self.args.follow && self.args.max.is_none() => log.position + 1,
            None => log.oldest,
            Some(Moment::Position(position)) => position.0,
            Some(Moment::At(at)) => self.first_since(at, &log).await?,
        };
        let first = match self.args.max {
            None => first,
            Some(max) => {
                let end = match self.until {
                    None => log.position + 1,
                    Some(Moment::Position(until)) => until.0.saturating_add(1).min(log.position + 1),
                    Some(Moment::At(until)) => self.first_since(after(until), &log).await?,
                };
                if !self.args.follow {
                    // What comes meanwhile would be more than was asked for.
                    self.until = Some(Moment::Position(Position(end.saturating_sub(1))));
                }
                self.newest(max, first, end).await?
            }
        };
        if first.max(1) < log.oldest {
            self.stage.say(&no_longer_kept(Position(log.oldest)));
        }
        self.seen = first.max(log.oldest).saturating_sub(1);
        if self.there().await? && self.args.follow {
            self.stage.out.flush()?;
            return self.follow().await;
        }
        Ok(())
    }

    /// Asks; when the engine has no time now, a few times.
    async fn asked<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let mut wait = AGAIN_AFTER;
        for _ in 1..TRIES_MAX {
            match self.client.read(Method::GET, path, None).await {
                Err(ClientError::Refused(problem)) if is_busy(problem.status) => tokio::time::sleep(wait).await,
                answer => return answer,
            }
            wait *= 2;
        }
        self.client.read(Method::GET, path, None).await
    }

    fn filter(&self) -> String {
        let stream = self.args.stream.as_ref().map(|stream| format!("&stream={}", part(stream))).unwrap_or_default();
        let types = self.args.types.join(",");
        if types.is_empty() { stream } else { format!("{stream}&type={}", part(&types)) }
    }

    /// The position of the first event at or after a moment; that after the newest when there is none.
    async fn first_since(&self, at: Timestamp, log: &Log) -> Result<u64, ClientError> {
        let page: EventPage = self.asked(&format!("/events?since={at}&limit=1")).await?;
        Ok(page.items.first().map_or(log.position + 1, |event| event.position))
    }

    /// Where the newest `max` before an end begin.
    async fn newest(&self, max: usize, first: u64, end: u64) -> Result<u64, ClientError> {
        let (mut begin, mut left) = (end, max);
        while left > 0 && begin > first {
            let path = format!("/events?before={begin}&limit={}{}", left.min(READ_EVENTS_MAX), self.filter());
            let page: EventPage = self.asked(&path).await?;
            left = left.saturating_sub(page.items.len());
            begin = match (page.items.first(), page.next) {
                (Some(oldest), _) if left == 0 => oldest.position,
                (_, Some(next)) if next < begin => next,
                // It has been looked through to its beginning.
                _ => first,
            };
        }
        Ok(begin.max(first))
    }

    /// Prints what is there already; whether the end was not reached by then.
    async fn there(&mut self) -> Result<bool, Stopped> {
        loop {
            let path = format!("/events?limit={READ_EVENTS_MAX}&after={}{}", self.seen, self.filter());
            let page: EventPage = match self.asked(&path).await {
                // Retention was faster than this.
                Err(ClientError::Refused(problem)) if problem.status == GONE => {
                    let log: Log = self.asked("/info").await?;
                    self.stage.say(&format!(
                        "events from {} to {} were dropped before they were read here",
                        self.seen + 1,
                        log.oldest - 1
                    ));
                    self.seen = log.oldest.saturating_sub(1).max(self.seen);
                    continue;
                }
                page => page?,
            };
            for event in page.items {
                if !self.one(event)? {
                    return Ok(false);
                }
            }
            self.seen = self.seen.max(page.next.unwrap_or_default());
            if self.seen >= page.head {
                return Ok(true);
            }
        }
    }

    /// Prints one; `false` when it is beyond what is asked for.
    fn one(&mut self, event: EventBody) -> Result<bool, Stopped> {
        let position = event.position;
        let beyond = match self.until {
            None => false,
            Some(Moment::Position(until)) => Position(position) > until,
            Some(Moment::At(until)) => event.at > until,
        };
        if beyond {
            return Ok(false);
        }
        match Envelope::try_from(event) {
            Ok(envelope) => print(&envelope, self.args.json, self.stage.out)?,
            Err(odd) => self.stage.say(&odd.to_string()),
        }
        self.seen = self.seen.max(position);
        Ok(true)
    }

    /// Prints what comes, until somebody ends it.
    async fn follow(&mut self) -> Result<(), Stopped> {
        let mut wait = AGAIN_AFTER;
        loop {
            let before = self.seen;
            match self.stream().await {
                Ok(()) => return Ok(()),
                Err(Stopped::Unasked(error)) if is_final(&error) => return Err(error.into()),
                Err(Stopped::Unwritten(error)) => return Err(error.into()),
                Err(Stopped::Unasked(error)) => {
                    if self.seen > before {
                        wait = AGAIN_AFTER;
                    }
                    if wait == AGAIN_AFTER {
                        self.stage.say(&format!("{}; trying again", told(&error)));
                    }
                }
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(AGAIN_AFTER_MAX);
            self.again().await;
        }
    }

    /// Finds the engine again, which may be another process by now, at another socket. One whose log is in memory begins
    /// anew, and so does this then.
    async fn again(&mut self) {
        let Ok(client) = self.whom.client(&self.args.target) else { return };
        let Ok(head) = client.read::<Log>(Method::GET, "/info", None).await else { return };
        if head.position < self.seen {
            self.stage.say("the engine has begun anew, with an empty log");
            self.seen = 0;
        }
        self.client = client;
    }

    async fn stream(&mut self) -> Result<(), Stopped> {
        let path = format!("/events/stream?after={}{}", self.seen, self.filter());
        let mut response = self.client.ask(Method::GET, &path, None).await?;
        let (mut begun, mut bytes) = (Begun::default(), Vec::new());
        loop {
            let chunk = response.chunk().await.map_err(|error| self.client.unreachable(error))?;
            let Some(chunk) = chunk else { return Err(self.client.closed().into()) };
            bytes.extend_from_slice(&chunk);
            for said in begun.take(&mut bytes) {
                match said {
                    Said::Data(text) => {
                        let event = serde_json::from_slice(&text).map_err(|error| self.client.odd(error.to_string()))?;
                        if !self.one(event)? {
                            return Ok(());
                        }
                    }
                    Said::Gap(text) => {
                        let text = String::from_utf8_lossy(&text);
                        self.stage.say(&format!("retention dropped events before they were read here: {text}"));
                    }
                    Said::Id(position) => self.seen = self.seen.max(position),
                }
            }
            if bytes.len() > LINE_BYTES_MAX {
                return Err(self.client.odd(format!("a line of more than {LINE_BYTES_MAX} bytes")).into());
            }
            self.stage.out.flush()?;
        }
    }
}

/// The status of what retention has dropped.
const GONE: u16 = 410;

/// Whether an engine has no time for a request now.
fn is_busy(status: u16) -> bool {
    matches!(status, 408 | 429 | 503)
}

/// Whether asking again is of no use. An engine that stops refuses, and the next one does not.
fn is_final(error: &ClientError) -> bool {
    match error {
        ClientError::Refused(problem) => problem.status < 500 && !is_busy(problem.status),
        ClientError::Odd { .. } => true,
        ClientError::NotFound(_) | ClientError::Unreachable { .. } => false,
    }
}
