//! States of aggregates, held ready: a command on a live run must not read the run's whole stream again.

use std::{
    collections::HashMap,
    hash::BuildHasher,
    sync::{Arc, Mutex, MutexGuard},
};

use foldhash::fast::RandomState;
use tokio::task::yield_now;

use super::Refusal;
use crate::{
    aggregate::Aggregate,
    event::{BadEventData, Envelope, Event},
    id::{Position, StreamName, Version},
    port::store::{READ_EVENTS_MAX, ReadError, Snapshot, Store},
};

/// Commands on so many streams are decided at once; more wait for their turn.
const TURNS_MAX: usize = 256;
/// So often whoever finds a turn taken looks again before it queues up for it.
const LOOKS_MAX: u32 = 3;
/// A state that took more events than this to load gets a snapshot.
const SNAPSHOT_EVERY: u64 = 1_000;

/// A state as of a version.
pub(super) struct Held<A> {
    pub(super) state: Arc<A>,
    pub(super) version: Version,
    pub(super) position: Position,
}

impl<A> Clone for Held<A> {
    fn clone(&self) -> Self {
        Self { state: self.state.clone(), version: self.version, position: self.position }
    }
}

/// The states of one kind of aggregate.
pub(super) struct Aggregates<A> {
    held: Mutex<Shelf<A>>,
    held_max: usize,
    turns: Vec<tokio::sync::Mutex<()>>,
    hasher: RandomState,
}

struct Shelf<A> {
    entries: HashMap<StreamName, (Held<A>, u64), RandomState>,
    uses: u64,
}

impl<A: Aggregate> Aggregates<A> {
    pub(super) fn new(held_max: usize) -> Self {
        let held = Mutex::new(Shelf { entries: HashMap::default(), uses: 0 });
        let turns = (0..TURNS_MAX).map(|_| tokio::sync::Mutex::new(())).collect();
        Self { held, held_max, turns, hasher: RandomState::default() }
    }

