//! What dead letters promise: nothing buried is lost silently, and everything can be brought back.

use super::{
    Bytes, Duration, MessageId, MessageState, NewDeadLetter, Peek, QueueLimits, Subject, is_full, is_stale, is_unfit, letter,
    text,
};
use crate::unit::ByteSize;

async fn one_attempt(it: &Subject) {
    it.declare(QueueLimits { attempts_max: 1, ..QueueLimits::default() }).await;
}

pub async fn a_buried_record_keeps_its_error_and_origin(it: Subject) {
    let ids = it.bury(&["1", "2"]).await.unwrap();
    let dead = it.peek(Peek::Dead).await;
    assert_eq!(dead.iter().map(|dead| dead.id).collect::<Vec<_>>(), ids);
    let NewDeadLetter { error, origin, .. } = letter("2");
    let at = crate::port::clock::Clock::now(&it.clock);
    assert_eq!((text(&dead[1].body), &dead[1].state), ("2".into(), &MessageState::Dead { at, error, origin: Some(origin) }));
    assert_eq!((it.stats().await.dead_total, it.stats().await.sent_total, it.stats().await.bytes), (2, 0, 0));
    assert!(is_unfit(&it.bury(&["3", "not json"]).await));
    assert_eq!(it.stats().await.dead, 2);
}

pub async fn what_does_not_fit_is_not_buried_at_all(it: Subject) {
    it.declare(QueueLimits { dead_bytes_max: ByteSize(10_000), ..QueueLimits::default() }).await;
    let big = format!("\"{}\"", "x".repeat(3_000));
    assert!(is_full(&it.bury(&[&*big; 4]).await, "dead_bytes_max"));
    assert_eq!(it.stats().await.dead, 0);
    it.bury(&[&*big; 2]).await.unwrap();
    assert!(is_full(&it.bury(&[&*big; 2]).await, "dead_bytes_max"));
    let stats = it.stats().await;
    assert_eq!((stats.dead, stats.dropped_total), (2, 0), "nothing was pushed out for it");
}

pub async fn failed_messages_push_out_the_oldest_dead_letters(it: Subject) {
    let limits = QueueLimits { dead_bytes_max: ByteSize(4_000), attempts_max: 1, ..QueueLimits::default() };
    it.declare(limits).await;
    for body in ["1", "2", "3"].into_iter().cycle().take(60) {
        it.kill(body).await;
    }
    let stats = it.stats().await;
    assert!(stats.dead >= 1 && stats.dropped_total >= 1, "{stats:?}");
    assert_eq!((stats.dead_total, stats.dead + stats.dropped_total), (60, 60));
    assert_eq!(it.peeked(Peek::Dead).await.last().map(String::as_str), Some("3"), "the newest stay");
}

pub async fn old_dead_letters_are_dropped_and_counted(it: Subject) {
    it.declare(QueueLimits { dead_retain: Duration::from_secs(3_600), ..QueueLimits::default() }).await;
    it.bury(&["1"]).await.unwrap();
    it.pass(1_800);
    it.bury(&["2"]).await.unwrap();
    it.pass(1_800);
    assert_eq!(it.peeked(Peek::Dead).await, ["2"]);
    assert_eq!(it.stats().await.dropped_total, 1);
}

pub async fn redriven_messages_have_all_their_attempts_again(it: Subject) {
    it.declare(QueueLimits { attempts_max: 2, ttl: Some(Duration::from_secs(60)), ..QueueLimits::default() }).await;
    it.kill("1").await;
    it.bury(&["2"]).await.unwrap();
    it.pass(100);
    assert_eq!(it.redrive(&[]).await.unwrap(), 2);
    let stats = it.stats().await;
    assert_eq!((stats.ready, stats.dead, stats.bytes, stats.dropped_total), (2, 0, 2, 0), "they do not expire again");
    let leased = it.receive(2).await;
    it.nack(&leased[0], Some(Duration::default())).await.unwrap();
    assert_eq!((it.stats().await.ready, it.stats().await.dead), (1, 0));
    assert_eq!(it.redrive(&[]).await.unwrap(), 0);
}

pub async fn chosen_letters_are_redriven_and_others_stay(it: Subject) {
    let ids = it.bury(&["1", "2", "3"]).await.unwrap();
    assert_eq!(it.redrive(&[ids[2], MessageId::fresh(), ids[0], ids[2]]).await.unwrap(), 2);
    assert_eq!(it.peeked(Peek::Dead).await, ["2"]);
    assert_eq!(it.bodies().await, ["3", "1"]);
}

pub async fn letters_that_do_not_fit_are_not_redriven_at_all(it: Subject) {
    it.declare(QueueLimits { messages_max: 1, ..QueueLimits::default() }).await;
    it.bury(&["1", "2"]).await.unwrap();
    assert!(is_full(&it.redrive(&[]).await, "messages_max"));
    assert_eq!((it.stats().await.ready, it.stats().await.dead), (0, 2));
}

pub async fn an_edited_letter_is_redriven_as_edited(it: Subject) {
    let ids = it.bury(&["1"]).await.unwrap();
    let edit = async |id, body: &'static str| it.queues.edit_dead(&it.queue, id, Bytes::from_static(body.as_bytes())).await;
    assert!(is_unfit(&edit(ids[0], "not json").await));
    assert!(is_unfit(&edit(MessageId::fresh(), "2").await));
    edit(ids[0], r#"{"mended": true}"#).await.unwrap();
    it.redrive(&ids).await.unwrap();
    assert_eq!((it.stats().await.bytes, it.bodies().await), (16, vec![r#"{"mended": true}"#.into()]));
}

pub async fn taken_letters_are_gone(it: Subject) {
    let ids = it.bury(&["1", "2", "3"]).await.unwrap();
    let take = async |ids: &[MessageId]| -> Vec<String> {
        let taken = it.queues.take_dead(&it.queue, ids).await.unwrap();
        taken.iter().map(|letter| text(&letter.body)).collect()
    };
    assert_eq!(take(&[ids[1], MessageId::fresh()]).await, ["2"]);
    assert_eq!(take(&ids[1..2]).await, Vec::<String>::new());
    assert_eq!(take(&[]).await, ["1", "3"]);
    assert_eq!((it.stats().await.dead, it.stats().await.dropped_total), (0, 0));
}

pub async fn a_receipt_of_before_a_redrive_stays_stale(it: Subject) {
    one_attempt(&it).await;
    it.send_all(&["1"]).await;
    let old = it.receive_one().await;
    it.pass(30);
    it.redrive(&[]).await.unwrap();
    let new = it.receive_one().await;
    assert!(is_stale(&it.ack(&[old]).await));
    it.ack(&[new]).await.unwrap();
}
