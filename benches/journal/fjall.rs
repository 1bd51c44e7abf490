//! fjall with a sync for each commit: events by position, and versions.

use std::sync::atomic::{AtomicU64, Ordering};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use tempfile::TempDir;

use crate::events::{self, DATA_BYTES, Turn};

pub(crate) struct Fjall {
    database: Database,
    events: Keyspace,
    versions: Keyspace,
    next: AtomicU64,
    turn: Turn,
    _folder: TempDir,
}

impl Fjall {
    pub(crate) fn new() -> Self {
        let folder = events::folder();
        let database = Database::builder(folder.path().join("events")).open().expect("the folder is ours");
        let keyspace = |name| database.keyspace(name, KeyspaceCreateOptions::default).expect("the folder is ours");
        let (events, versions) = (keyspace("events"), keyspace("versions"));
        Self { database, events, versions, next: AtomicU64::new(1), turn: Turn::default(), _folder: folder }
    }

    pub(crate) fn rate(&self, size: usize, commits: usize) -> f64 {
        events::rate(size, commits, || (), |()| self.commit(size))
    }

    pub(crate) fn crowd(&self, callers: usize) -> f64 {
        events::crowd(callers, || self.commit(1))
    }

    fn commit(&self, size: usize) {
        let (stream, version) = self.turn.next(size);
        let first = self.next.fetch_add(size as u64, Ordering::Relaxed);
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for at in 0..size as u64 {
            let position = (first + at).to_be_bytes();
            let mut key = stream.clone().into_bytes();
            key.extend_from_slice(&(version + at + 1).to_be_bytes());
            assert!(!self.versions.contains_key(&key).expect("it can be read"), "no version comes twice");
            batch.insert(&self.events, position, [b'x'; DATA_BYTES]);
            batch.insert(&self.versions, key, position);
        }
        batch.commit().expect("there is room");
    }
}