    /// Waits for the turn to decide on a stream. Streams that share a turn only wait for each other.
    ///
    /// A turn in memory takes less time than a wake-up: whoever finds it taken lets others run and looks again, before it queues
    /// up. In the queue it is passed on in order, and stands idle until each of those who were told runs; who comes meanwhile
    /// queues up as well, and then all go at the pace of wake-ups.
    pub(super) async fn turn(&self, stream: &StreamName) -> tokio::sync::MutexGuard<'_, ()> {
        let turn = &self.turns[self.hasher.hash_one(stream) as usize % self.turns.len()];
        for _ in 0..LOOKS_MAX {
            if let Ok(taken) = turn.try_lock() {
                return taken;
            }
            yield_now().await;
        }
        turn.lock().await
    }

    /// The state of a stream. `trust`: what is held will do; otherwise it is brought up to the log.
    pub(super) async fn load(&self, store: &dyn Store, stream: &StreamName, trust: bool) -> Result<Held<A>, Refusal> {
        let start = match self.get(stream) {
            Some(held) if trust => return Ok(held),
            Some(held) => held,
            None => from_snapshot(store, stream).await?,
        };
        let from = start.version;
        let held = catch_up(store, stream, start).await?;
        if held.version.0.saturating_sub(from.0) > SNAPSHOT_EVERY {
            keep_snapshot(store, stream, &held).await?;
        }
        self.put(stream, held.clone());
        Ok(held)
    }

    /// Takes in what was just appended.
    pub(super) fn advance(&self, stream: &StreamName, held: &Held<A>, events: &[Event], position: Position) -> Arc<A> {
        let mut state = (*held.state).clone();
        for event in events {
            state.evolve(event);
        }
        let version = Version(held.version.0 + events.len() as u64);
        let held = Held { state: Arc::new(state), version, position };
        self.put(stream, held.clone());
        held.state
    }

    /// Makes sure that the events of a stream may go: its newest state is kept.
    pub(super) async fn keep(&self, store: &dyn Store, stream: &StreamName) -> Result<(), Refusal> {
        let held = self.load(store, stream, false).await?;
        let kept = store.snapshot(stream).await?.map(|snapshot| snapshot.version);
        if kept == Some(held.version) { Ok(()) } else { keep_snapshot(store, stream, &held).await }
    }

    /// Lets go of a stream that is no longer kept.
    pub(super) fn forget(&self, stream: &StreamName) {
        self.lock().entries.remove(stream);
    }

    fn get(&self, stream: &StreamName) -> Option<Held<A>> {
        let mut shelf = self.lock();
        shelf.uses += 1;
        let now = shelf.uses;
        let (held, used) = shelf.entries.get_mut(stream)?;
        *used = now;
        Some(held.clone())
    }

    /// An older state never replaces a newer one: two may have loaded at the same time.
    fn put(&self, stream: &StreamName, held: Held<A>) {
        let mut shelf = self.lock();
        shelf.uses += 1;
        let now = shelf.uses;
        match shelf.entries.get_mut(stream) {
            Some((known, _)) if known.version > held.version => {}
            Some(entry) => *entry = (held, now),
            None => {
                if shelf.entries.len() >= self.held_max {
                    shelf.drop_oldest_quarter();
                }
                shelf.entries.insert(stream.clone(), (held, now));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shelf<A>> {
        self.held.lock().expect("no code panics while it holds this lock")
    }
}

impl<A> Shelf<A> {
    /// A quarter at once: sorting then costs little per entry.
    fn drop_oldest_quarter(&mut self) {
        let mut uses: Vec<u64> = self.entries.values().map(|(_, used)| *used).collect();
        uses.sort_unstable();
        let limit = uses.get(uses.len() / 4).copied().unwrap_or(u64::MAX);
        self.entries.retain(|_, (_, used)| *used > limit);
    }
}

async fn from_snapshot<A: Aggregate>(store: &dyn Store, stream: &StreamName) -> Result<Held<A>, Refusal> {
    let Some(snapshot) = store.snapshot(stream).await? else {
        return Ok(Held { state: Arc::default(), version: Version(0), position: Position(0) });
    };
    let state = serde_json::from_slice(&snapshot.data)
        .map_err(|error| Refusal::Unavailable(format!("the snapshot of `{stream}` cannot be read: {error}")))?;
    Ok(Held { state: Arc::new(state), version: snapshot.version, position: snapshot.position })
}

async fn catch_up<A: Aggregate>(store: &dyn Store, stream: &StreamName, held: Held<A>) -> Result<Held<A>, Refusal> {
    let Held { mut state, mut version, mut position } = held;
    loop {
        // Asked before reading: what is read then reaches at least up to here, though the last events may have been let go.
        let head = store.version(stream).await?;
        if head == version {
            return Ok(Held { state, version, position });
        }
        let events = store.read_stream(stream, version, READ_EVENTS_MAX).await?;
        if let Some(last) = events.last() {
            (version, position) = (last.version, last.position);
            let evolved = Arc::make_mut(&mut state);
            for envelope in &events {
                take_in(evolved, envelope)?;
            }
        }
        if events.len() < READ_EVENTS_MAX {
            return Ok(Held { state, version: version.max(head), position });
        }
    }
}

fn take_in<A: Aggregate>(state: &mut A, envelope: &Envelope) -> Result<(), BadEventData> {
    if let Some(event) = envelope.decode() {
        state.evolve(&event?);
    }
    Ok(())
}

/// Keeps a state, so that the events before it may go.
async fn keep_snapshot<A: Aggregate>(store: &dyn Store, stream: &StreamName, held: &Held<A>) -> Result<(), Refusal> {
    let data = serde_json::to_vec(&*held.state)
        .map_err(|error| Refusal::Unavailable(format!("the state of `{stream}` cannot be written: {error}")))?;
    let snapshot = Snapshot { version: held.version, position: held.position, data: data.into() };
    Ok(store.put_snapshot(stream, snapshot).await?)
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<BadEventData> for Refusal {
    fn from(error: BadEventData) -> Self {
        Self::Unavailable(format!("the log holds an event that cannot be read: {error}: {}", error.source))
    }
}
