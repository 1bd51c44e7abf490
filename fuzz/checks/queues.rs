//! Recovery of the queues: whatever is in their file, opening it panics never and invents no message.

use std::{collections::HashMap, fs, path::Path, sync::LazyLock};

use bytes::Bytes;
use flexcore_engine::{
    id::{MessageId, QueueName},
    port::{
        clock::SystemClock,
        queue::{NewMessage, Peek, Queues},
    },
    queue::journal::{JournalQueues, Settings, doctor},
    unit::Duration,
};

use super::files;

type Bodies = HashMap<MessageId, Bytes>;

/// A file of queues, and every message that was ever in it.
static GOOD: LazyLock<(Vec<u8>, Bodies)> = LazyLock::new(|| {
    let folder = files::folder();
    let queues = open(folder.path()).expect("an empty folder holds queues");
    let mut bodies = Bodies::new();
    for number in 0..8 {
        send(&queues, number, 1 + number % 3);
        bodies.extend(messages(&queues));
        let lease = Duration::from_secs(600);
        let taken = wait(async { queues.receive(&name(), 1, lease, "fuzz").await }).expect("they give messages");
        let receipts: Vec<_> = taken.iter().map(|leased| leased.receipt).collect();
        if number % 2 == 0 {
            wait(async { queues.ack(&name(), &receipts).await }).expect("they take acks");
        }
    }
    drop(queues);
    (fs::read(folder.path().join(files::SEGMENT)).expect("queues have a file"), bodies)
});

fn name() -> QueueName {
    QueueName::new("fuzz").expect("that is a name")
}

fn open(folder: &Path) -> Option<JournalQueues> {
    JournalQueues::open(folder, Settings { segment_bytes: files::SEGMENT_BYTES }, SystemClock::shared()).ok()
}

fn wait<T>(asked: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime needs nothing").block_on(asked)
}

fn send(queues: &JournalQueues, number: u64, count: u64) {
    let message = |index| NewMessage {
        body: format!("{{\"n\":[{number},{index}]}}").into(),
        priority: 5,
        delay: Duration::default(),
        ttl: None,
        dedup_key: None,
    };
    let sent = wait(async { queues.send(&name(), (0..count).map(message).collect()).await });
    sent.expect("queues that were opened take messages");
}

fn messages(queues: &JournalQueues) -> Bodies {
    let mut found = Bodies::new();
    for which in [Peek::Waiting, Peek::Leased, Peek::Dead] {
        let seen = wait(async { queues.peek(&name(), which, 0, 1_000).await }).unwrap_or_default();
        found.extend(seen.into_iter().map(|message| (message.id, message.body)));
    }
    found
}

/// What is there was sent once.
fn known(found: &Bodies) {
    for (id, body) in found {
        assert_eq!(GOOD.1.get(id), Some(body), "invented: {id:?}");
    }
}

/// One input.
pub(crate) fn check(input: &[u8]) {
    let bytes = files::file(&GOOD.0, input);
    let is_damaged = input.first().is_some_and(|first| *first > 1);
    let folder = files::folder();
    files::write(folder.path(), &bytes);
    // What it says is looked at by nobody here; that it says something is the point.
    let _ = doctor::verify(folder.path()).map(|report| report.to_string());
    if let Some(queues) = open(folder.path()) {
        let before = messages(&queues);
        if is_damaged {
            known(&before);
            send(&queues, 99, 1);
            drop(queues);
            let again = open(folder.path()).expect("what was opened once can be opened again");
            assert_eq!(messages(&again).len(), before.len() + 1);
        }
    } else if doctor::repair(folder.path()).is_ok()
        && let Some(queues) = open(folder.path())
        && is_damaged
    {
        known(&messages(&queues));
    }
}
