//! Which events a question needs: a few streams, of each the newest events of some types. What may be many (checkpoints,
//! steps that did well) is not asked for.

use super::Subject;
use crate::{
    event::Envelope,
    id::{PipelineName, QueueName, RunId, StreamName},
    projection::{
        ReadModels,
        board::{PipelineRow, REVISIONS_MAX},
        runs::{RunRow, RunState},
    },
};

/// The most streams of one question.
pub const READINGS_MAX: usize = 64;
/// The most runs of which each one tries the one before it again.
pub(super) const RETRIES_MAX: usize = 5;
/// The most runs ahead of another one that are looked at.
pub(super) const AHEAD_MAX: usize = 3;
/// The most runs with dead letters that are looked at.
pub(super) const DEAD_RUNS_MAX: usize = 4;
/// The most pipelines that read or write a queue and are looked at.
pub(super) const USERS_MAX: usize = 6;

const STATES: &[&str] = &[
    "pipeline.created",
    "pipeline.activated",
    "pipeline.paused",
    "pipeline.resumed",
    "pipeline.archived",
    "pipeline.restored",
    "pipeline.deleted",
    "pipeline.checkpoints_set",
    "pipeline.checkpoints_rolled_back",
];
const REVISIONS: &[&str] = &["pipeline.revised"];
const RUNS: &[&str] = &["pipeline.run_requested", "pipeline.run_ended", "pipeline.tick_skipped"];
const ASKED: &[&str] = &["run.queued"];
const RUN: &[&str] = &[
    "run.started",
    "run.step_ended",
    "run.dead_lettered",
    "run.retrying",
    "run.interrupted",
    "run.cancel_requested",
    "run.lease_expired",
    "run.succeeded",
    "run.failed",
    "run.cancelled",
];
const ENGINE: &[&str] = &["engine.started", "engine.stopped", "command.rejected"];

/// The newest events of some types of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The stream.
    pub stream: StreamName,
    /// Events of these types; empty: all.
    pub types: Vec<String>,
    /// At most so many.
    pub max: usize,
}

impl Reading {
    fn new(stream: StreamName, types: &[&str], max: usize) -> Self {
        Self { stream, types: types.iter().map(|kind| (*kind).to_owned()).collect(), max }
    }

    /// Whether it is one of its first event only: that of a run, which is always the first of its stream.
    pub fn is_first(&self) -> bool {
        self.types == ASKED
    }

    /// Whether an event is one of its own.
    pub fn takes(&self, envelope: &Envelope) -> bool {
        let kind = envelope.event.kind.as_str();
        envelope.stream == self.stream && (self.types.is_empty() || self.types.iter().any(|wanted| wanted == kind))
    }
}

/// What a question needs to know of the log; at most [`READINGS_MAX`].
pub fn readings(subject: &Subject, models: &ReadModels) -> Vec<Reading> {
    let mut wanted = Wanted { models, readings: vec![Reading::new(StreamName::engine(), ENGINE, 50)] };
    match subject {
        Subject::Pipeline(name) => wanted.pipeline(name),
        Subject::Run(run) => wanted.of_run(*run),
        Subject::Queue(name) => wanted.queue(name),
    }
    wanted.readings.truncate(READINGS_MAX);
    wanted.readings
}

struct Wanted<'a> {
    models: &'a ReadModels,
    readings: Vec<Reading>,
}

