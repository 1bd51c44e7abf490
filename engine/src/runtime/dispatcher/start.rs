//! A look at all runs: what a start finds, and a dispatcher that has fallen behind.
//!
//! Log and queue are written apart, so after a crash each may know what the other does not. The log says which runs are to
//! go on; the queue only says for which of them a message is there. Whichever is missing is sent again, under a key of its
//! own: the key of the message that was lost may still be known. A message for a run that needs none does no harm, for
//! whoever takes it asks the log first.

use std::collections::HashSet;

use jiff::Timestamp;

use super::{Dispatcher, Ticket, Turn, turn};
use crate::{
    id::RunId,
    port::queue::{BATCH_MAX, Peek, QueueError},
    projection::{
        ReadModels,
        runs::{RunRow, RunState},
    },
    runtime::{attempt::end_cancelling, runs_queue},
    unit::Duration,
};

/// What a run needs that is not in anybody's hand.
enum Need {
    /// A message, as soon as it is its turn.
    Turn,
    /// A message for an attempt, not before a moment.
    Message(u32, Option<Timestamp>),
    /// To be told that its worker is gone.
    End,
}

impl Dispatcher {
    pub(super) async fn dispatch_all(&mut self) {
        // Those of an earlier look are looked at again: what is held here is never more than the runs that live.
        self.found.clear();
        // The queue is looked at second: a run whose message is acked meanwhile has ended, and a message more is dropped.
        let needs = self.shared.engine.view(needs).await;
        let Some(known) = self.in_queue().await else { return };
        for (run, need) in needs.into_iter().filter(|(run, _)| !known.contains(run)) {
            match need {
                Need::Turn => self.find_turn(run).await,
                Need::Message(attempt, at) => self.find(Ticket { run, attempt }, at).await,
                Need::End => end_cancelling(&self.shared, run).await,
            }
        }
    }

    async fn find_turn(&mut self, run: RunId) {
        match self.shared.engine.view(move |models| turn(models, run)).await {
            Some((attempt, Turn::Now)) => self.find(Ticket { run, attempt }, None).await,
            Some((_, Turn::After(_) | Turn::Later)) | None => self.consider(run, None).await,
        }
    }

    async fn find(&mut self, ticket: Ticket, at: Option<Timestamp>) {
        let key = format!("{}/{}", ticket.key(), self.shared.engine.store().head());
        self.send(ticket, at, key).await;
        self.found.insert((ticket.run, ticket.attempt));
    }

    /// The runs for which there is a message. Nothing when the engine stops before the queue answers.
    async fn in_queue(&self) -> Option<HashSet<RunId>> {
        loop {
            match self.look().await {
                Ok(runs) => return Some(runs),
                Err(error) => tracing::warn!(%error, "the queue of runs cannot be looked at; the dispatcher tries again"),
            }
            tokio::select! {
                () = self.shared.shutdown.cancelled() => return None,
                () = self.shared.engine.clock().sleep(Duration::from_secs(1).0) => {}
            }
        }
    }

    async fn look(&self) -> Result<HashSet<RunId>, QueueError> {
        let (queues, queue, mut runs) = (self.shared.engine.queues(), runs_queue(), HashSet::new());
        for which in [Peek::Waiting, Peek::Leased] {
            for page in 0.. {
                let messages = queues.peek(&queue, which, page * BATCH_MAX, BATCH_MAX).await?;
                runs.extend(messages.iter().filter_map(|message| Ticket::read(&message.body)).map(|ticket| ticket.run));
                if messages.len() < BATCH_MAX {
                    break;
                }
            }
        }
        Ok(runs)
    }
}

fn needs(models: &ReadModels) -> Vec<(RunId, Need)> {
    models.runs.runs.values().filter_map(|row| Some((row.id, need(row)?))).collect()
}

fn need(row: &RunRow) -> Option<Need> {
    match row.state {
        RunState::Queued => Some(Need::Turn),
        RunState::Retrying => Some(Need::Message(row.attempt + 1, row.deadline)),
        RunState::Running => Some(Need::Message(row.attempt + 1, None)),
        RunState::Cancelling => Some(Need::End),
        RunState::Succeeded | RunState::Failed | RunState::Cancelled => None,
    }
}
