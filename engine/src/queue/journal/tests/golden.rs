//! What was once written must always be read, and is still written the same. The bytes stand in `format-1.hex`.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    super::{contents::QueueContents, record::push},
    open,
};
use crate::{
    id::{MessageId, QueueName},
    port::queue::{MessageState, Origin, Peek, PeekedMessage, QueueLimits, Queues},
    queue::state::{dead::Letter, dedup::KeyHash, effect::Effect, message::Message},
    segment::{
        Contents, base,
        disk::Disk,
        frame::{Batch, HEADER_BYTES, Header, Purpose, seed_of},
        golden::{section, text},
        load::{Loader, base_name, segment_name},
        sim::SimDisk,
    },
    testing::clock::ManualClock,
    unit::{ByteSize, Duration},
};

const GOLDEN: &str = include_str!("format-1.hex");

fn at(seconds: i64) -> Timestamp {
    Timestamp::new(1_767_323_045 + seconds, 678_901_234).unwrap()
}

fn id(number: u128) -> MessageId {
    MessageId(Uuid::from_u128(number))
}

fn message(number: u128, expires_at: Option<Timestamp>) -> Message {
    let body = format!("{{\"n\":{number}}}").into();
    Message { id: id(number), body, priority: (number % 10) as u8, deliveries: 2, attempts: 1, sent_at: at(0), expires_at }
}

fn letter(number: u128, origin: Option<Origin>) -> Letter {
    let Message { id, body, priority, deliveries, attempts, sent_at, .. } = message(number, None);
    let (at, error, origin) = (at(5), "Zoë's address is missing".into(), origin.map(Box::new));
    Letter { id, body, priority, deliveries, attempts, sent_at, at, error, origin }
}

fn origin() -> Origin {
    let text = |text: &str| text.to_owned();
    Origin { pipeline: text("p"), run: text("r"), step: text("s"), revision: text("ab"), source: text("file a line 3") }
}

fn limits() -> QueueLimits {
    QueueLimits {
        messages_max: 7,
        bytes_max: ByteSize(8 << 10),
        body_max: ByteSize(1 << 10),
        attempts_max: 3,
        backoff: Duration::from_secs(2),
        ttl: Some(Duration::from_secs(86_400)),
        dedup_window: Duration::from_secs(600),
        dead_retain: Duration::from_secs(864_000),
        dead_bytes_max: ByteSize(9 << 10),
    }
}

/// Every effect that a segment can hold. `a` is queue 3; queue 4 comes and goes.
fn effects() -> Vec<(u32, Effect)> {
    let sent = |number, due, key| Effect::Sent { message: message(number, Some(at(9_000))), due, key };
    let of_a = vec![
        Effect::Made(QueueName::new("a").unwrap()),
        Effect::Limited(Box::new(limits())),
        sent(1, at(0), None),
        sent(2, at(7_000), Some(KeyHash::of("k"))),
        sent(3, at(0), None),
        sent(4, at(0), None),
        sent(5, at(0), None),
        sent(6, at(0), None),
        Effect::Leased { ids: vec![id(1), id(3), id(4), id(5)], by: Arc::from("worker 1") },
        Effect::Acked(vec![id(1)]),
        Effect::Returned { id: id(3), due: at(8_000), by_lease_end: true },
        Effect::Died { id: id(4), at: at(6), error: "no".into(), by_lease_end: false },
        Effect::Released { id: id(5), due: at(6_000) },
        Effect::Dropped(vec![id(6)]),
        Effect::Buried(letter(7, Some(origin()))),
        Effect::Buried(letter(8, None)),
        Effect::Buried(letter(9, None)),
        Effect::Buried(letter(10, None)),
        Effect::Redriven { ids: vec![id(8)], due: at(5_000) },
        Effect::Edited { id: id(7), body: "{\"n\":77}".into() },
        Effect::DroppedDead(vec![id(9)]),
        Effect::TakenDead(vec![id(10)]),
    ];
    let gone = [Effect::Made(QueueName::new("gone").unwrap()), Effect::Removed].map(|effect| (4, effect));
    of_a.into_iter().map(|effect| (3, effect)).chain(gone).collect()
}

fn segment(number: u64) -> Vec<u8> {
    let header = Header { purpose: Purpose::Segment, number, next: 1, created: at(0) };
    let mut bytes = header.encode(&QueueContents::FORMAT).to_vec();
    let seed = seed_of(&bytes);
    for half in effects().chunks(9) {
        let mut batch = Batch::default();
        for (queue, effect) in half {
            push(&mut batch, *queue, effect);
        }
        let offset = bytes.len() as u64;
        bytes.extend_from_slice(batch.seal(seed, offset, 1));
    }
    assert!(bytes.len() > HEADER_BYTES);
    bytes
}

/// What stands for that segment once it is gone.
fn before() -> Vec<u8> {
    let mut loader = Loader::<QueueContents>::default();
    for (queue, effect) in effects() {
        let mut batch = Batch::default();
        push(&mut batch, queue, &effect);
        let bytes = batch.seal(0, 0, 1);
        let end = 8 + u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
        loader.apply(bytes[8], &bytes[9..end]).unwrap();
    }
    let disk = SimDisk::default();
    base::write_as_of(&disk, 8, &loader.contents, at(0)).unwrap();
    disk.read(&base_name(8)).unwrap()
}

#[test]
fn it_is_written_as_it_always_was() {
    let text = text([("base", before()), ("segment", segment(1))]);
    assert_eq!(GOLDEN, text, "{text}");
}

fn peeked(number: u128, deliveries: u32, body: &str, state: MessageState) -> PeekedMessage {
    let (id, priority, sent_at) = (id(number), (number % 10) as u8, at(0));
    PeekedMessage { id, body: body.to_owned().into(), priority, deliveries, sent_at, state }
}

#[tokio::test]
async fn what_was_written_is_read() {
    let clock = ManualClock::new(at(100));
    let a = QueueName::new("a").unwrap();
    for file in [(base_name(8), section(GOLDEN, "base")), (segment_name(1), section(GOLDEN, "segment"))] {
        let queues = open(&SimDisk::with([file]), &clock).unwrap();
        let waits = |number, deliveries, due| {
            let body = format!("{{\"n\":{number}}}");
            peeked(number, deliveries, &body, MessageState::Delayed { until: at(due) })
        };
        let waiting = [waits(8, 0, 5_000), waits(5, 1, 6_000), waits(2, 1, 7_000), waits(3, 2, 8_000)];
        assert_eq!(queues.peek(&a, Peek::Waiting, 0, 10).await.unwrap(), waiting);
        let dead = |seconds, error: &str, origin| MessageState::Dead { at: at(seconds), error: error.to_owned(), origin };
        let letters = [
            peeked(7, 1, "{\"n\":77}", dead(5, "Zoë's address is missing", Some(origin()))),
            peeked(4, 2, "{\"n\":4}", dead(6, "no", None)),
        ];
        assert_eq!(queues.peek(&a, Peek::Dead, 0, 10).await.unwrap(), letters);
        let stats = queues.stats().await.unwrap();
        assert_eq!(stats.len(), 1, "the other queue is gone");
        let stats = &stats[0].1;
        let totals = [stats.sent_total, stats.acked_total, stats.returned_total, stats.expired_leases_total];
        assert_eq!((totals, stats.dropped_total, stats.dead_total), ([6, 1, 2, 1], 2, 5));
        assert_eq!(stats.limits, limits());
    }
}
