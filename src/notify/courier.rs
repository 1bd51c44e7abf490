//! One target: what waits for it, one after the other, each tried until it is taken, refused for good, or given up. It works
//! while something waits, and ends.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use flexcore_engine::{
    event::{Envelope, NewEvent},
    id::{CorrelationId, EventId, Position},
    pipeline::definition::Retry,
    port::clock::between,
    retry::backoff,
    unit::Duration,
};
use jiff::Timestamp;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::{AGE_MAX, LETTERS_MAX, Office, message::Message, post::Failure};

/// The wait before the second try; it doubles with each.
const BACKOFF: Duration = Duration::from_secs(1);
/// The longest wait between two tries that a receiver did not ask for.
const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// The longest wait that a receiver may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(15 * 60);

/// Where to, and how hard to try.
#[derive(Debug, Clone)]
pub(super) struct Address {
    pub(super) url: String,
    pub(super) secret: Option<String>,
    pub(super) timeout: Duration,
    pub(super) attempts: u32,
}

/// What somebody is to be told.
pub(super) struct Letter {
    pub(super) id: EventId,
    pub(super) at: Timestamp,
    pub(super) correlation: CorrelationId,
    pub(super) body: Bytes,
    pub(super) addresses: Vec<Address>,
}

impl Letter {
    pub(super) fn new(envelope: &Envelope, message: &Message, addresses: Vec<Address>) -> Self {
        // Text and numbers, written to memory.
        let body = serde_json::to_vec(message).unwrap_or_default().into();
        let NewEvent { id, at, correlation, .. } = envelope.event;
        Self { id, at, correlation, body, addresses }
    }
}

/// What becomes of one event.
#[derive(Clone)]
pub(super) enum Item {
    /// It is told.
    Letter(Arc<Letter>),
    /// Nobody is told, and this is why.
    Settled(&'static str),
    /// So many events came while too many others waited.
    Beyond(u64),
}

/// What waits, oldest first: at most [`LETTERS_MAX`], and one that stands for all beyond.
#[derive(Default)]
struct Line {
    items: VecDeque<(Position, Item)>,
    is_over: bool,
}

impl Line {
    fn take(&mut self, position: Position, item: Item) {
        if self.items.len() < LETTERS_MAX {
            return self.items.push_back((position, item));
        }
        match self.items.back_mut() {
            Some((last, Item::Beyond(count))) => (*last, *count) = (position, *count + 1),
            _ => self.items.push_back((position, Item::Beyond(1))),
        }
    }

    /// What is to be done now. When there is nothing, it is over for good: somebody else begins anew.
    fn first(&mut self) -> Option<(Position, Item)> {
        let first = self.items.front().cloned();
        self.is_over = first.is_none();
        first
    }
}

/// The handle of its task, which ends with it.
pub(super) struct Courier {
    line: Arc<Mutex<Line>>,
    task: AbortOnDropHandle<()>,
}

impl Courier {
    /// Begins with something to do.
    pub(super) fn begin(office: Arc<Office>, target: &str, position: Position, item: Item) -> Self {
        let mut line = Line::default();
        line.take(position, item);
        let line = Arc::new(Mutex::new(line));
        let round = Round { office, target: target.to_owned(), line: line.clone() };
        Self { line, task: AbortOnDropHandle::new(tokio::spawn(round.run())) }
    }

    /// One more. `Err`: it has ended, with everything done.
    pub(super) fn take(&self, position: Position, item: Item) -> Result<(), Item> {
        let mut line = locked(&self.line);
        if line.is_over {
            return Err(item);
        }
        line.take(position, item);
        Ok(())
    }

    /// Whether it has ended, with everything done.
    pub(super) fn is_over(&self) -> bool {
        locked(&self.line).is_over
    }

    /// Gives up what waits; nothing comes of it any more when this returns.
    pub(super) async fn end(self) {
        self.task.abort();
        // That it was stopped is what was asked for.
        let _ = self.task.await;
    }
}

fn locked(line: &Mutex<Line>) -> MutexGuard<'_, Line> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The task.
struct Round {
    office: Arc<Office>,
    target: String,
    line: Arc<Mutex<Line>>,
}

impl Round {
    async fn run(self) {
        loop {
            let Some((position, item)) = locked(&self.line).first() else { return };
            let outcome = match item {
                Item::Letter(letter) => self.told(&letter).await,
                Item::Settled(outcome) => outcome.to_owned(),
                Item::Beyond(count) => {
                    format!("given up: {LETTERS_MAX} others waited when this and {} before it came", count - 1)
                }
            };
            self.office.record(&self.target, position, &outcome).await;
            locked(&self.line).items.pop_front();
        }
    }

    async fn told(&self, letter: &Letter) -> String {
        let span =
            tracing::info_span!("notification", target_name = self.target, event = %letter.id, correlation = %letter.correlation);
        self.delivered(letter).instrument(span).await
    }

    async fn delivered(&self, letter: &Letter) -> String {
        let mut outcome = "delivered".to_owned();
        for address in &letter.addresses {
            if let Err(why) = self.deliver(letter, address).await {
                tracing::warn!("a notification was given up: {why}");
                outcome = format!("given up: {why}");
            }
        }
        outcome
    }

    async fn deliver(&self, letter: &Letter, address: &Address) -> Result<(), String> {
        let clock = self.office.engine.clock();
        let mut tries = 0;
        loop {
            if between(letter.at, clock.now()) > AGE_MAX.0 {
                return Err(format!("it is older than {AGE_MAX}"));
            }
            tries += 1;
            match self.office.post(letter, address).await {
                Ok(()) => return Ok(()),
                Err(Failure { why, again: false, .. }) => return Err(why),
                Err(Failure { why, .. }) if tries >= address.attempts => return Err(format!("{why}, {tries} tries")),
                Err(Failure { why, wait, .. }) => {
                    let wait = wait.unwrap_or_default().min(RETRY_AFTER_MAX.0).max(pause(letter, tries));
                    tracing::warn!(tries, "not taken: {why}; again in {wait:.0?}");
                    clock.sleep(wait).await;
                }
            }
        }
    }
}

/// The end of a random id is as good a die as any.
fn pause(letter: &Letter, tries: u32) -> std::time::Duration {
    let retry = Retry { attempts: 0, backoff: BACKOFF, factor: 2.0, max: BACKOFF_MAX, jitter: 0.2 };
    let random = f64::from(letter.id.0.as_u64_pair().1 as u32) / f64::from(u32::MAX);
    backoff(&retry, tries, random)
}
