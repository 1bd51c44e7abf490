//! How a call becomes something on disk.
//!
//! A call that brings something or changes it is decided, written, and only then seen: until then what it concerns is held,
//! and when it cannot be written it never was. A call that hands something back is done at once, for it cannot be undone: the
//! receiver is through with it.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{
    id::{MessageId, QueueName},
    port::queue::{Leased, PeekedMessage, QueueError, Receipt},
    queue::{
        shelves::{Shelf, Shelves},
        state::{Lifted, QueueState, Refusal, effect::Effect},
    },
    unit::Duration,
};

use super::{
    JournalQueues,
    desk::{Desk, Entry, Finish},
};

/// One queue in somebody's hand, and what it takes to write what happens to it.
#[derive(Clone)]
struct Hand {
    shelf: Arc<Shelf>,
    shelves: Arc<Shelves>,
    desk: Arc<Desk>,
}

impl Hand {
    /// Does something that counts at once; it is written with what comes next.
    fn act(&self, act: impl FnOnce(&mut QueueState, Timestamp)) {
        let now = self.shelves.clock.now();
        self.shelf.call(now, |state| {
            act(state, now);
            let effects = state.take_effects();
            if !effects.is_empty() {
                self.desk.put(self.shelf.number, &effects, None, None);
            }
        });
    }
}

/// Undoes what was done for a caller.
type Undo<T> = fn(&mut QueueState, Timestamp, T);

/// What a caller gets. If the caller is gone by then, what was done for it is undone.
struct Parcel<T> {
    value: Option<T>,
    undo: Option<(Hand, Undo<T>)>,
}

impl<T> Parcel<T> {
    fn open(mut self) -> T {
        self.undo = None;
        self.value.take().expect("a parcel is opened once")
    }
}

impl<T> Drop for Parcel<T> {
    fn drop(&mut self) {
        if let (Some(value), Some((hand, undo))) = (self.value.take(), self.undo.take()) {
            hand.act(|state, now| undo(state, now, value));
        }
    }
}

/// What a call is like.
pub(super) struct How<T> {
    /// About as many bytes as it writes.
    bytes: usize,
    /// It makes its queue when there is none.
    makes: bool,
    /// It may use the reserve of a full disk.
    relieves: bool,
    undo: Option<Undo<T>>,
}

impl<T> How<T> {
    pub(super) fn changing(bytes: usize) -> Self {
        Self { bytes, makes: false, relieves: false, undo: None }
    }

    pub(super) fn making(bytes: usize) -> Self {
        Self { makes: true, ..Self::changing(bytes) }
    }
}

enum Decided<T> {
    /// There is nothing to write.
    Nothing(T),
    Asked(oneshot::Receiver<Result<Parcel<T>, QueueError>>),
}

impl JournalQueues {
    /// Decides what happens, writes it, and then settles what was held for it: as done, or as never begun.
    pub(super) async fn firm<T: Send + 'static, H: Send + 'static>(
        &self,
        queue: &QueueName,
        how: How<T>,
        decide: impl FnOnce(&mut QueueState, Timestamp) -> Result<(T, H), Refusal>,
        settle: impl FnOnce(&mut QueueState, Timestamp, H, bool) + Send + 'static,
    ) -> Result<T, QueueError> {
        self.check_condition()?;
        let permit = self.desk.room_for(how.bytes).await;
        let makes = how.makes;
        let act = |shelf: &Arc<Shelf>, state: &mut QueueState, now| {
            let before = state.take_effects();
            let decided = decide(state, now);
            // A call that is refused makes no queue.
            if !before.is_empty() && (decided.is_ok() || !matches!(before[0], Effect::Made(_))) {
                self.desk.put(shelf.number, &before, None, None);
            }
            let (value, held) = decided?;
            self.write_firm(shelf, state, now, Firm { value, held, settle, how, permit })
        };
        match if makes { self.shelves.on_made(queue, act) } else { self.shelves.on(queue, act) }? {
            Decided::Nothing(value) => Ok(value),
            Decided::Asked(answer) => Ok(answer.await.map_err(|_| closed())??.open()),
        }
    }

    fn write_firm<T, H, S>(
        &self,
        shelf: &Arc<Shelf>,
        state: &mut QueueState,
        now: Timestamp,
        firm: Firm<T, H, S>,
    ) -> Result<Decided<T>, Refusal>
    where
        T: Send + 'static,
        H: Send + 'static,
        S: FnOnce(&mut QueueState, Timestamp, H, bool) + Send + 'static,
    {
        let effects = state.take_effects();
        if effects.is_empty() {
            (firm.settle)(state, now, firm.held, true);
            return Ok(Decided::Nothing(firm.value));
        }
        let (sender, answer) = oneshot::channel();
        let (mut firm, hand) = (Some(firm), self.hand(shelf));
        let put = self.desk.put_firm(shelf.number, &effects, || firm.take().expect("it is asked once").entry(hand, sender));
        match (put, firm) {
            (Err(bytes), Some(Firm { held, settle, .. })) => {
                settle(state, now, held, false);
                let bytes_max = self.desk.batch_bytes_max;
                Err(Refusal::Unfit(format!(
                    "{bytes} bytes on disk in one call, where {bytes_max} fit into a segment; do it in several calls"
                )))
            }
            _ => Ok(Decided::Asked(answer)),
        }
    }