impl Wanted<'_> {
    fn add(&mut self, reading: Reading) {
        if !self.readings.contains(&reading) {
            self.readings.push(reading);
        }
    }

    fn stream_of(&mut self, name: &PipelineName) {
        let stream = StreamName::pipeline(name);
        self.add(Reading::new(stream.clone(), STATES, 24));
        self.add(Reading::new(stream.clone(), REVISIONS, REVISIONS_MAX));
        self.add(Reading::new(stream, RUNS, 48));
    }

    fn pipeline(&mut self, name: &PipelineName) {
        self.stream_of(name);
        let Some(row) = self.models.board.pipelines.get(name) else { return };
        for run in row.live.iter().take(AHEAD_MAX).chain(row.live.last()).chain(row.last.as_ref().map(|last| &last.run)) {
            self.run(*run);
        }
        self.dead_runs(name);
    }

    fn of_run(&mut self, run: RunId) {
        self.run(run);
        let Some(row) = self.models.runs.runs.get(&run) else { return };
        self.stream_of(&row.pipeline);
        let Some(pipeline) = self.models.board.pipelines.get(&row.pipeline) else { return };
        let ahead: Vec<RunId> = ahead(pipeline, run).take(AHEAD_MAX).collect();
        for run in ahead {
            self.run(run);
        }
        if let Some(next) = next_run(self.models, row) {
            self.run(next);
        }
    }

    /// A run, and those that it tries again.
    fn run(&mut self, run: RunId) {
        let mut next = Some(run);
        for _ in 0..RETRIES_MAX {
            let Some(run) = next else { return };
            self.events_of(run);
            next = self.models.runs.runs.get(&run).and_then(|row| row.retry_of);
        }
    }

    fn events_of(&mut self, run: RunId) {
        self.add(Reading::new(StreamName::run(run), RUN, 96));
        self.add(Reading::new(StreamName::run(run), ASKED, 1));
    }

    fn dead_runs(&mut self, name: &PipelineName) {
        let runs: Vec<RunId> = dead_runs(self.models, name).map(|row| row.id).collect();
        for run in runs {
            self.events_of(run);
        }
    }

    fn queue(&mut self, queue: &QueueName) {
        self.add(Reading::new(StreamName::queue(queue), &[], 64));
        if let Some(name) = owner(self.models, queue).map(|row| row.name.clone()) {
            self.stream_of(&name);
            self.dead_runs(&name);
        }
        let used: Vec<_> = users(self.models, queue).map(|(row, _)| (row.name.clone(), row.live.first().copied())).collect();
        for (name, live) in used {
            self.stream_of(&name);
            if let Some(run) = live {
                self.run(run);
            }
        }
    }
}

/// The runs that began to live before another one and live still, oldest first.
pub(super) fn ahead(pipeline: &PipelineRow, run: RunId) -> impl Iterator<Item = RunId> {
    let waits = pipeline.live.contains(&run);
    pipeline.live.iter().copied().take_while(move |other| waits && *other != run)
}

/// The run of the same pipeline that was asked for right after one that was stopped: it may have taken over.
pub(super) fn next_run(models: &ReadModels, row: &RunRow) -> Option<RunId> {
    let stopped = matches!(row.state, RunState::Cancelling | RunState::Cancelled);
    let mut others = models.runs.runs.values().filter(|other| stopped && other.pipeline == row.pipeline);
    others.find(|other| other.number == row.number + 1).map(|other| other.id)
}

/// The newest runs that had dead letters, newest first.
pub(super) fn dead_runs<'a>(models: &'a ReadModels, name: &'a PipelineName) -> impl Iterator<Item = &'a RunRow> {
    models.runs.of(name).filter(|row| row.dead > 0).take(DEAD_RUNS_MAX)
}

/// The pipeline whose dead letters a queue holds.
pub(super) fn owner<'a>(models: &'a ReadModels, queue: &QueueName) -> Option<&'a PipelineRow> {
    queue.as_str().strip_suffix(".dead")?;
    models.board.pipelines.values().find(|row| QueueName::dead_letters_of(&row.name) == *queue)
}

/// What a pipeline does with a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Takes messages out.
    Receives,
    /// Puts messages in.
    Sends,
}

/// The pipelines whose current revision has a step on a queue.
pub(super) fn users<'a>(models: &'a ReadModels, queue: &'a QueueName) -> impl Iterator<Item = (&'a PipelineRow, Use)> {
    let used = move |row: &'a PipelineRow| {
        let steps = row.definition().steps.iter().filter(|step| step.enabled);
        let mut on_it =
            steps.filter(move |step| step.settings.get("queue").and_then(|name| name.as_str()) == Some(queue.as_str()));
        on_it.find_map(move |step| match step.uses.as_str() {
            "queue.receive" => Some((row, Use::Receives)),
            "queue.send" => Some((row, Use::Sends)),
            _ => None,
        })
    };
    models.board.pipelines.values().filter_map(used).take(USERS_MAX)
}
