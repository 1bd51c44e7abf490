//! Dead letters, processed again. They are copied into a queue of the run's own first, then the run is asked for, and only
//! then do they leave the dead letters: whatever fails in between, a record is there twice rather than not at all.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::{
    Accepted, Engine, Refusal,
    append::{Beside, Decision},
    first_of_run,
    queues::counted,
};
use crate::{
    aggregate::{Pipeline, Queue, Rejection, queue::Done},
    command::{PipelineCommand, Request},
    event::pipeline::RunTrigger,
    flow::ReplayMessage,
    id::{MessageId, PipelineName, QueueName, RunId, StreamName},
    pipeline::Definition,
    port::{
        queue::{BATCH_MAX, MessageState, NewMessage, Peek, PeekedMessage, QueueLimits},
        store::Expected,
    },
    unit::ByteSize,
};

/// The most dead letters of one replay.
pub const REPLAY_MAX: usize = 10_000;
/// The most bytes of one replay: what a queue of dead letters holds by default, and the wrapping.
const REPLAY_BYTES_MAX: ByteSize = ByteSize(1 << 30);

/// The queue that carries dead letters to the run that processes them again.
///
/// # Panics
/// Never: the name follows the rule for names.
pub fn replay_queue(run: RunId) -> QueueName {
    let hex = run.0.simple().to_string();
    let name = format!("flexcore.replay-{}{}", &hex[..8], &hex[24..]);
    QueueName::new(&name).expect("hex digits follow the rule for names")
}

impl Engine {
    pub(super) async fn replay(
        &self,
        queue: &QueueName,
        pipeline: &PipelineName,
        run: RunId,
        messages: &[MessageId],
        request: &Request,
    ) -> Result<Accepted, Refusal> {
        let command = PipelineCommand::RequestRun { run, trigger: RunTrigger::Replay, params: serde_json::Map::new() };
        let definition = self.would_run(pipeline, &command, request).await?;
        let letters = self.letters_of(queue, &definition, messages).await?;
        if letters.is_empty() {
            let text = format!("queue `{queue}` has no such dead letter of a step of pipeline `{pipeline}`");
            return Err(Rejection::Nothing(text).into());
        }
        let own = replay_queue(run);
        let asked = match self.hand_over(&own, &letters).await {
            Ok(()) => self.ask_for_replay(queue, pipeline, &command, letters.len(), request).await,
            Err(refusal) => Err(refusal),
        };
        match asked {
            Ok(accepted) => {
                let note = self.take_out(queue, &letters).await;
                Ok(Accepted { note, ..accepted })
            }
            Err(refusal) => {
                self.clear(&own).await;
                Err(refusal)
            }
        }
    }

    /// Whether the pipeline would accept the run: asked before anything is moved.
    async fn would_run(
        &self,
        pipeline: &PipelineName,
        command: &PipelineCommand,
        request: &Request,
    ) -> Result<std::sync::Arc<Definition>, Refusal> {
        let held = self.inner.pipelines.load(&*self.inner.store, &StreamName::pipeline(pipeline), false).await?;
        held.state.decide(pipeline, command, request.at)?;
        held.state.definition().cloned().ok_or_else(|| Rejection::NoPipeline(pipeline.clone()).into())
    }

    async fn letters_of(
        &self,
        queue: &QueueName,
        definition: &Definition,
        messages: &[MessageId],
    ) -> Result<Vec<(MessageId, ReplayMessage)>, Refusal> {
        let wanted: HashSet<&MessageId> = messages.iter().collect();
        let mut letters = Vec::new();
        let mut offset = 0;
        loop {
            let page = self.inner.queues.peek(queue, Peek::Dead, offset, BATCH_MAX).await?;
            offset += page.len();
            let is_last = page.len() < BATCH_MAX;
            let named = page.into_iter().filter(|letter| wanted.is_empty() || wanted.contains(&letter.id));
            letters.extend(named.filter_map(|letter| unpacked(letter, definition)));
            if is_last || letters.len() >= REPLAY_MAX {
                letters.truncate(REPLAY_MAX);
                return Ok(letters);
            }
        }
    }

