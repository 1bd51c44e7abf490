//! Single events that are let go: from files too, whatever happens in between.

use std::collections::BTreeMap;

use super::{Envelope, Journal, event, kept, open, segments, stream, to};
use crate::{
    event::EventType,
    id::{Position, Version},
    port::store::{Expected, Expired, Store},
    segment::sim::SimDisk,
    store::journal::doctor::verify_on,
};

/// Events of three streams, half of them of the type `noted`. The stream `notes` has no others.
async fn write(journal: &Journal, count: usize) -> bool {
    for at in 0..count {
        let mut one = event(&format!("{at:200}"));
        let name = ["a", "b", "notes"][at % 3];
        if name == "notes" || at % 4 == 0 {
            one.kind = EventType("noted".into());
        }
        if journal.append(vec![to(name, Expected::Any, vec![one])]).await.is_err() {
            return false;
        }
    }
    true
}

fn expired(before: u64) -> [Expired; 1] {
    [Expired { kind: "noted".into(), before: Position(before) }]
}

fn is_noted(envelope: &Envelope) -> bool {
    envelope.event.kind.as_str() == "noted"
}

fn bytes(disk: &SimDisk) -> usize {
    segments(disk).iter().map(|(_, bytes)| bytes.len()).sum()
}

async fn assert_streams(journal: &Journal, all: &[Envelope]) {
    let mut versions: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for envelope in all {
        versions.entry(envelope.stream.as_str()).or_default().push(envelope.version.0);
    }
    for name in ["a", "b", "notes"] {
        let read = journal.read_stream(&stream(name), Version(0), 1_000).await.unwrap();
        let read: Vec<u64> = read.iter().map(|envelope| envelope.version.0).collect();
        assert_eq!(read, versions.remove(name).unwrap_or_default(), "{name}");
    }
}

#[tokio::test]
async fn files_get_smaller_and_hold_the_others_where_they_were() {
    let disk = SimDisk::default();
    let journal = open(&disk).unwrap();
    write(&journal, 300).await;
    let (all, full) = (kept(&journal).await, bytes(&disk));
    let sealed = segments(&disk).len() - 1;
    assert!(sealed > 10);
    let noted = all.iter().filter(|event| is_noted(event)).count() as u64;
    assert_eq!(journal.let_go(&expired(u64::MAX)).await.unwrap(), noted);
    assert!(bytes(&disk) < full * 2 / 3, "{} of {full}", bytes(&disk));
    let wanted: Vec<_> = all.iter().filter(|event| !is_noted(event)).cloned().collect();
    assert_eq!(kept(&journal).await, wanted);
    assert_streams(&journal, &wanted).await;
    drop(journal);
    assert!(verify_on(&disk).unwrap().is_sound());
    let journal = open(&disk).unwrap();
    let left = kept(&journal).await;
    // What was written to last is thinned later.
    let is_left = |event: &&Envelope| !is_noted(event) || left.contains(event);
    assert_eq!(left, all.iter().filter(is_left).cloned().collect::<Vec<_>>());
    assert!(left.iter().filter(|event| is_noted(event)).all(|event| event.position > Position(280)));
    assert_eq!(journal.version(&stream("notes")).await.unwrap(), Version(100), "also of a stream of which nothing is left");
    journal.let_go(&expired(u64::MAX)).await.unwrap();
    assert_eq!(kept(&journal).await, wanted);
    assert_streams(&journal, &wanted).await;
    write(&journal, 3).await;
    assert_eq!(journal.version(&stream("notes")).await.unwrap(), Version(101));
}

#[tokio::test]
async fn files_that_were_thinned_are_thinned_again_and_dropped_like_others() {
    let disk = SimDisk::default();
    let journal = open(&disk).unwrap();
    write(&journal, 120).await;
    journal.let_go(&expired(50)).await.unwrap();
    journal.let_go(&expired(100)).await.unwrap();
    let wanted = kept(&journal).await;
    assert!(wanted.iter().filter(|event| is_noted(event)).all(|event| event.position >= Position(100)));
    drop(journal);
    let journal = open(&disk).unwrap();
    journal.truncate(Position(61), &[]).await.unwrap();
    let wanted: Vec<_> = wanted.into_iter().filter(|event| event.position > Position(60)).collect();
    assert_eq!(kept(&journal).await, wanted);
    drop(journal);
    assert_eq!(kept(&open(&disk).unwrap()).await, wanted);
}

#[tokio::test]
async fn whenever_the_power_fails_nothing_else_goes() {
    let whole = SimDisk::default();
    let journal = open(&whole).unwrap();
    write(&journal, 60).await;
    let (all, before) = (kept(&journal).await, whole.world().calls);
    journal.let_go(&expired(50)).await.unwrap();
    let after = whole.world().calls;
    drop(journal);
    assert!(after > before + 10);
    for until in before..=after {
        let disk = SimDisk::default();
        disk.world().power_until = Some(until);
        let journal = open(&disk).unwrap();
        write(&journal, 60).await;
        let acknowledged = kept(&journal).await.len();
        journal.let_go(&expired(50)).await.unwrap();
        for seed in 0..3 {
            let journal = open(&disk.after_crash(until * 3 + seed)).unwrap();
            let left: Vec<_> = kept(&journal).await.into_iter().map(|event| (event.position, event.version)).collect();
            for event in &all[..acknowledged] {
                let is_there = left.contains(&(event.position, event.version));
                assert!(is_there || is_noted(event) && event.position < Position(50), "power until {until}: {event:?}");
            }
        }
    }
}
