//! What a writer writes with: the end of the files, and whether it can be written to, for all to see.

use std::{
    io::{self, ErrorKind},
    sync::{Arc, Mutex, PoisonError},
};

use crate::port::store::Condition;

use super::{
    frame::Batch,
    tail::{Failure, Tail},
};

/// Shared with whoever asks for it.
#[derive(Debug, Clone)]
pub(crate) struct SharedCondition(Arc<Mutex<Condition>>);

impl SharedCondition {
    pub(crate) fn get(&self) -> Condition {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn is_writing(&self) -> bool {
        matches!(*self.0.lock().unwrap_or_else(PoisonError::into_inner), Condition::Writing)
    }

    /// Why nothing more may be written.
    pub(crate) fn poison(&self) -> Option<String> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Condition::Failed { reason } => Some(reason.clone()),
            Condition::Writing | Condition::Refusing { .. } => None,
        }
    }

    fn set(&self, condition: Condition) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = condition;
    }
}

/// Held by the one thread that writes.
pub(crate) struct Pen {
    pub(crate) tail: Tail,
    condition: SharedCondition,
}

impl Pen {
    pub(crate) fn new(tail: Tail) -> Self {
        Self { tail, condition: SharedCondition(Arc::new(Mutex::new(Condition::Writing))) }
    }

    pub(crate) fn condition(&self) -> &SharedCondition {
        &self.condition
    }

    /// Writes a batch and syncs it; why it could not, in words and as the system said it.
    pub(crate) fn write(&mut self, batch: &mut Batch, from: u64, next: u64, relieves: bool) -> Result<(), (String, io::Error)> {
        let outcome = self.tail.write(batch, from, next, relieves);
        let (condition, outcome) = match outcome {
            Ok(()) => (Condition::Writing, Ok(())),
            Err(Failure::Refused(error)) => {
                let reason = format!("{error}; what is in the journal stays readable, and it takes more as soon as it can");
                let is_full = matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
                (Condition::Refusing { reason: reason.clone(), is_full }, Err((reason, error)))
            }
            Err(Failure::Unknown(error)) => {
                let reason = format!("a sync failed, so it takes no more until it is opened again, but stays readable: {error}");
                tracing::error!(%error, "a sync of the journal failed; it takes no more until it is opened again");
                (Condition::Failed { reason: reason.clone() }, Err((reason, error)))
            }
        };
        self.tell(&condition);
        self.condition.set(condition);
        outcome
    }

    /// Said when it changes, and not at every try.
    fn tell(&self, next: &Condition) {
        match (self.condition.is_writing(), next) {
            (true, Condition::Refusing { reason, .. }) => tracing::warn!(reason, "the journal takes nothing"),
            (false, Condition::Writing) => tracing::info!("the journal takes what it is given again"),
            _ => {}
        }
    }
}
