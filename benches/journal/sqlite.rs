//! `SQLite` with a write-ahead log and a sync for each commit.

use std::sync::Mutex;

use rusqlite::{Connection, params};
use tempfile::TempDir;

use crate::events::{self, DATA_BYTES, KIND, Turn};

const SCHEMA: &str = "
    pragma journal_mode = wal;
    pragma synchronous = full;
    create table events (
        position integer primary key, stream text not null, version integer not null,
        kind text not null, data blob not null, unique (stream, version)
    );
";
const INSERT: &str = "insert into events (stream, version, kind, data) values (?1, ?2, ?3, ?4)";

pub(crate) struct Sqlite {
    /// One connection for all callers is the fastest: two would wait for each other with a timer.
    connection: Mutex<Connection>,
    turn: Turn,
    _folder: TempDir,
}

impl Sqlite {
    pub(crate) fn new() -> Self {
        let folder = events::folder();
        let connection = Connection::open(folder.path().join("events.db")).expect("the folder is ours");
        connection.execute_batch(SCHEMA).expect("the schema is right");
        Self { connection: Mutex::new(connection), turn: Turn::default(), _folder: folder }
    }

    pub(crate) fn rate(&self, size: usize, commits: usize) -> f64 {
        events::rate(size, commits, || (), |()| self.commit(size))
    }

    pub(crate) fn crowd(&self, callers: usize) -> f64 {
        events::crowd(callers, || self.commit(1))
    }

    fn commit(&self, size: usize) {
        let mut connection = self.connection.lock().expect("no caller panics");
        let (stream, version) = self.turn.next(size);
        let commit = connection.transaction().expect("nobody else writes");
        {
            let mut insert = commit.prepare_cached(INSERT).expect("the statement is right");
            for at in 1..=size as u64 {
                let version = (version + at).cast_signed();
                insert.execute(params![stream, version, KIND, [b'x'; DATA_BYTES]]).expect("there is room");
            }
        }
        commit.commit().expect("there is room");
    }
}
