//! After a replay: what its run did not get to goes back to the dead letters, and the queue that carried it is forgotten.

use super::{LEASE, Shared, assignment::Assignment};
use crate::{
    flow::ReplayMessage,
    handle::replay_queue,
    id::QueueName,
    port::queue::{BATCH_MAX, Leased, NewDeadLetter, Origin, QueueError},
};

/// Buries what is left of a replay that ended.
pub(super) async fn settle(shared: &Shared, assignment: &Assignment) {
    let own = replay_queue(assignment.run);
    if let Err(error) = bury_rest(shared, assignment, &own).await {
        tracing::error!(%error, queue = %own, "dead letters of a replay stay in its own queue: redrive them by hand");
    }
}

async fn bury_rest(shared: &Shared, assignment: &Assignment, own: &QueueName) -> Result<(), QueueError> {
    let queues = shared.engine.queues();
    let dead = QueueName::dead_letters_of(&assignment.pipeline);
    loop {
        let rest = queues.receive(own, BATCH_MAX, LEASE, "replay").await?;
        if rest.is_empty() {
            break;
        }
        let letters = rest.iter().filter_map(|leased| letter(assignment, leased)).collect();
        queues.bury(&dead, letters).await?;
        let receipts: Vec<_> = rest.iter().map(|leased| leased.receipt).collect();
        queues.ack(own, &receipts).await?;
    }
    queues.remove(own).await.map(|_| ())
}

fn letter(assignment: &Assignment, leased: &Leased) -> Option<NewDeadLetter> {
    let message: ReplayMessage = serde_json::from_slice(&leased.body).ok()?;
    Some(NewDeadLetter {
        body: message.record.get().to_owned().into(),
        error: "its replay ended before it was processed".into(),
        origin: Origin {
            pipeline: assignment.pipeline.to_string(),
            run: assignment.run.to_string(),
            step: message.step.to_string(),
            revision: assignment.revision.to_string(),
            source: message.origin,
        },
    })
}
