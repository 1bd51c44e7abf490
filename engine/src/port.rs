//! What the engine needs of the world. Traits stand here and nowhere else; each has a memory or manual implementation in
//! this crate, which is the reference and the test double.

pub mod clock;
pub mod queue;
pub mod report;
pub mod step;
pub mod store;

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// A boxed future, as dynamic ports return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An answer that is either here or on its way. Memory adapters answer at once, without allocating or yielding; adapters
/// that wait for a disk or a network box a future.
pub enum Reply<'a, T> {
    /// Here; `None` once taken.
    Ready(Option<T>),
    /// On its way.
    Pending(BoxFuture<'a, T>),
}

impl<T> Reply<'_, T> {
    /// An answer that is here.
    pub fn ready(value: T) -> Self {
        Self::Ready(Some(value))
    }
}

impl<T: Unpin> Future for Reply<'_, T> {
    type Output = T;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match self.get_mut() {
            Self::Ready(value) => Poll::Ready(value.take().expect("a future is not polled after it ended")),
            Self::Pending(future) => future.as_mut().poll(cx),
        }
    }
}
