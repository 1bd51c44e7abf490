//! Time limits that are seldom needed: nearly everything is there when it is first looked at, and then no timer is made.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use tokio::time::{error::Elapsed, timeout};

/// What comes of a future within a time, which begins when it is first waited for.
pub(super) async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Result<T, Elapsed> {
    let mut future = pin!(future);
    match poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => timeout(limit, future).await,
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