    fn hand(&self, shelf: &Arc<Shelf>) -> Hand {
        Hand { shelf: shelf.clone(), shelves: self.shelves.clone(), desk: self.desk.clone() }
    }

    /// Does something that counts at once, and waits until it is written.
    pub(super) async fn at_once<T>(
        &self,
        queue: &QueueName,
        act: impl FnOnce(&mut QueueState, Timestamp) -> Result<T, Refusal>,
    ) -> Result<T, QueueError> {
        self.check_condition()?;
        let permit = self.desk.room_for(0).await;
        let mut written = None;
        let outcome = self.shelves.on(queue, |shelf, state, now| {
            let outcome = act(state, now);
            let effects = state.take_effects();
            if !effects.is_empty() {
                let (finish, told) = told();
                self.desk.put(shelf.number, &effects, Some(finish), permit);
                written = Some(told);
            }
            outcome
        });
        if let Some(written) = written {
            written.await.map_err(|_| closed())??;
        }
        outcome
    }

    pub(super) async fn deliver(
        &self,
        queue: &QueueName,
        max: usize,
        lease: Duration,
        by: &str,
    ) -> Result<Vec<Leased>, QueueError> {
        let undo: Undo<Vec<Leased>> = |state, now, leased| {
            for Leased { receipt, .. } in leased {
                // Its lease may have ended meanwhile.
                drop(state.release(now, receipt, Duration::default()));
            }
        };
        let how = How { relieves: true, undo: Some(undo), ..How::changing(0) };
        let decide = |state: &mut QueueState, now| {
            let leased = state.receive(now, max, lease, by)?;
            let receipts: Vec<Receipt> = leased.iter().map(|leased| leased.receipt).collect();
            Ok((leased, receipts))
        };
        let settle = |state: &mut QueueState, now, receipts: Vec<Receipt>, is_written: bool| {
            if !is_written {
                state.undeliver(now, &receipts);
            }
        };
        self.firm(queue, how, decide, settle).await
    }

    pub(super) async fn take_out(&self, queue: &QueueName, ids: &[MessageId]) -> Result<Vec<PeekedMessage>, QueueError> {
        let undo: Undo<(Vec<PeekedMessage>, Lifted)> = |state, _, (_, lifted)| state.bury_again(lifted);
        let how = How { undo: Some(undo), ..How::changing(0) };
        let decide = |state: &mut QueueState, _| {
            let (taken, lifted) = state.lift_for_taking(ids);
            Ok(((taken, lifted.clone()), lifted))
        };
        let settle = |state: &mut QueueState, _, lifted, is_written| state.settle_taking(lifted, is_written);
        Ok(self.firm(queue, how, decide, settle).await?.0)
    }

    pub(super) async fn forget(&self, queue: &QueueName) -> Result<bool, QueueError> {
        self.check_condition()?;
        let (finish, told) = told();
        let is_gone = self.shelves.forget(queue, |shelf| self.desk.put(shelf.number, &[Effect::Removed], Some(finish), None));
        if is_gone {
            told.await.map_err(|_| closed())??;
        }
        Ok(is_gone)
    }

    /// After a sync that failed nothing is begun any more.
    fn check_condition(&self) -> Result<(), QueueError> {
        self.desk.condition.poison().map_or(Ok(()), |reason| Err(QueueError::Unavailable { reason }))
    }
}

/// A call that was decided.
struct Firm<T, H, S> {
    value: T,
    held: H,
    settle: S,
    how: How<T>,
    permit: Option<OwnedSemaphorePermit>,
}

impl<T, H, S> Firm<T, H, S>
where
    T: Send + 'static,
    H: Send + 'static,
    S: FnOnce(&mut QueueState, Timestamp, H, bool) + Send + 'static,
{
    fn entry(self, hand: Hand, sender: oneshot::Sender<Result<Parcel<T>, QueueError>>) -> Entry {
        let Self { value, held, settle, how, permit } = self;
        let finish = move |outcome: Result<(), String>| {
            hand.act(|state, now| settle(state, now, held, outcome.is_ok()));
            let parcel = Parcel { value: Some(value), undo: how.undo.map(|undo| (hand, undo)) };
            let answer = match outcome {
                Ok(()) => Ok(parcel),
                Err(reason) => {
                    // It was settled as never begun: there is nothing to undo.
                    parcel.open();
                    Err(QueueError::Unavailable { reason })
                }
            };
            drop(sender.send(answer));
        };
        Entry::firm(how.relieves, Box::new(finish), permit)
    }
}

/// Tells one caller.
fn told() -> (Finish, oneshot::Receiver<Result<(), QueueError>>) {
    let (sender, told) = oneshot::channel();
    let finish = move |outcome: Result<(), String>| {
        drop(sender.send(outcome.map_err(|reason| QueueError::Unavailable { reason })));
    };
    (Box::new(finish), told)
}

fn closed() -> QueueError {
    QueueError::Unavailable { reason: "the queues are closed".into() }
}
