//! redb, which syncs each commit: a table of events, and one of versions.

use redb::{Database, TableDefinition};
use tempfile::TempDir;

use crate::events::{self, DATA_BYTES, Turn};

const EVENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("events");
const VERSIONS: TableDefinition<'_, (&str, u64), u64> = TableDefinition::new("versions");

pub(crate) struct Redb {
    database: Database,
    turn: Turn,
    _folder: TempDir,
}

impl Redb {
    pub(crate) fn new() -> Self {
        let folder = events::folder();
        let database = Database::create(folder.path().join("events.redb")).expect("the folder is ours");
        Self { database, turn: Turn::default(), _folder: folder }
    }

    pub(crate) fn rate(&self, size: usize, commits: usize) -> f64 {
        events::rate(size, commits, || (), |()| self.commit(size))
    }

    fn commit(&self, size: usize) {
        let (stream, version) = self.turn.next(size);
        let commit = self.database.begin_write().expect("nobody else writes");
        {
            let mut events = commit.open_table(EVENTS).expect("the table is ours");
            let mut versions = commit.open_table(VERSIONS).expect("the table is ours");
            let first = redb::ReadableTableMetadata::len(&events).expect("the table can be read");
            for at in 1..=size as u64 {
                events.insert(first + at, &[b'x'; DATA_BYTES][..]).expect("there is room");
                let before = versions.insert((stream.as_str(), version + at), first + at).expect("there is room");
                assert!(before.is_none(), "no version comes twice");
            }
        }
        commit.commit().expect("there is room");
    }
}
