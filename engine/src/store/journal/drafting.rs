//! What readers will see of a large append, in the making: by another thread while the writer waits for the disk, or by the writer
//! itself where that thread has not come to it.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    event::NewEvent,
    store::memory::{Draft, Outset},
};

/// Shared by both.
#[derive(Clone)]
pub(super) struct Drafting(Arc<Mutex<Stage>>);

enum Stage {
    Raw(Outset, Vec<NewEvent>),
    Ready(Draft),
    Taken,
}

impl Drafting {
    pub(super) fn new(outset: Outset, events: Vec<NewEvent>) -> Self {
        Self(Arc::new(Mutex::new(Stage::Raw(outset, events))))
    }

    /// Makes it ready if nobody has.
    pub(super) fn carry_out(&self) {
        let mut stage = self.stage();
        *stage = match mem::replace(&mut *stage, Stage::Taken) {
            Stage::Raw(outset, events) => Stage::Ready(Draft::new(outset, events)),
            other => other,
        };
    }

    /// Waits for whoever is at it.
    pub(super) fn take(self) -> Draft {
        match mem::replace(&mut *self.stage(), Stage::Taken) {
            Stage::Raw(outset, events) => Draft::new(outset, events),
            Stage::Ready(draft) => draft,
            Stage::Taken => unreachable!("nobody else takes it, and this one not twice"),
        }
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
