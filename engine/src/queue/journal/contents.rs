//! What the files add up to: the queues, by number.

use std::{collections::BTreeMap, io};

use crate::{
    id::QueueName,
    queue::state::{effect::Effect, replay::Replay},
    segment::{
        Contents,
        base::BaseFile,
        frame::{Batch, Format},
        scan::Scanned,
    },
};

use super::record::{MADE, decode, push, push_end, queue_of};

/// Bytes of records after which a batch of a base is full.
const BASE_BATCH_BYTES: usize = 1 << 20;

/// Records have no numbers; files do.
pub(super) const NEXT: u64 = 1;

const FORMAT: Format = Format { segment: b"FLEXQJNL", base: b"FLEXQBAS", version: 1, follow: |_, _, next| Some(next) };

#[derive(Default)]
pub(super) struct QueueContents {
    pub(super) queues: BTreeMap<u32, (QueueName, Replay)>,
    /// The last record was the end of a base.
    is_ended: bool,
}

impl QueueContents {
    /// The record that would have to stand before one about a queue that nobody made: under a name that no queue has.
    pub(super) fn lost_beginning(&self, kind: u8, body: &[u8]) -> Option<(u8, Vec<u8>)> {
        let number = queue_of(kind, body).filter(|number| kind != MADE && !self.queues.contains_key(number))?;
        let first = format!("recovered-{number}");
        let names = std::iter::once(first.clone()).chain((2..).map(|at| format!("{first}-{at}")));
        let is_free = |name: &String| !self.queues.values().any(|(known, _)| known.as_str() == name);
        let name = names.into_iter().find(is_free)?;
        Some((MADE, [&number.to_le_bytes(), name.as_bytes()].concat()))
    }
}

impl Contents for QueueContents {
    const FORMAT: Format = FORMAT;

    type Record = Option<(u32, Effect)>;
    type Decoder = ();

    fn decode((): &mut (), kind: u8, body: &[u8]) -> Result<Self::Record, String> {
        decode(kind, body)
    }

    fn next(&self) -> u64 {
        NEXT
    }

    fn skip_to(&mut self, _: u64) {}

    fn take(&mut self, record: Self::Record) -> Result<(), String> {
        self.is_ended = false;
        match record {
            None => self.is_ended = true,
            Some((queue, Effect::Made(name))) => drop(self.queues.insert(queue, (name, Replay::default()))),
            Some((queue, Effect::Removed)) => drop(self.queues.remove(&queue)),
            Some((queue, effect)) => match self.queues.get_mut(&queue) {
                Some((_, replay)) => replay.apply(effect),
                None => return Err(format!("a record of queue number {queue}, which nobody made")),
            },
        }
        Ok(())
    }

    fn leave_behind(&mut self) {}

    fn write_base(&self, base: &mut BaseFile<'_>) -> io::Result<()> {
        let mut batch = Batch::default();
        for (queue, (name, replay)) in &self.queues {
            push(&mut batch, *queue, &Effect::Made(name.clone()));
            for effect in replay.notes() {
                push(&mut batch, *queue, &effect);
                if batch.len() >= BASE_BATCH_BYTES {
                    base.add(&mut batch)?;
                }
            }
        }
        push_end(&mut batch);
        base.add(&mut batch)
    }

    fn is_whole(&self, _: &Scanned) -> bool {
        self.is_ended
    }
}
