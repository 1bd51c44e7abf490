//! What callers do to queues, said so that it can be done to queues in memory as well: these are the model of all others.

use std::{fmt::Debug, sync::Arc};

use bytes::Bytes;

use crate::{
    id::{MessageId, QueueName},
    port::queue::{
        NewDeadLetter, NewMessage, Origin, Peek, PeekedMessage, QueueError, QueueLimits, QueueStats, Queues, Receipt, Sent,
    },
    queue::MemoryQueues,
    testing::clock::ManualClock,
    unit::Duration,
};

/// One call; choices are taken modulo what there is.
#[derive(Debug, Clone)]
pub(super) enum Deed {
    Declare { attempts_max: u32 },
    Send { count: usize, bytes: usize, priority: u8, delay: u64, ttl: Option<u64>, key: Option<u8> },
    Receive { max: usize, lease: u64 },
    Ack(usize),
    Nack(usize, Option<u64>),
    Release(usize, u64),
    Extend(usize, u64),
    Bury(usize),
    Edit(usize),
    Redrive(Option<usize>),
    Take(Option<usize>),
    Purge { dead: bool },
    Pass(u64),
}

/// What a caller was told, without the ids, which no two queues share.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    Done(u64),
    Bodies(Vec<Bytes>),
    Refused(&'static str),
}

/// A caller, and all it remembers.
pub(super) struct Caller {
    pub(super) queues: Arc<dyn Queues>,
    clock: ManualClock,
    /// Bodies so far: no two are the same.
    bodies: u64,
    /// All that ever were.
    receipts: Vec<Receipt>,
}

pub(super) fn q() -> QueueName {
    QueueName::new("q").unwrap()
}

/// What a queue is like, in words that do not tell who keeps it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    messages: Vec<PeekedMessage>,
    stats: Option<QueueStats>,
}

impl Caller {
    pub(super) fn new(queues: Arc<dyn Queues>, clock: &ManualClock) -> Self {
        Self { queues, clock: clock.clone(), bodies: 0, receipts: Vec::new() }
    }

    /// Who calls queues in memory.
    pub(super) fn of_memory(clock: &ManualClock) -> Self {
        Self::new(Arc::new(MemoryQueues::new(clock.shared())), clock)
    }

    pub(super) async fn act(&mut self, deed: &Deed) -> Answer {
        match self.call(deed).await {
            Ok(answer) => answer,
            Err(QueueError::Unavailable { .. }) => Answer::Refused("unavailable"),
            Err(QueueError::Stale { .. }) => Answer::Refused("stale"),
            Err(QueueError::Unknown { .. }) => Answer::Refused("unknown"),
            Err(QueueError::Full { .. }) => Answer::Refused("full"),
            Err(QueueError::Unfit { .. }) => Answer::Refused("unfit"),
        }
    }

    async fn call(&mut self, deed: &Deed) -> Result<Answer, QueueError> {
        let (queues, seconds) = (self.queues.clone(), Duration::from_secs);
        let done = |()| Answer::Done(0);
        match *deed {
            Deed::Declare { attempts_max } => {
                let limits = QueueLimits { attempts_max, dedup_window: seconds(20), ..QueueLimits::default() };
                queues.declare(&q(), limits).await.map(done)
            }
            Deed::Send { count, bytes, priority, delay, ttl, key } => {
                let new = |body| NewMessage {
                    body,
                    priority,
                    delay: seconds(delay),
                    ttl: ttl.map(seconds),
                    dedup_key: key.map(|key| key.to_string()),
                };
                let messages = (0..count).map(|_| new(self.body(bytes))).collect();
                let sent = queues.send(&q(), messages).await?;
                Ok(Answer::Done(sent.iter().filter(|sent| matches!(sent, Sent::Accepted(_))).count() as u64))
            }
            Deed::Receive { max, lease } => {
                let leased = queues.receive(&q(), max, seconds(lease), "w").await?;
                self.receipts.extend(leased.iter().map(|leased| leased.receipt));
                Ok(Answer::Bodies(leased.into_iter().map(|leased| leased.body).collect()))
            }
            Deed::Ack(at) => match self.receipt(at) {
                Some(receipt) => queues.ack(&q(), &[receipt]).await.map(done),
                None => Ok(done(())),
            },
            Deed::Nack(at, delay) => match self.receipt(at) {
                Some(receipt) => queues.nack(&q(), receipt, delay.map(seconds), "no").await.map(done),
                None => Ok(done(())),
            },
            Deed::Release(at, delay) => match self.receipt(at) {
                Some(receipt) => queues.release(&q(), receipt, seconds(delay)).await.map(done),
                None => Ok(done(())),
            },
            Deed::Extend(at, lease) => match self.receipt(at) {
                Some(receipt) => queues.extend(&q(), receipt, seconds(lease)).await.map(|_| done(())),
                None => Ok(done(())),
            },
            _ => self.call_about_letters(deed).await,
        }
    }

