//! What operators do to a queue (stream `queue/<name>`). Messages themselves are not events: they come and go in the
//! queue's own store.

use serde::{Deserialize, Serialize};

use crate::{
    id::{MessageId, PipelineName, RunId},
    port::queue::QueueLimits,
};

/// The queue exists with these limits, or has new ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueDeclared {
    /// Its limits.
    pub limits: QueueLimits,
}

/// An operator sent a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageSent {
    /// The message.
    pub message: MessageId,
    /// Its size.
    pub bytes: u64,
}

/// What a purge empties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PurgeScope {
    /// Waiting and delayed messages; leased ones stay.
    Messages,
    /// Dead letters.
    DeadLetters,
}

/// An operator emptied it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueuePurged {
    /// Of what.
    pub scope: PurgeScope,
    /// How many went.
    pub count: u64,
}

/// Dead letters went back to the queue they came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueRedriven {
    /// How many.
    pub count: u64,
}

/// An operator changed a dead letter's body before replaying it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLetterEdited {
    /// Which.
    pub message: MessageId,
}

/// Records of dead letters are processed again from the step that refused them, by a run of the current revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLettersReplayed {
    /// Whose.
    pub pipeline: PipelineName,
    /// The run that processes them.
    pub run: RunId,
    /// How many.
    pub count: u64,
}

/// An operator gave dead letters up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLettersDiscarded {
    /// Which; at most 1000 an event.
    pub messages: Vec<MessageId>,
}
