//! The log on a disk. Appends that wait until they are safe, beside the floor (a checksum, one write and one sync of the same bytes) and
//! beside `SQLite`, redb and fjall, which keep the same events with an index that refuses a version twice; and what a journal
//! of a million events costs: to open, to read, to keep small.
//!
//! Everything is written to the disk of the target folder: not to a file system in memory, where a sync costs nothing.

#[path = "journal/events.rs"]
mod events;
#[path = "journal/fjall.rs"]
mod fjall;
#[path = "journal/floor.rs"]
mod floor;
mod harness;
#[path = "journal/held.rs"]
mod held;
#[path = "journal/life.rs"]
mod life;
#[path = "journal/ours.rs"]
mod ours;
#[path = "journal/redb.rs"]
mod redb;
#[path = "journal/sqlite.rs"]
mod sqlite;

use harness::Bench;

/// Events of a commit, and how many commits a measurement has.
const SIZES: [(usize, usize); 4] = [(1, 200), (10, 200), (100, 100), (1_000, 40)];
/// Callers that each wait for one event at a time, and the least ratio to a store with a sync for each.
const CALLERS: [(usize, f64); 3] = [(16, 2.0), (64, 4.0), (256, 4.0)];

fn main() {
    let mut bench = Bench::new("journal");
    for (size, commits) in SIZES {
        let name = format!("durable append, {size} a commit");
        for (is_direct, peer) in [(false, "floor: crc, write, sync"), (true, "floor past the system's cache")] {
            let (ours, floor) = (ours::Ours::new(), floor::Floor::new(size, is_direct));
            bench.pair(&name, peer, "ev/s", 0.85, 9, || ours.rate(size, commits), || floor.rate(commits));
        }
        let aim = if size >= 100 { 2.0 } else { 1.0 };
        let (ours, sqlite) = (ours::Ours::new(), sqlite::Sqlite::new());
        bench.pair(&name, "SQLite, WAL, full sync", "ev/s", aim, 7, || ours.rate(size, commits), || sqlite.rate(size, commits));
        let (ours, redb) = (ours::Ours::new(), redb::Redb::new());
        bench.pair(&name, "redb", "ev/s", aim, 7, || ours.rate(size, commits), || redb.rate(size, commits));
        let (ours, fjall) = (ours::Ours::new(), fjall::Fjall::new());
        bench.pair(&name, "fjall", "ev/s", aim, 7, || ours.rate(size, commits), || fjall.rate(size, commits));
    }
    for (callers, aim) in CALLERS {
        let name = format!("durable append, {callers} callers");
        let (ours, fjall) = (ours::Ours::new(), fjall::Fjall::new());
        bench.pair(&name, "fjall", "ev/s", aim, 5, || ours.crowd(callers), || fjall.crowd(callers));
        let (ours, sqlite) = (ours::Ours::new(), sqlite::Sqlite::new());
        bench.pair(&name, "SQLite, WAL, full sync", "ev/s", aim, 5, || ours.crowd(callers), || sqlite.crowd(callers));
    }
    life::rows(&mut bench);
    bench.print();
}
