//! The parts of the runtime, and whether they work: one that panics ends quietly, and what it did is then done by nobody.

use std::sync::{Arc, Mutex, PoisonError};

/// Which parts there are. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    all: Arc<Mutex<Vec<Part>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) works: bool,
}

struct Working {
    parts: Parts,
    name: &'static str,
}

impl Parts {
    /// A part's work, known from now on: it counts as ended however it ends.
    pub(crate) fn known<W: Future<Output = ()>>(&self, name: &'static str, work: W) -> impl Future<Output = ()> + use<W> {
        self.lock().push(Part { name, works: true });
        let working = Working { parts: self.clone(), name };
        async move {
            work.await;
            drop(working);
        }
    }

    pub(crate) fn all(&self) -> Vec<Part> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Part>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.parts.lock().iter_mut().filter(|part| part.name == self.name).for_each(|part| part.works = false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_panics_is_seen_to_have_ended() {
        let parts = Parts::default();
        let falls = tokio::spawn(parts.known("falls", async { assert!(parts_are_few(), "it falls") }));
        let _stays = parts.known("stays", std::future::pending::<()>());
        assert!(falls.await.is_err());
        assert_eq!(parts.all(), [Part { name: "falls", works: false }, Part { name: "stays", works: true }]);
    }

    fn parts_are_few() -> bool {
        Parts::default().all().len() > 1
    }
}
