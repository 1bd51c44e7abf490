//! The board: every pipeline with its state, revisions and how its runs fare.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::rows::Rows;
use crate::{
    event::{
        Envelope, Event,
        pipeline::{
            Outcome, PipelineCreated, PipelineRevised, RunEnded, RunRequested, RunTrigger, SkipReason, Source, TickSkipped,
        },
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// The run.
    pub run: RunId,
    /// How.
    pub outcome: Outcome,
    /// When.
    pub at: Timestamp,
}

/// One pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Board {
    /// By name.
    pub pipelines: Rows<PipelineName, PipelineRow>,
}

impl Board {
    /// Folds one event in.
    pub fn apply(&mut self, envelope: &Envelope, event: &Event) {
        let (family, name) = envelope.stream.as_str().split_once('/').unwrap_or_default();
        match family {
            "pipeline" => self.apply_to_pipeline(name, envelope, event),
            "run" => self.apply_to_run(name, event),
            _ => {}
        }
    }

    fn apply_to_pipeline(&mut self, name: &str, envelope: &Envelope, event: &Event) {
        if let Event::PipelineCreated(created) = event {
            if let Ok(name) = PipelineName::new(name) {
                self.pipelines.insert(name.clone(), PipelineRow::created(name, envelope, created));
            }
        } else if let Event::PipelineDeleted(_) = event {
            self.pipelines.remove(name);
        } else if let Some(row) = self.pipelines.get_mut(name) {
            row.apply(envelope, event);
        }
    }

    /// Dead letters are told by runs, and counted where their pipeline is found.
    fn apply_to_run(&mut self, run: &str, event: &Event) {
        let (Event::DeadLettered(letters), Ok(run)) = (event, run.parse::<RunId>()) else { return };
        let name = self.pipelines.values().find(|row| row.live.contains(&run)).map(|row| row.name.clone());
        if let Some(row) = name.and_then(|name| self.pipelines.get_mut(&name)) {
            row.dead_total += letters.count;
        }
    }
}

impl PipelineRow {
    fn created(name: PipelineName, envelope: &Envelope, created: &PipelineCreated) -> Self {
        let PipelineCreated { revision, definition, source } = created.clone();
        let (at, actor) = (envelope.event.at, envelope.event.actor.clone());
        let first = RevisionRow { number: 1, revision, at, actor: actor.clone(), definition, source };
        Self {
            name,
            state: PipelineState::Draft,
            revisions: vec![first],
            active_since: None,
            paused_because: String::new(),
            changed_at: at,
            changed_by: actor,
            live: Vec::new(),
            last: None,
            runs_total: 0,
            succeeded_total: 0,
            failed_total: 0,
            cancelled_total: 0,
            failed_in_row: 0,
            ticks_skipped: 0,
            last_skip: None,
            last_tick: None,
            dead_total: 0,
        }
    }

    fn apply(&mut self, envelope: &Envelope, event: &Event) {
        match event {
            Event::PipelineRevised(event) => self.revised(envelope, event),
            Event::PipelineActivated(_) | Event::PipelineResumed(_) => {
                self.changed(PipelineState::Active, envelope);
                self.active_since = Some(envelope.event.at);
            }
            Event::PipelinePaused(event) => {
                self.changed(PipelineState::Paused, envelope);
                self.paused_because.clone_from(&event.reason);
            }
            Event::PipelineArchived(_) => self.changed(PipelineState::Archived, envelope),
            Event::PipelineRestored(_) => self.changed(PipelineState::Draft, envelope),
            Event::RunRequested(event) => self.requested(event),
            Event::RunEnded(event) => self.ended(envelope, event),
            Event::TickSkipped(event) => self.skipped(event),
            _ => {}
        }
    }

    fn changed(&mut self, state: PipelineState, envelope: &Envelope) {
        self.state = state;
        self.active_since = None;
        self.paused_because.clear();
        self.touched(envelope);
    }

    fn touched(&mut self, envelope: &Envelope) {
        self.changed_at = envelope.event.at;
        self.changed_by = envelope.event.actor.clone();
    }

    fn revised(&mut self, envelope: &Envelope, event: &PipelineRevised) {
        let PipelineRevised { revision, number, definition, source } = event.clone();
        let (at, actor) = (envelope.event.at, envelope.event.actor.clone());
        self.revisions.push(RevisionRow { number, revision, at, actor, definition, source });
        let surplus = self.revisions.len().saturating_sub(REVISIONS_MAX);
        self.revisions.drain(..surplus);
        self.touched(envelope);
    }

    fn requested(&mut self, event: &RunRequested) {
        self.live.push(event.run);
        self.runs_total = event.number;
        if let RunTrigger::Schedule { tick } = event.trigger {
            self.ticked(tick);
        }
    }

    fn ended(&mut self, envelope: &Envelope, event: &RunEnded) {
        self.live.retain(|run| *run != event.run);
        self.last = Some(LastRun { run: event.run, outcome: event.outcome, at: envelope.event.at });
        match event.outcome {
            Outcome::Succeeded => {
                self.succeeded_total += 1;
                self.failed_in_row = 0;
            }
            Outcome::Failed => {
                self.failed_total += 1;
                self.failed_in_row = self.failed_in_row.saturating_add(1);
            }
            Outcome::Cancelled => self.cancelled_total += 1,
        }
    }

    fn skipped(&mut self, event: &TickSkipped) {
        self.ticks_skipped += event.count;
        self.last_skip = Some((event.tick, event.reason.clone()));
        self.ticked(event.tick);
    }

    fn ticked(&mut self, tick: Timestamp) {
        self.last_tick = self.last_tick.max(Some(tick));
    }
}
