//! Time limits that are seldom needed: nearly everything is there when it was looked at a few times, and then no timer is made.
//! (Not at the first look: the body of a request is handed over only once somebody waits for it, and what is done in stages
//! lets others go first.)

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

/// Looks without a timer.
const LOOKS: u32 = 3;

/// The time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Elapsed;

/// What comes of a future within a time, which begins when it is waited for.
pub(super) fn within<F: Future>(limit: Duration, future: F) -> Within<F> {
    Within { future, limit, looks: 0, timer: None }
}

pin_project! {
    /// See [`within`]. By hand: an async function would hold the future twice.
    pub(super) struct Within<F> {
        #[pin]
        future: F,
        limit: Duration,
        looks: u32,
        timer: Option<Pin<Box<Sleep>>>,
    }
}

impl<F: Future> Future for Within<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(context) {
            return Poll::Ready(Ok(output));
        }
        if *this.looks < LOOKS {
            *this.looks += 1;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep(*this.limit)));
        timer.as_mut().poll(context).map(|()| Err(Elapsed))
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn what_is_there_is_taken_and_what_never_comes_is_given_up() {
        assert_eq!(within(Duration::ZERO, ready(7)).await.ok(), Some(7));
        assert!(within(Duration::from_secs(60), yield_now()).await.is_ok());
        assert!(within(Duration::ZERO, pending::<()>()).await.is_err());
    }
}
