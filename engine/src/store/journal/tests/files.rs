//! Files of a real folder: the lock, retention, and what is left when a journal is closed.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::{super::doctor::verify, Journal, OpenError, SMALL, add, is_a, kept, snapshot, stream};
use crate::{
    id::{Position, Version},
    port::store::Store,
};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn one_process_has_a_journal_at_a_time() {
    let folder = TempDir::new().unwrap();
    let journal = Journal::open(folder.path(), SMALL).unwrap();
    let refused = Journal::open(folder.path(), SMALL).err().unwrap();
    assert!(matches!(&refused, OpenError::Locked { holder: Some(pid), .. } if *pid == std::process::id()), "{refused}");
    assert!(refused.to_string().contains(&format!("process {}", std::process::id())), "{refused}");
    assert!(matches!(verify(folder.path()), Err(OpenError::Locked { .. })));
    drop(journal);
    assert_eq!(Journal::open(folder.path(), SMALL).unwrap().recovered().died, None);
}

#[tokio::test]
async fn the_lock_of_a_process_that_died_is_taken_over_and_told() {
    let folder = TempDir::new().unwrap();
    drop(Journal::open(folder.path(), SMALL).unwrap());
    fs::write(folder.path().join("LOCK"), "4711\n").unwrap();
    assert_eq!(Journal::open(folder.path(), SMALL).unwrap().recovered().died, Some(4711));
    assert_eq!(Journal::open(folder.path(), SMALL).unwrap().recovered().died, None);
}

#[tokio::test]
async fn a_journal_goes_on_where_it_was_closed() {
    let folder = TempDir::new().unwrap();
    let journal = Journal::open(folder.path(), SMALL).unwrap();
    for at in 0..40 {
        add(&journal, ["a", "b"][at % 2], &format!("{at} {}", "x".repeat(250))).await.unwrap();
    }
    let events = kept(&journal).await;
    drop(journal);
    let journal = Journal::open(folder.path(), SMALL).unwrap();
    assert_eq!(kept(&journal).await, events);
    assert_eq!((journal.recovered().events, &journal.recovered().torn), (40, &None));
    assert!(journal.recovered().segments > 2);
    assert_eq!(add(&journal, "a", "{}").await.unwrap().first, Position(41));
    assert_eq!(journal.read_stream(&stream("a"), Version(19), 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn files_whose_events_are_dropped_go_and_where_streams_stood_stays() {
    let folder = TempDir::new().unwrap();
    let journal = Journal::open(folder.path(), SMALL).unwrap();
    for name in ["idle", "gone"] {
        add(&journal, name, "{}").await.unwrap();
        journal.put_snapshot(&stream(name), snapshot(1, name)).await.unwrap();
    }
    for round in 0..4 {
        for _ in 0..30 {
            add(&journal, "busy", &"x".repeat(250)).await.unwrap();
        }
        let forget = if round == 0 { vec![stream("gone")] } else { Vec::new() };
        journal.truncate(Position(journal.head().0 - 4), &forget).await.unwrap();
    }
    drop(journal);
    let left = names(folder.path());
    assert!(left.len() <= 5 && left.iter().filter(|name| is_a(name, "base")).count() == 1, "{left:?}");
    assert!(!left.contains(&"0000000001.journal".to_owned()));
    let report = verify(folder.path()).unwrap();
    assert!(report.is_sound() && report.streams == 2, "{report}");
    let journal = Journal::open(folder.path(), SMALL).unwrap();
    assert_eq!((journal.stats().oldest, journal.head()), (Position(118), Position(122)));
    assert_eq!(journal.version(&stream("idle")).await.unwrap(), Version(1));
    assert_eq!(journal.snapshot(&stream("idle")).await.unwrap(), Some(snapshot(1, "idle")));
    assert_eq!(journal.version(&stream("gone")).await.unwrap(), Version(0));
    assert_eq!(journal.snapshot(&stream("gone")).await.unwrap(), None);
    assert_eq!(journal.version(&stream("busy")).await.unwrap(), Version(120));
}