    async fn hand_over(&self, own: &QueueName, letters: &[(MessageId, ReplayMessage)]) -> Result<(), Refusal> {
        // Deliveries are without limit: a letter that fails again becomes a dead letter by the run, not by this queue.
        let limits = QueueLimits {
            messages_max: REPLAY_MAX as u64,
            bytes_max: REPLAY_BYTES_MAX,
            body_max: REPLAY_BYTES_MAX,
            attempts_max: u32::MAX,
            ..QueueLimits::default()
        };
        self.inner.queues.declare(own, limits).await?;
        for part in letters.chunks(BATCH_MAX) {
            let messages = part.iter().map(|(_, letter)| NewMessage { body: packed(letter), ..NewMessage::default() });
            self.inner.queues.send(own, messages.collect()).await?;
        }
        Ok(())
    }

    async fn ask_for_replay(
        &self,
        queue: &QueueName,
        pipeline: &PipelineName,
        command: &PipelineCommand,
        count: usize,
        request: &Request,
    ) -> Result<Accepted, Refusal> {
        let decide = |state: &Pipeline| {
            let events = state.decide(pipeline, command, request.at)?;
            let mut decision = Decision::split(events, "pipeline.", |events| first_of_run(command, events));
            decision.beside.extend(replayed(queue, pipeline, command, count as u64));
            Ok(decision)
        };
        let (accepted, _, _) = self.change(&self.inner.pipelines, &StreamName::pipeline(pipeline), request, decide).await?;
        Ok(accepted)
    }

    /// Takes the letters out of the dead ones; what cannot be taken out will be there twice, and the note says so.
    async fn take_out(&self, queue: &QueueName, letters: &[(MessageId, ReplayMessage)]) -> String {
        let ids: Vec<MessageId> = letters.iter().map(|(id, _)| *id).collect();
        for part in ids.chunks(BATCH_MAX) {
            if let Err(error) = self.inner.queues.take_dead(queue, part).await {
                let count = counted(ids.len() as u64, "dead letter");
                return format!("{count} handed to the run, but not all could be removed here: {error}");
            }
        }
        format!("{} handed to the run", counted(ids.len() as u64, "dead letter"))
    }

    async fn clear(&self, own: &QueueName) {
        if let Err(error) = self.inner.queues.purge(own, false).await {
            tracing::warn!(%error, queue = %own, "copies of dead letters stay in a queue that no run reads");
        }
    }
}

fn replayed(queue: &QueueName, pipeline: &PipelineName, command: &PipelineCommand, count: u64) -> Option<Beside> {
    let PipelineCommand::RequestRun { run, .. } = command else { return None };
    let events = vec![Queue::record(Done::Replayed(pipeline.clone(), *run, count))];
    Some(Beside { stream: StreamName::queue(queue), expected: Expected::Any, events, taken: None })
}

/// A letter whose step the pipeline still has; others stay where they are.
fn unpacked(letter: PeekedMessage, definition: &Definition) -> Option<(MessageId, ReplayMessage)> {
    let MessageState::Dead { origin: Some(origin), .. } = letter.state else { return None };
    let step = definition.steps.iter().map(|step| &step.name).find(|name| name.as_str() == origin.step)?.clone();
    if origin.pipeline != definition.name.as_str() {
        return None;
    }
    Some((letter.id, ReplayMessage { step, record: as_json(&letter.body), origin: origin.source }))
}

/// What is not JSON was buried as text, and is handed on as text.
fn as_json(body: &[u8]) -> Box<RawValue> {
    serde_json::from_slice(body).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(body);
        serde_json::value::to_raw_value(&*text).expect("a string is JSON")
    })
}

fn packed(letter: &ReplayMessage) -> bytes::Bytes {
    serde_json::to_vec(letter).expect("a name, JSON and a string are JSON").into()
}
