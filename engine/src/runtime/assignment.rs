//! The message that carries a run to a worker, and what a worker needs to know to begin.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    event::pipeline::RunTrigger,
    id::{CorrelationId, PipelineName, Revision, RunId, StepName},
    pipeline::{Definition, definition::Mode},
    projection::{
        ReadModels,
        checkpoints::{CheckpointsRow, Standing},
        runs::RunRow,
    },
};

/// The body of a message in the queue of runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ticket {
    /// Which run.
    pub(super) run: RunId,
    /// The attempt that is to begin.
    pub(super) attempt: u32,
}

impl Ticket {
    pub(super) fn body(self) -> Bytes {
        serde_json::to_vec(&self).expect("an id and a number are JSON").into()
    }

    /// One message an attempt, however often it is sent.
    pub(super) fn key(self) -> String {
        format!("{}/{}", self.run, self.attempt)
    }

    pub(super) fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }
}

/// Everything about a run that its next attempt needs.
#[derive(Debug, Clone)]
pub(super) struct Assignment {
    pub(super) run: RunId,
    pub(super) pipeline: PipelineName,
    pub(super) revision: Revision,
    pub(super) definition: Arc<Definition>,
    pub(super) folder: PathBuf,
    pub(super) trigger: RunTrigger,
    pub(super) params: Map<String, Value>,
    pub(super) correlation: CorrelationId,
    pub(super) checkpoints: BTreeMap<StepName, BTreeMap<String, Value>>,
    /// One more than any lease before.
    pub(super) epoch: u64,
    /// The attempt that is to begin, from 1.
    pub(super) attempt: u32,
}

impl Assignment {
    /// What the read models say about a run; `None` when they no longer hold it, or its revision.
    pub(super) fn of(models: &ReadModels, run: RunId) -> Option<Self> {
        let row = models.runs.runs.get(&run)?;
        let pipeline = models.board.pipelines.get(&row.pipeline)?;
        let revision = pipeline.revisions.iter().rev().find(|revision| revision.revision == row.revision)?;
        Some(Self {
            run,
            pipeline: row.pipeline.clone(),
            revision: row.revision,
            definition: revision.definition.clone(),
            folder: PathBuf::from(&*revision.source.folder),
            trigger: row.trigger.clone(),
            params: row.params.clone(),
            correlation: row.correlation,
            checkpoints: progress(models, row, revision.definition.mode),
            epoch: row.epoch + 1,
            attempt: row.attempt + 1,
        })
    }
}

/// How far sources and sinks are. A continuous pipeline goes on where its last run stood, whatever revision that was of, or
/// where somebody has put it since; what no version says of a run that is tried again, that run says. A batch begins at its beginning, but for one that tries another one again: that goes on
/// where that one stood, if it was of the same revision, and has not come further itself.
fn progress(models: &ReadModels, row: &RunRow, mode: Mode) -> BTreeMap<StepName, BTreeMap<String, Value>> {
    let mut progress: BTreeMap<StepName, BTreeMap<String, Value>> = BTreeMap::new();
    if mode == Mode::Continuous {
        for ((step, stream), checkpoint) in &row.checkpoints {
            progress.entry(step.clone()).or_default().insert(stream.clone(), checkpoint.cursor.clone());
        }
        let standings = models.checkpoints.pipelines.get(&row.pipeline).map(CheckpointsRow::current).unwrap_or_default();
        for Standing { step, stream, cursor, .. } in standings {
            progress.entry(step).or_default().insert(stream, cursor);
        }
        return progress;
    }
    let retried = row.retry_of.and_then(|run| models.runs.runs.get(&run)).filter(|old| old.revision == row.revision);
    // What a run has not come to yet stands where the run before left it.
    for ((step, stream), checkpoint) in retried.into_iter().chain([row]).flat_map(|row| &row.checkpoints) {
        progress.entry(step.clone()).or_default().insert(stream.clone(), checkpoint.cursor.clone());
    }
    progress
}
