//! Requests are answered in stages: understood, decided, written. Between two stages a request lets all others go first that are
//! ready to run, so that where there are many they pass a stage one after the other (cohort scheduling, Larus and Parkes 2002).
//! The processor then finds the code of a stage in its nearest cache: all stages together need several times as much as
//! there is room, and a request that went through all of them in one go would fetch it anew each time.

use std::{
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

pin_project! {
    /// See [`next`]. By hand: an async function would hold the future twice.
    pub(super) struct Next<F> {
        #[pin]
        stage: F,
        has_come: bool,
    }
}

/// The next stage, which begins when those had their turn that were ready before. (Tokio's `yield_now` would look for what came
/// in on all connections first, each time.)
pub(super) fn next<F: Future>(stage: F) -> Next<F> {
    Next { stage, has_come: false }
}

impl<F: Future> Future for Next<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if mem::replace(this.has_come, true) {
            return this.stage.poll(context);
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, future::ready};

    use super::*;

    #[tokio::test]
    async fn all_pass_a_stage_before_one_is_in_the_next() {
        let stages = RefCell::new(Vec::new());
        let request = async || {
            stages.borrow_mut().push("understood");
            next(ready(())).await;
            stages.borrow_mut().push("decided");
        };
        tokio::join!(request(), request());
        assert_eq!(*stages.borrow(), ["understood", "understood", "decided", "decided"]);
    }
}
