//! Cycles through the engine's queues, as everybody calls them: by their port.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use bytes::Bytes;
use flexcore_engine::{
    id::QueueName,
    port::{
        clock::SystemClock,
        queue::{Leased, NewMessage, QueueLimits, Queues, Receipt},
    },
    queue::MemoryQueues,
    unit::Duration,
};
use futures_util::FutureExt;

use crate::{BODY, MESSAGES};

const LEASE: Duration = Duration::from_secs(30);

struct Ours {
    queues: MemoryQueues,
    queue: QueueName,
}

impl Ours {
    fn new() -> Self {
        let ours = Self { queues: MemoryQueues::new(SystemClock::shared()), queue: QueueName::new("bench").expect("a name") };
        let limits = QueueLimits { messages_max: 1_000_000, ..QueueLimits::default() };
        ours.queues.declare(&ours.queue, limits).now_or_never().expect("memory answers at once").expect("limits are fit");
        ours
    }

    fn send(&self, messages: Vec<NewMessage>) {
        self.queues.send(&self.queue, messages).now_or_never().expect("memory answers at once").expect("there is room");
    }

    /// Receives and acks up to so many; says how many.
    fn drain(&self, max: usize) -> usize {
        let received = self.queues.receive(&self.queue, max, LEASE, "bench").now_or_never().expect("memory answers at once");
        let receipts: Vec<Receipt> = received.expect("a lease is fit").iter().map(|Leased { receipt, .. }| *receipt).collect();
        self.queues.ack(&self.queue, &receipts).now_or_never().expect("memory answers at once").expect("leases live");
        receipts.len()
    }
}

fn messages(count: usize) -> Vec<NewMessage> {
    vec![NewMessage { body: Bytes::from_static(BODY), ..NewMessage::default() }; count]
}

fn rate(count: usize, start: Instant) -> f64 {
    count as f64 / start.elapsed().as_secs_f64()
}

/// Sends, receives and acks in batches of a size.
pub(crate) fn cycle(batch: usize) -> f64 {
    let ours = Ours::new();
    let start = Instant::now();
    for _ in 0..MESSAGES / batch {
        ours.send(messages(batch));
        assert_eq!(ours.drain(batch), batch);
    }
    rate(MESSAGES, start)
}

/// The same with four priorities, while 10,000 delayed messages wait.
pub(crate) fn mixed_cycle() -> f64 {
    let ours = Ours::new();
    let late = NewMessage { delay: Duration::from_secs(86_400), ..messages(1).remove(0) };
    for _ in 0..10 {
        ours.send(vec![late.clone(); 1_000]);
    }
    let start = Instant::now();
    for _ in 0..MESSAGES / 64 {
        let mut batch = messages(64);
        for (at, message) in batch.iter_mut().enumerate() {
            message.priority = (at % 4) as u8;
        }
        ours.send(batch);
        assert_eq!(ours.drain(64), 64);
    }
    rate(MESSAGES, start)
}

/// So many threads send and so many receive, in batches of 64.
pub(crate) fn crowd(pairs: usize) -> f64 {
    let (ours, done) = (Arc::new(Ours::new()), Arc::new(AtomicUsize::new(0)));
    let share = MESSAGES / 64 / pairs;
    let total = share * pairs * 64;
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..pairs {
            scope.spawn(|| (0..share).for_each(|_| ours.send(messages(64))));
            scope.spawn(|| {
                while done.load(Ordering::Relaxed) < total {
                    let count = ours.drain(64);
                    done.fetch_add(count, Ordering::Relaxed);
                    if count == 0 {
                        thread::yield_now();
                    }
                }
            });
        }
    });
    rate(total, start)
}
