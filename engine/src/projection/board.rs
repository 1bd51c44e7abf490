//! The board: every pipeline with its state, revisions and how its runs fare.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    event::{
        Envelope, Event,
        pipeline::{Outcome, SkipReason, Source},
    },
    id::{Actor, PipelineName, Revision, RunId},
    pipeline::Definition,
};

/// The most revisions kept per pipeline; the oldest go first.
pub const REVISIONS_MAX: usize = 50;

/// Where a pipeline is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PipelineState {
    /// Never activated, or restored.
    Draft,
    /// Its triggers start runs.
    Active,
    /// Its triggers start nothing.
    Paused,
    /// Out of use.
    Archived,
}

impl PipelineState {
    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Archived => "archived",
        }
    }
}

/// One revision.
#[derive(Debug, Clone, PartialEq)]
pub struct RevisionRow {
    /// From 1.
    pub number: u32,
    /// Names the content.
    pub revision: Revision,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub actor: Actor,
    /// What it does.
    pub definition: Arc<Definition>,
    /// As written.
    pub source: Source,
}

/// How the last ended run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRun {
    /// The run.
    pub run: RunId,
    /// How.
    pub outcome: Outcome,
    /// When.
    pub at: Timestamp,
}

/// One pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct PipelineRow {
    /// Its name.
    pub name: PipelineName,
    /// Where it is in its life.
    pub state: PipelineState,
    /// Newest last; never empty.
    pub revisions: Vec<RevisionRow>,
    /// When it was last activated or resumed: intervals count from here.
    pub active_since: Option<Timestamp>,
    /// Why it is paused.
    pub paused_because: String,
    /// When its state or definition last changed.
    pub changed_at: Timestamp,
    /// By whom.
    pub changed_by: Actor,
    /// Runs that have not ended, oldest first.
    pub live: Vec<RunId>,
    /// How the last ended run ended.
    pub last: Option<LastRun>,
    /// Runs asked for.
    pub runs_total: u64,
    /// Of these, succeeded.
    pub succeeded_total: u64,
    /// Failed.
    pub failed_total: u64,
    /// Cancelled.
    pub cancelled_total: u64,
    /// Runs that failed since the last one that succeeded.
    pub failed_in_row: u32,
    /// Ticks that started nothing.
    pub ticks_skipped: u64,
    /// The last of them.
    pub last_skip: Option<(Timestamp, SkipReason)>,
    /// The newest tick that started a run or was skipped; the schedule goes on after it.
    pub last_tick: Option<Timestamp>,
    /// Records that went to the dead letters, in all runs.
    pub dead_total: u64,
}

impl PipelineRow {
    /// The newest revision.
    ///
    /// # Panics
    /// Never: a pipeline is created with one.
    pub fn current(&self) -> &RevisionRow {
        self.revisions.last().expect("a pipeline is created with a revision")
    }

    /// The definition of the newest revision.
    pub fn definition(&self) -> &Arc<Definition> {
        &self.current().definition
    }
}

/// Every pipeline, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Board {
    /// By name.
    pub pipelines: BTreeMap<PipelineName, PipelineRow>,
}

impl Board {
    /// Folds one event in.
    pub fn apply(&mut self, _envelope: &Envelope, _event: &Event) {}
}
