//! Who is woken for a message.
//!
//! A waiter that is told of a message has a promise: while it lasts, others are not woken for that message. Receiving
//! keeps the promise; one that is not kept (the waiter was dropped) lapses, and another waiter is told.

use jiff::Timestamp;

use super::QueueState;
use crate::port::clock;

/// How long a waiter that was told may take to receive.
const PROMISE: std::time::Duration = std::time::Duration::from_secs(1);

/// What a waiter does next.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::queue) enum Turn {
    /// A message may be there for it.
    Go,
    /// Sleep until woken, or until this moment.
    Sleep(Option<Timestamp>),
}

/// Who must be woken after a call.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::queue) enum Wake {
    Nobody,
    /// So many: there are messages for them.
    Some(usize),
    /// All: they must sleep shorter.
    All,
}

impl QueueState {
    /// A waiter asks whether there is something for it. `others`: so many wait beside it.
    pub(in crate::queue) fn turn(&mut self, now: Timestamp, others: usize) -> Turn {
        while self.promised.front().is_some_and(|until| *until <= now) {
            self.promised.pop_front();
        }
        if self.ready.len() > self.promised.len() {
            self.promised.push_back(clock::after(now, PROMISE));
            return Turn::Go;
        }
        let change = self.next_change();
        let mine = change.unwrap_or(Timestamp::MAX);
        self.armed = if others == 0 { mine } else { self.armed.max(mine) };
        Turn::Sleep(change)
    }

    /// Whom to wake, when so many wait.
    pub(in crate::queue) fn wake(&mut self, waiting: usize) -> Wake {
        if waiting == 0 {
            return Wake::Nobody;
        }
        let change = self.next_change().unwrap_or(Timestamp::MAX);
        if change < self.armed {
            self.armed = change;
            return Wake::All;
        }
        match self.ready.len().saturating_sub(self.promised.len()).min(waiting) {
            0 => Wake::Nobody,
            count => Wake::Some(count),
        }
    }

    /// When something becomes ready, or a promise lapses, without a call.
    fn next_change(&self) -> Option<Timestamp> {
        let due = self.delayed.keys().next().map(|(due, _)| *due);
        let lease = self.lease_ends.first().map(|((until, _), _)| until);
        let promise = self.promised.front().copied().filter(|_| self.ready.len() > 0);
        [due, lease, promise].into_iter().flatten().min()
    }
}
