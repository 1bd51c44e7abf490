//! Events of a running engine: those that are there, and with `--follow` those that come. A line that breaks is taken up
//! again behind the last event that was printed, as often as it takes.

use std::{
    io::{self, Write},
    time::Duration,
};

use flexcore_engine::{event::Envelope, id::Position, moment::Moment, port::store::READ_EVENTS_MAX};
use jiff::Zoned;
use reqwest::Method;
use serde::Deserialize;

use super::{EventsArgs, print};
use crate::{
    cli::{DONE, complain, remote::TargetArgs, say, told, unable},
    client::{Client, ClientError, part},
    http::wire::events::{EventBody, EventPage},
};

/// The wait before a line is taken up again, and the longest; it doubles with each try.
const AGAIN_AFTER: Duration = Duration::from_millis(250);
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(10);
/// The longest line of a stream: an event is far below it.
const LINE_BYTES_MAX: usize = 8 << 20;

/// Prints. Exit code: 0 done, 1 the engine refused, 2 asked wrongly or nobody to ask.
pub(super) fn run(args: &EventsArgs, target: &TargetArgs, out: &mut dyn Write) -> io::Result<i32> {
    let now = Zoned::now();
    let moment = |flag: &str, text: &Option<String>| {
        let parsed = text.as_ref().map(|text| Moment::parse(text, &now)).transpose();
        parsed.map_err(|error| format!("--{flag}: {error}"))
    };
    let (since, until) = match moment("since", &args.since).and_then(|since| Ok((since, moment("until", &args.until)?))) {
        Ok(moments) => moments,
        Err(wrong) => return Ok(complain(&wrong)),
    };
    let client = match target.client() {
        Ok(client) => client,
        Err(error) => return Ok(complain(&told(&error))),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut reader = Reader { args, target, client, seen: 0, until, out };
    match runtime.block_on(reader.read(since)) {
        Ok(()) => Ok(DONE),
        Err(Stopped::Unwritten(error)) => Err(error),
        Err(Stopped::Unasked(error @ (ClientError::NotFound(_) | ClientError::Unreachable { .. }))) => {
            Ok(complain(&told(&error)))
        }
        Err(Stopped::Unasked(error)) => Ok(unable(&error)),
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
struct Head {
    position: u64,
}

struct Reader<'a> {
    args: &'a EventsArgs,
    target: &'a TargetArgs,
    client: Client,
    /// Everything up to here is printed.
    seen: u64,
    until: Option<Moment>,
    out: &'a mut dyn Write,
}

impl Reader<'_> {
    async fn read(&mut self, since: Option<Moment>) -> Result<(), Stopped> {
        let head: Head = self.client.read(Method::GET, "/info", None).await?;
        let from = match (&since, self.args.max) {
            (None, None) if self.args.follow => Some(head.position),
            (_, Some(max)) => Some(self.newest(max, head.position).await?),
            _ => None,
        };
        if self.there(since, from).await? && self.args.follow {
            self.out.flush()?;
            return self.follow().await;
        }
        Ok(())
    }

    fn filter(&self) -> String {
        let stream = self.args.stream.as_ref().map(|stream| format!("&stream={}", part(stream))).unwrap_or_default();
        let types = self.args.types.join(",");
        if types.is_empty() { stream } else { format!("{stream}&type={}", part(&types)) }
    }

    /// Behind which position the newest `max` begin.
    async fn newest(&self, max: usize, head: u64) -> Result<u64, ClientError> {
        let (mut before, mut left, mut first) = (head + 1, max, head);
        while left > 0 {
            let path = format!("/events?before={before}&limit={}{}", left.min(READ_EVENTS_MAX), self.filter());
            let page: EventPage = self.client.read(Method::GET, &path, None).await?;
            left = left.saturating_sub(page.items.len());
            first = page.items.first().map_or(first, |event| event.position.saturating_sub(1));
            match page.next {
                Some(next) if next < before => before = next,
                _ => break,
            }
        }
        Ok(first)
    }

    /// Prints what is there already; whether the end was not reached by then.
    async fn there(&mut self, since: Option<Moment>, from: Option<u64>) -> Result<bool, Stopped> {
        let mut place = match (since, from) {
            (Some(Moment::Position(position)), from) => {
                Some(format!("after={}", position.0.saturating_sub(1).max(from.unwrap_or_default())))
            }
            (Some(Moment::At(at)), None) => Some(format!("since={at}")),
            (_, Some(from)) => Some(format!("after={from}")),
            (None, None) => None,
        };
        loop {
            let place_now = place.map(|place| format!("&{place}")).unwrap_or_default();
            let path = format!("/events?limit={READ_EVENTS_MAX}{place_now}{}", self.filter());
            let page: EventPage = self.client.read(Method::GET, &path, None).await?;
            for event in page.items {
                if let (Some(Moment::At(at)), Some(_)) = (since, from)
                    && event.at < at
                {
                    continue;
                }
                if !self.one(event)? {
                    return Ok(false);
                }
            }
            self.seen = self.seen.max(page.next.unwrap_or_default());
            if self.seen >= page.head {
                return Ok(true);
            }
            place = Some(format!("after={}", self.seen));
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
            Ok(envelope) => print(&envelope, self.args.json, self.out)?,
            Err(odd) => say(&odd.to_string()),
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
                        say(&format!("{}; trying again", told(&error)));
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
        let Ok(client) = self.target.client() else { return };
        let Ok(head) = client.read::<Head>(Method::GET, "/info", None).await else { return };
        if head.position < self.seen {
            say("the engine has begun anew, with an empty log");
            self.seen = 0;
        }
        self.client = client;
    }

    async fn stream(&mut self) -> Result<(), Stopped> {
        let path = format!("/events/stream?after={}{}", self.seen, self.filter());
        let mut response = self.client.ask(Method::GET, &path, None).await?;
        let mut lines = Lines::default();
        loop {
            let chunk = response.chunk().await.map_err(|error| self.client.unreachable(error))?;
            let Some(chunk) = chunk else { return Err(self.client.closed().into()) };
            for line in lines.take(&chunk).map_err(|why| self.client.odd(why))? {
                match line {
                    Line::Event(text) => {
                        let event = serde_json::from_slice(&text).map_err(|error| self.client.odd(error.to_string()))?;
                        if !self.one(event)? {
                            return Ok(());
                        }
                    }
                    Line::Gap(text) => say(&format!("retention dropped events before they were read here: {text}")),
                    Line::Id(position) => self.seen = self.seen.max(position),
                }
            }
            self.out.flush()?;
        }
    }
}

/// Whether asking again is of no use. An engine that stops refuses, and the next one does not.
fn is_final(error: &ClientError) -> bool {
    match error {
        ClientError::Refused(problem) => problem.status < 500,
        ClientError::Odd { .. } => true,
        ClientError::NotFound(_) | ClientError::Unreachable { .. } => false,
    }
}

/// What a stream of server-sent events says.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Event(Vec<u8>),
    Gap(String),
    /// Everything up to here was looked at.
    Id(u64),
}

/// Cuts a stream into what it says. The server writes a message's data as one line.
#[derive(Default)]
struct Lines {
    begun: Vec<u8>,
    is_gap: bool,
    id: Option<u64>,
}

impl Lines {
    fn take(&mut self, chunk: &[u8]) -> Result<Vec<Line>, String> {
        self.begun.extend_from_slice(chunk);
        let mut said = Vec::new();
        let mut from = 0;
        while let Some(length) = memchr::memchr(b'\n', &self.begun[from..]) {
            let line = &self.begun[from..from + length];
            from += length + 1;
            if let Some(id) = line.strip_prefix(b"id: ") {
                self.id = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok());
            } else if line == b"event: gap" {
                self.is_gap = true;
            } else if let Some(data) = line.strip_prefix(b"data: ") {
                said.push(if self.is_gap {
                    Line::Gap(String::from_utf8_lossy(data).into_owned())
                } else {
                    Line::Event(data.to_vec())
                });
            } else if line.is_empty() {
                self.is_gap = false;
                said.extend(self.id.take().map(Line::Id));
            }
        }
        self.begun.drain(..from);
        if self.begun.len() > LINE_BYTES_MAX { Err(format!("a line of more than {LINE_BYTES_MAX} bytes")) } else { Ok(said) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_understood_however_it_is_cut() {
        let text = b"id: 7\ndata: {\"a\":1}\n\nid: 9\n: alive\n\nid: 12\nevent: gap\ndata: {}\n\nid: 13\ndata: {}\n\n";
        let event = |text: &str| Line::Event(text.as_bytes().to_vec());
        let whole =
            [event("{\"a\":1}"), Line::Id(7), Line::Id(9), Line::Gap("{}".into()), Line::Id(12), event("{}"), Line::Id(13)];
        for size in 1..text.len() {
            let mut lines = Lines::default();
            let said: Vec<Line> = text.chunks(size).flat_map(|chunk| lines.take(chunk).unwrap()).collect();
            assert_eq!(said, whole, "in pieces of {size}");
        }
    }
}
