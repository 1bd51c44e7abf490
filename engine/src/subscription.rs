//! A cursor on the log: never loses, never repeats. It holds no events, so a slow subscriber costs nobody anything.

pub mod readers;

use std::{sync::Arc, time::Duration};

use tokio::task::yield_now;

use readers::{Readers, Reading};

use crate::{
    id::Position,
    port::{
        clock::Clock,
        store::{Filter, Page, ReadError, Store},
    },
};

/// The most events of one pull.
pub const PULL_EVENTS_MAX: usize = 1_024;
/// Who was woken for nothing sleeps so long: where much is written of which little passes a filter, to be woken for each costs
/// more than to read it.
pub const FOR_NOTHING: Duration = Duration::from_millis(2);

/// Reads the log from a position on and waits for more at its end.
pub struct Subscription {
    store: Arc<dyn Store>,
    filter: Filter,
    after: Position,
    seen: Option<Reading>,
    /// What it sleeps by when it was woken for nothing; `None`: it does not.
    clock: Option<Arc<dyn Clock>>,
}

impl Subscription {
    /// Begins after a position: [`Position::default`] for everything, [`Store::head`] for what is new.
    pub fn new(store: Arc<dyn Store>, after: Position, filter: Filter) -> Self {
        Self { store, filter, after, seen: None, clock: None }
    }

    /// Makes it known by a name, so that how far it is can be looked at as long as it lives.
    #[must_use]
    pub fn named(mut self, readers: &Readers, name: impl Into<String>) -> Self {
        self.seen = Some(readers.enter(name, self.after));
        self
    }

    /// Lets it sleep for [`FOR_NOTHING`] whenever it was woken and nothing passed its filter: for who need not know at once.
    #[must_use]
    pub fn resting(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Everything up to here was delivered or did not pass the filter.
    pub fn position(&self) -> Position {
        self.after
    }

    /// The next events, at least one and at most [`PULL_EVENTS_MAX`]; waits until there are some. Dropping the future loses
    /// nothing. [`ReadError::Truncated`] comes back on every call until [`Subscription::skip_to_oldest`].
    pub async fn next(&mut self) -> Result<Page, ReadError> {
        loop {
            if self.store.head().0 < self.after.0.saturating_add(PULL_EVENTS_MAX as u64) {
                self.store.wait_past(self.after).await;
            } else {
                // Who is far behind never waits, and a page may take a while: others get their turn all the same.
                yield_now().await;
            }
            let page = self.store.read_some(self.after, &self.filter, PULL_EVENTS_MAX).await?;
            self.go_on(page.seen);
            if !page.events.is_empty() {
                return Ok(page);
            }
            if let Some(clock) = self.clock.as_ref().filter(|_| self.store.head() <= page.seen) {
                clock.sleep(FOR_NOTHING).await;
            }
        }
    }

    /// Gives up on what retention has dropped. How many events that were, whether or not they would have passed the filter.
    pub fn skip_to_oldest(&mut self) -> u64 {
        let kept_after = self.store.stats().oldest.0.saturating_sub(1);
        let skipped = kept_after.saturating_sub(self.after.0);
        self.go_on(Position(self.after.0 + skipped));
        skipped
    }

    fn go_on(&mut self, seen: Position) {
        self.after = seen;
        if let Some(reading) = &self.seen {
            reading.seen(seen);
        }
    }
}
