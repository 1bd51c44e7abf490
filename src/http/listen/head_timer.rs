//! The time that a head may take, by one timer a connection. Hyper makes a timer for each request and drops it when the head is
//! there; to set and to clear one takes a lock that all threads share, twice a request. So the one that is there goes on, and only
//! when it is due does it look whether that is still the time that is meant.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use hyper::rt::{Sleep, Timer};
use tokio::time;

/// Of one connection.
#[derive(Clone, Default)]
pub(super) struct HeadTimer {
    /// Between two heads.
    idle: Arc<Mutex<Option<Pin<Box<time::Sleep>>>>>,
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).take();
        // One that is due later would be late.
        let idle = idle.filter(|alarm| alarm.deadline().into_std() <= deadline);
        let alarm = idle.unwrap_or_else(|| Box::pin(time::sleep_until(deadline.into())));
        Box::pin(HeadSleep { deadline, alarm: Some(alarm), timer: self.clone() })
    }

    fn now(&self) -> Instant {
        time::Instant::now().into_std()
    }
}

/// The wait for one head.
struct HeadSleep {
    deadline: Instant,
    /// Until it is dropped.
    alarm: Option<Pin<Box<time::Sleep>>>,
    timer: HeadTimer,
}

impl Sleep for HeadSleep {}

impl Future for HeadSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline;
        let Some(alarm) = &mut self.alarm else { return Poll::Ready(()) };
        loop {
            ready!(alarm.as_mut().poll(context));
            if alarm.deadline().into_std() >= deadline {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(deadline.into());
        }
    }
}

impl Drop for HeadSleep {
    fn drop(&mut self) {
        *self.timer.idle.lock().unwrap_or_else(PoisonError::into_inner) = self.alarm.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_head_has_all_of_its_time() {
        let (timer, limit) = (HeadTimer::default(), Duration::from_millis(5));
        for _ in 0..3 {
            drop(timer.sleep(limit));
            let begun = timer.now();
            timer.sleep(limit).await;
            assert!(timer.now() - begun >= limit);
        }
    }

    #[tokio::test]
    async fn a_shorter_time_does_not_wait_for_a_longer_one() {
        let timer = HeadTimer::default();
        drop(timer.sleep(Duration::from_secs(3_600)));
        timer.sleep(Duration::from_millis(1)).await;
    }
}
