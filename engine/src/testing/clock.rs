//! A clock that a test moves. Sleepers are counted, so that a test waits until somebody sleeps instead of sleeping itself.

use std::{
    collections::BTreeMap,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::port::{
    BoxFuture,
    clock::{Clock, after},
};

/// Time that stands still until it is moved. Clones show the same time.
#[derive(Debug, Clone)]
pub struct ManualClock {
    face: Arc<Face>,
}

#[derive(Debug)]
struct Face {
    state: Mutex<State>,
    somebody_sleeps: Notify,
}

/// When a sleeper wakes; the second part keeps the order of those who wake at the same moment.
type Deadline = (Timestamp, u64);

#[derive(Debug)]
struct State {
    now: Timestamp,
    sleepers: BTreeMap<Deadline, Waker>,
    slept: u64,
    /// Sleeps of no more than this end at once.
    unslept: Duration,
}

impl ManualClock {
    /// A clock that shows this moment.
    pub fn new(now: Timestamp) -> Self {
        let state = Mutex::new(State { now, sleepers: BTreeMap::new(), slept: 0, unslept: Duration::ZERO });
        Self { face: Arc::new(Face { state, somebody_sleeps: Notify::new() }) }
    }

    /// Lets nobody sleep for so short a time: for tests in which somebody rests who is not what they are about.
    #[must_use]
    pub fn without_sleeps_up_to(self, length: Duration) -> Self {
        self.face.state().unslept = length;
        self
    }

    /// The same clock, as the engine's parts take it.
    pub fn shared(&self) -> Arc<dyn Clock> {
        Arc::new(self.clone())
    }

    /// Moves on, and wakes whoever's time has come, the earliest first. They all see the new time, not their own deadline.
    pub fn advance(&self, length: Duration) {
        let target = after(self.now(), length);
        self.set(target);
    }

    /// Moves to a moment, which may be an earlier one: clocks step.
    pub fn set(&self, now: Timestamp) {
        for waker in self.face.state().wind(now) {
            waker.wake();
        }
    }

    /// Moves to the moment at which the next sleeper wakes, and says which that is. `None`: nobody sleeps.
    pub fn advance_to_next(&self) -> Option<Timestamp> {
        let next = self.face.state().sleepers.keys().next().map(|(at, _)| *at)?;
        self.set(next);
        Some(next)
    }

    /// How many sleep. Whoever gave up sleeping, or whose time has come, is not among them.
    pub fn sleepers(&self) -> usize {
        self.face.state().sleepers.len()
    }

    /// Resolves when at least this many sleep.
    pub async fn wait_for_sleepers(&self, count: usize) {
        loop {
            let mut changed = pin!(self.face.somebody_sleeps.notified());
            changed.as_mut().enable();
            if self.sleepers() >= count {
                return;
            }
            changed.await;
        }
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.face.state().now
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        let state = self.face.state();
        let at = if at <= after(state.now, state.unslept) { state.now } else { at };
        drop(state);
        Box::pin(Sleep { face: self.face.clone(), at, deadline: None })
    }
}

impl Face {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Sets the time and takes out those who are due, in the order of their deadlines.
    fn wind(&mut self, now: Timestamp) -> Vec<Waker> {
        self.now = now;
        let mut due = Vec::new();
        while let Some(first) = self.sleepers.first_entry().filter(|first| first.key().0 <= now) {
            due.push(first.remove());
        }
        due
    }
}

struct Sleep {
    face: Arc<Face>,
    at: Timestamp,
    deadline: Option<Deadline>,
}

impl Future for Sleep {
    type Output = ();
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.get_mut();
        let mut state = sleep.face.state();
        if state.now >= sleep.at {
            return Poll::Ready(());
        }
        let fresh = state.slept;
        let deadline = *sleep.deadline.get_or_insert((sleep.at, fresh));
        state.slept += u64::from(deadline.1 == fresh);
        state.sleepers.insert(deadline, cx.waker().clone());
        drop(state);
        sleep.face.somebody_sleeps.notify_waiters();
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(deadline) = self.deadline {
            self.face.state().sleepers.remove(&deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn clock() -> ManualClock {
        ManualClock::new(Timestamp::UNIX_EPOCH)
    }

    #[tokio::test]
    async fn sleepers_wake_in_the_order_of_their_deadlines() {
        let clock = clock();
        let woken = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = [3, 1, 2]
            .map(|seconds| {
                let (sleep, woken) = (clock.sleep(SECOND * seconds), woken.clone());
                tokio::spawn(async move {
                    sleep.await;
                    woken.lock().unwrap().push(seconds);
                })
            })
            .into();
        clock.wait_for_sleepers(3).await;
        clock.advance(SECOND * 3);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*woken.lock().unwrap(), [1, 2, 3]);
    }

    #[tokio::test]
    async fn nobody_wakes_before_the_time() {
        let clock = clock();
        let task = tokio::spawn(clock.sleep(SECOND * 2));
        clock.wait_for_sleepers(1).await;
        clock.advance(SECOND);
        tokio::task::yield_now().await;
        assert_eq!((clock.sleepers(), task.is_finished()), (1, false));
        assert_eq!(clock.advance_to_next(), Timestamp::from_second(2).ok());
        task.await.unwrap();
        assert_eq!((clock.now(), clock.advance_to_next()), (Timestamp::from_second(2).unwrap(), None));
    }

    #[tokio::test]
    async fn a_moment_that_has_been_is_not_waited_for() {
        let clock = clock();
        clock.sleep_until(Timestamp::MIN).await;
        clock.sleep(Duration::ZERO).await;
        assert_eq!(clock.sleepers(), 0);
    }

    #[tokio::test]
    async fn a_sleeper_that_is_dropped_is_forgotten() {
        let clock = clock();
        let task = tokio::spawn(clock.sleep(SECOND));
        clock.wait_for_sleepers(1).await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(clock.sleepers(), 0);
    }

    #[tokio::test]
    async fn a_clock_that_steps_back_makes_sleepers_wait_longer() {
        let clock = clock();
        let task = tokio::spawn(clock.sleep(SECOND));
        clock.wait_for_sleepers(1).await;
        clock.set(Timestamp::from_second(-10).unwrap());
        clock.advance(SECOND * 10);
        assert_eq!(clock.sleepers(), 1);
        clock.advance(SECOND);
        task.await.unwrap();
    }
}
