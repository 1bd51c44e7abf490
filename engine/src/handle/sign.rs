//! A sign to one that rests. It is given with every request, and nearly always nobody rests: then it is one look at a flag. (A
//! watch channel looks for listeners each time, in eight places.)

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// One waits for it, and any number give it.
#[derive(Debug, Default)]
pub(crate) struct Sign {
    given: AtomicBool,
    told: Notify,
}

impl Sign {
    /// Stays given until it is taken back.
    pub(super) fn give(&self) {
        if !self.given.load(Ordering::SeqCst) && !self.given.swap(true, Ordering::SeqCst) {
            self.told.notify_one();
        }
    }

    /// What was given until now is known.
    pub(crate) fn take_back(&self) {
        self.given.store(false, Ordering::SeqCst);
    }

    /// Resolves when it is given, or is already.
    pub(crate) async fn given(&self) {
        // Told of one that was taken back since: looks again.
        while !self.given.load(Ordering::SeqCst) {
            self.told.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn it_is_given_until_it_is_taken_back_and_wakes_who_waits() {
        let sign = Sign::default();
        assert_eq!(sign.given().now_or_never(), None);
        sign.give();
        sign.give();
        assert_eq!(sign.given().now_or_never(), Some(()));
        assert_eq!(sign.given().now_or_never(), Some(()), "still");
        sign.take_back();
        assert_eq!(sign.given().now_or_never(), None, "and what told of it is not heard again");
        tokio::join!(sign.given(), async { sign.give() });
    }
}
