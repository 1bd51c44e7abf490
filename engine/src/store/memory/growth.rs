//! How the log grows, and who waits for it. One task gathers for all who wait: an append wakes that one, it lets others run while
//! there comes more, and wakes the rest when there is a whole page to read or nothing comes any more. So a burst wakes every
//! reader once a page and not once an append. It is a task of its own, not one of those who wait, because a reader that is
//! slow must not hold up the others.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{pin, runtime::Handle, sync::Notify, task::yield_now};

use super::{Apart, segments::SEGMENT_EVENTS_MAX};

/// How many events are waited for while they come: what readers get at once.
const PAGE: u64 = SEGMENT_EVENTS_MAX as u64;
/// No longer than this: what is there is not to become old. By the processor's clock and not the engine's, which tests move: it
/// decides how much is read at once, never what.
const GATHERS_FOR: Duration = Duration::from_micros(250);
/// The burst is over when nothing came in so many of their turns.
const QUIET_TURNS: u32 = 8;

/// Dropped with the log.
pub(super) struct Growth(Arc<Shared>);

struct Shared {
    /// The newest position; written under the lock of those who append, read without.
    head: Apart<AtomicU64>,
    /// Somebody waits for the next append. Without, an append wakes nobody, which is most of its cost.
    awaited: Apart<AtomicBool>,
    /// There is a task that gathers.
    has_gatherer: AtomicBool,
    is_over: AtomicBool,
    /// For the one that gathers.
    grown: Notify,
    /// For the rest.
    gathered: Notify,
}

impl Growth {
    pub(super) fn new(head: u64) -> Self {
        let (head, awaited) = (Apart(AtomicU64::new(head)), Apart::default());
        let (has_gatherer, is_over) = (AtomicBool::default(), AtomicBool::default());
        Self(Arc::new(Shared { head, awaited, has_gatherer, is_over, grown: Notify::new(), gathered: Notify::new() }))
    }

    pub(super) fn head(&self) -> u64 {
        self.0.head()
    }

    /// Under the lock of those who append.
    #[inline]
    pub(super) fn to(&self, head: u64) {
        self.0.head.0.store(head, Ordering::Release);
    }

    /// To be called after that lock was given back.
    #[inline]
    pub(super) fn tell(&self) {
        // Whoever waits looked under the lock after they had set it: either they saw this event, or they are seen here.
        let awaited = &self.0.awaited.0;
        if awaited.load(Ordering::Acquire) && awaited.swap(false, Ordering::AcqRel) {
            self.0.wake();
        }
    }

    /// Resolves when the head is past a position. `head_in_order` reads it under the lock of those who append.
    pub(super) async fn past(&self, seen: u64, head_in_order: impl Fn() -> u64) {
        let shared = &self.0;
        while shared.head() < seen.saturating_add(PAGE) {
            let gathered = shared.gathered.notified();
            pin!(gathered);
            gathered.as_mut().enable();
            self.gatherer();
            if shared.head() > seen {
                shared.wake();
            } else {
                // The lock is what orders it with appends: whoever appended before it is seen here, and whoever appends after it
                // sees that somebody waits. So an append needs no more than a look.
                shared.awaited.0.store(true, Ordering::Release);
                if head_in_order() > seen {
                    shared.wake();
                }
            }
            gathered.await;
            if shared.head() > seen {
                return;
            }
            // A runtime that shuts down drops whoever is to gather at once: it must come to drop us, too.
            yield_now().await;
        }
    }

    /// Makes sure that somebody gathers. Without a runtime an append wakes all who wait.
    fn gatherer(&self) {
        let has = &self.0.has_gatherer;
        if !has.load(Ordering::Acquire)
            && let Ok(runtime) = Handle::try_current()
            && !has.swap(true, Ordering::AcqRel)
        {
            runtime.spawn(Gatherer(self.0.clone()).run());
        }
    }
}

impl Drop for Growth {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Release);
        self.0.grown.notify_one();
    }
}

impl Shared {
    fn head(&self) -> u64 {
        self.head.0.load(Ordering::Acquire)
    }

    #[cold]
    fn wake(&self) {
        if self.has_gatherer.load(Ordering::Acquire) { self.grown.notify_one() } else { self.gathered.notify_waiters() }
    }

    /// Lets others run while there comes more.
    async fn gather(&self) {
        let (begun, first) = (Instant::now(), self.head());
        let (mut before, mut quiet) = (first, 0);
        while before - first < PAGE && quiet < QUIET_TURNS && begun.elapsed() < GATHERS_FOR {
            yield_now().await;
            let now = self.head();
            quiet = if now == before { quiet + 1 } else { 0 };
            before = now;
        }
    }
}

/// The task that gathers. It ends with the log, or is dropped with its runtime: then whoever waits makes another.
struct Gatherer(Arc<Shared>);

impl Gatherer {
    async fn run(self) {
        while !self.0.is_over.load(Ordering::Acquire) {
            self.0.grown.notified().await;
            self.0.gather().await;
            self.0.gathered.notify_waiters();
        }
    }
}

impl Drop for Gatherer {
    fn drop(&mut self) {
        self.0.has_gatherer.store(false, Ordering::Release);
        self.0.gathered.notify_waiters();
    }
}
