//! `flexcore doctor` on real directories with damage made by hand.

use std::{fs, path::PathBuf};

use bytes::Bytes;
use flexcore::data_dir;
use flexcore_engine::{
    port::{
        clock::SystemClock,
        queue::{NewMessage, QueueLimits, Queues},
    },
    queue::journal::{JournalQueues, Settings},
};
use jiff::Timestamp;

use super::events::{append, log};
use crate::run::process::{Done, Place};

/// Twenty events, and ten messages in a queue.
async fn filled(place: &Place) {
    let folder = place.path("data");
    let (directory, journal) = log(&folder);
    for at in 0..20 {
        append(&journal, if at % 2 == 0 { "orders/1" } else { "orders/2" }, "order.placed", Timestamp::now(), "{\"n\":1}").await;
    }
    let queues = JournalQueues::open(&data_dir::queues(&folder), Settings::default(), SystemClock::shared()).unwrap();
    let jobs = "jobs".parse().unwrap();
    queues.declare(&jobs, QueueLimits::default()).await.unwrap();
    for at in 0..10 {
        let body = Bytes::from(format!("{{\"job\":{at}}}"));
        queues.send(&jobs, vec![NewMessage { body, ..NewMessage::default() }]).await.unwrap();
    }
    drop((queues, journal, directory));
}

fn segment(place: &Place, part: &str) -> PathBuf {
    place.path("data").join(part).join("0000000001.journal")
}

fn damage(place: &Place, part: &str, what: impl FnOnce(&mut Vec<u8>)) {
    let path = segment(place, part);
    let mut bytes = fs::read(&path).unwrap();
    what(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// Where the first record with a text in it is.
fn at(place: &Place, part: &str, text: &str, count: usize) -> usize {
    let bytes = fs::read(segment(place, part)).unwrap();
    memchr::memmem::find_iter(&bytes, text).nth(count).unwrap()
}

fn doctor(place: &Place, flags: &[&str]) -> Done {
    place.done(&[&["doctor", "data"], flags].concat())
}

#[tokio::test]
async fn a_sound_directory_is_told_so() {
    let place = Place::new();
    filled(&place).await;
    let done = doctor(&place, &[]);
    assert_eq!((done.code, &*done.told), (Some(0), ""), "{}", done.out);
    let lines: Vec<&str> = done.out.lines().collect();
    assert_eq!((lines[0], lines[2], lines[3]), ("log", "  20 events from position 1 to 20, 2 streams", "queues"));
    assert!(lines[1].starts_with("  0000000001.journal: 16777216 bytes, 20 batches, 20 records, whole"), "{}", done.out);
    assert_eq!(lines[5..], ["  1 queues, 10 messages, 0 dead letters", "sound"]);
    assert_eq!(doctor(&place, &["--repair"]).out, done.out, "nothing to repair");
}

#[tokio::test]
async fn a_flipped_byte_is_told_with_its_place_and_what_it_costs_and_then_the_rest_is_kept() {
    let place = Place::new();
    filled(&place).await;
    let hit = at(&place, "log", "orders/1", 3);
    damage(&place, "log", |bytes| bytes[hit] ^= 1);
    let done = doctor(&place, &[]);
    assert_eq!(done.code, Some(1), "{}", done.out);
    for expected in [
        "0000000001.journal: 16777216 bytes, 6 batches, 6 records, damaged at byte ",
        ": the checksum of a record is wrong, and the batch at byte ",
        "19 events from position 1 to 20, 2 streams",
        "lost: 1 events, at 7",
        "lost: of stream orders/1 version 4",
        "damaged: `flexcore doctor --repair` keeps what can be read",
    ] {
        assert!(done.out.contains(expected), "{expected}: {}", done.out);
    }
    let done = doctor(&place, &["--repair"]);
    assert_eq!(done.code, Some(0), "{}", done.out);
    for expected in [
        "log/0000000001.journal: set aside as quarantine/0000000001.journal",
        "log/0000000001.journal: made anew from 19 records that can be read",
    ] {
        assert!(done.out.contains(expected), "{expected}: {}", done.out);
    }
    assert!(done.out.ends_with("sound\n"), "{}", done.out);
    assert!(place.path("data/log/quarantine/0000000001.journal").exists());
    let events = place.done(&["events", "data"]);
    assert_eq!(events.out.lines().count(), 19, "{}", events.told);
    assert_eq!(doctor(&place, &[]).code, Some(0));
    let (_directory, journal) = log(&place.path("data"));
    append(&journal, "orders/1", "order.placed", Timestamp::now(), "{}").await;
    assert_eq!(flexcore_engine::port::store::Store::head(&journal).0, 21);
}

#[tokio::test]
async fn a_torn_write_is_cut_off_and_nothing_is_lost() {
    let place = Place::new();
    filled(&place).await;
    let bytes = fs::read(segment(&place, "log")).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    damage(&place, "log", |bytes| bytes[end + 20..end + 24].copy_from_slice(b"torn"));
    let done = doctor(&place, &[]);
    assert_eq!(done.code, Some(0), "{}", done.out);
    assert!(done.out.contains("that was not finished") && done.out.contains("cut off at the next start"), "{}", done.out);
    let done = doctor(&place, &["--repair"]);
    assert_eq!(done.code, Some(0), "{}", done.out);
    assert!(done.out.contains("log/0000000001.journal: cut off at byte "), "{}", done.out);
    assert_eq!(place.done(&["events", "data"]).out.lines().count(), 20);
}

#[tokio::test]
async fn damaged_queues_keep_the_other_messages() {
    let place = Place::new();
    filled(&place).await;
    let hit = at(&place, "queues", "\"job\":4", 0);
    damage(&place, "queues", |bytes| bytes[hit] ^= 1);
    let done = doctor(&place, &[]);
    assert_eq!(done.code, Some(1), "{}", done.out);
    assert!(done.out.contains("damaged at byte ") && done.out.contains("1 queues, 9 messages"), "{}", done.out);
    assert!(done.out.contains("bytes of records that cannot be read"), "{}", done.out);
    let done = doctor(&place, &["--repair"]);
    assert!(done.code == Some(0) && done.out.contains("queues/0000000001.journal: made anew from "), "{}", done.out);
    let queues = JournalQueues::open(&data_dir::queues(&place.path("data")), Settings::default(), SystemClock::shared()).unwrap();
    assert_eq!(queues.recovered().messages, 9);
}

#[tokio::test]
async fn a_directory_that_is_in_use_or_none_is_refused() {
    let place = Place::new();
    let (directory, journal) = log(&place.path("data"));
    let done = doctor(&place, &["--repair"]);
    assert_eq!((done.code, &*done.out), (Some(2), ""));
    assert!(done.told.contains("the data directory data is in use by process "), "{}", done.told);
    drop((journal, directory));
    let done = place.done(&["doctor", "none"]);
    assert_eq!(done.code, Some(2));
    assert!(done.told.contains("none is not a data directory: it is not there"), "{}", done.told);
}