    async fn call_about_letters(&mut self, deed: &Deed) -> Result<Answer, QueueError> {
        let queues = self.queues.clone();
        match *deed {
            Deed::Bury(count) => {
                let letter = |body| NewDeadLetter { body, error: "it has no id".into(), origin: origin() };
                let letters = (0..count).map(|_| letter(self.body(40))).collect();
                queues.bury(&q(), letters).await.map(|ids| Answer::Done(ids.len() as u64))
            }
            Deed::Edit(at) => {
                let body = self.body(30);
                match self.letters(Some(at)).await.first() {
                    Some(letter) => queues.edit_dead(&q(), *letter, body).await.map(|()| Answer::Done(1)),
                    None => Ok(Answer::Done(0)),
                }
            }
            Deed::Redrive(which) => queues.redrive(&q(), &self.letters(which).await).await.map(Answer::Done),
            Deed::Take(which) => {
                let taken = queues.take_dead(&q(), &self.letters(which).await).await?;
                Ok(Answer::Bodies(taken.into_iter().map(|letter| letter.body).collect()))
            }
            Deed::Purge { dead } => queues.purge(&q(), dead).await.map(Answer::Done),
            Deed::Pass(seconds) => {
                self.clock.advance(std::time::Duration::from_secs(seconds));
                Ok(Answer::Done(0))
            }
            _ => unreachable!("all others are calls about messages"),
        }
    }

    fn body(&mut self, bytes: usize) -> Bytes {
        self.bodies += 1;
        format!("\"{}{}\"", self.bodies, "x".repeat(bytes)).into()
    }

    /// Of late, so that most of them are still good for something.
    fn receipt(&self, at: usize) -> Option<Receipt> {
        let late = &self.receipts[self.receipts.len().saturating_sub(8)..];
        (!late.is_empty()).then(|| late[at % late.len()])
    }

    /// None stands for all.
    async fn letters(&self, which: Option<usize>) -> Vec<MessageId> {
        let Some(at) = which else { return Vec::new() };
        let letters = self.queues.peek(&q(), Peek::Dead, 0, 1_000).await.unwrap_or_default();
        let chosen = at.checked_rem(letters.len()).map(|at| letters[at].id);
        chosen.into_iter().collect()
    }

    /// What a restart does to leases, said to queues that know of none.
    pub(super) async fn end_leases(&self) {
        for receipt in &self.receipts {
            let told = "the engine ended while `w` had it";
            drop(self.queues.nack(&q(), *receipt, Some(Duration::default()), told).await);
        }
    }

    pub(super) async fn look(&self) -> Seen {
        let mut messages = Vec::new();
        for which in [Peek::Waiting, Peek::Leased, Peek::Dead] {
            messages.extend(self.queues.peek(&q(), which, 0, 1_000).await.unwrap_or_default());
        }
        for message in &mut messages {
            message.id = MessageId(uuid::Uuid::nil());
        }
        let stats = self.queues.stats().await.unwrap().into_iter().find(|(name, _)| *name == q());
        Seen { messages, stats: stats.map(|(_, stats)| QueueStats { expired_leases_total: 0, ..stats }) }
    }
}

fn origin() -> Origin {
    let text = |text: &str| text.to_owned();
    Origin { pipeline: text("p"), run: text("r"), step: text("s"), revision: text("ab"), source: text("file a line 3") }
}

/// Queues with some of everything in several files: they come and go.
pub(super) fn busy(turns: usize) -> Vec<Deed> {
    let send = |at: usize| Deed::Send {
        count: 1 + at % 3,
        bytes: 37 * at % 260,
        priority: (at % 3) as u8,
        delay: if at.is_multiple_of(7) { 60 } else { 0 },
        ttl: None,
        key: at.is_multiple_of(5).then_some((at % 4) as u8),
    };
    let deed = |at: usize| match at % 16 {
        0 if at == 0 => Deed::Declare { attempts_max: 2 },
        0 | 3 | 7 | 11 => send(at),
        1 | 8 => Deed::Receive { max: 3, lease: 3_600 },
        2 | 4 | 9 | 12 => Deed::Ack(at),
        5 | 10 => Deed::Nack(at + 1, Some(0)),
        6 => Deed::Release(at, 0),
        13 if at.is_multiple_of(2) => Deed::Bury(2),
        13 => Deed::Take(Some(at)),
        14 if at % 32 < 16 => Deed::Edit(at),
        14 => Deed::Redrive(Some(at)),
        _ if at % 48 == 31 => Deed::Purge { dead: false },
        _ if at % 48 == 47 => Deed::Redrive(None),
        _ => Deed::Receive { max: 1, lease: 3_600 },
    };
    (0..turns).map(deed).collect()
}
