//! Checkpoints of continuous pipelines, in versions: where sources and sinks stood together after each append that moved some
//! of them. Going back sets all of them to one version, so that a sink's output never ends before what its source goes on
//! from. (A batch begins at its beginning: its checkpoints are those of its run.)
//!
//! A version holds only what it changed. Old ones are thinned out, the more the older they are; what one of them changed is
//! then told by the next, so that every version that is left still says exactly where everything stood.

use std::{cmp::Reverse, collections::BTreeMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    board::Board,
    rows::Rows,
    runs::{CHECKPOINTS_MAX, Runs},
};
use crate::{
    event::{Envelope, Event, pipeline::CheckpointChange, run::Checkpointed},
    id::{Actor, PipelineName, Position, RunId, StepName},
    pipeline::definition::Mode,
    port::clock::between,
};

/// The most versions kept per pipeline.
pub const VERSIONS_MAX: usize = 64;
/// The most changes of all versions of a pipeline together; beyond them the oldest version goes.
pub const VERSION_CHANGES_MAX: usize = 10_000;

/// Within so many seconds versions are thinned out evenly; before that the more, the older they are.
const EVEN_SECONDS: f64 = 600.0;

/// What made a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Origin {
    /// A run came so far.
    Run {
        /// Which.
        run: RunId,
        /// Its attempt.
        attempt: u32,
    },
    /// Somebody set them.
    Set,
    /// Somebody went back.
    RolledBack {
        /// To that version; 0: to the beginning.
        to: u64,
    },
}

/// One version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// Counts the pipeline's versions from 1, those that are no longer kept included.
    pub number: u64,
    /// Its last event.
    pub position: Position,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Actor,
    /// What made it.
    pub origin: Origin,
    /// What is not as in the version before it.
    #[serde(with = "listed")]
    pub changes: Changes,
}

/// Where streams of steps stand from there on; `None`: at their beginning.
pub type Changes = BTreeMap<(StepName, String), Option<Value>>;

/// Changes as a list: JSON has no keys but text.
mod listed {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Changes, CheckpointChange};

    pub(super) fn serialize<S: Serializer>(changes: &Changes, output: S) -> Result<S::Ok, S::Error> {
        output.collect_seq(super::list(changes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Changes, D::Error> {
        Vec::<CheckpointChange>::deserialize(input).map(super::by_place)
    }
}

fn list(changes: &Changes) -> impl Iterator<Item = CheckpointChange> {
    let change = |((step, stream), cursor): (&(StepName, String), &Option<Value>)| CheckpointChange {
        step: step.clone(),
        stream: stream.clone(),
        cursor: cursor.clone(),
    };
    changes.iter().map(change)
}

/// Of several changes of one place the last one counts.
fn by_place(changes: impl IntoIterator<Item = CheckpointChange>) -> Changes {
    changes.into_iter().map(|CheckpointChange { step, stream, cursor }| ((step, stream), cursor)).collect()
}

/// Where one stream of a source, or the output of a sink, stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// The step.
    pub step: StepName,
    /// Its stream.
    pub stream: String,
    /// Opaque to all but the step.
    pub cursor: Value,
    /// The version that put it there.
    pub version: u64,
    /// When.
    pub at: Timestamp,
}

/// How one stream differs between two versions; `None`: at its beginning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The step.
    pub step: StepName,
    /// Its stream.
    pub stream: String,
    /// In the one.
    pub from: Option<Value>,
    /// In the other.
    pub to: Option<Value>,
}

type Standings = BTreeMap<(StepName, String), Standing>;

/// The checkpoints of one pipeline.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CheckpointsRow {
    /// Before the oldest version; in the order of steps and streams, at most [`CHECKPOINTS_MAX`]: those that moved last.
    base: Vec<Standing>,
    /// Oldest first.
    pub versions: Vec<Version>,
}

impl CheckpointsRow {
    /// Where everything stands.
    pub fn current(&self) -> Vec<Standing> {
        self.upto(u64::MAX).into_values().collect()
    }

    /// Where everything stood in a version; 0 is the beginning. `None`: it is not kept.
    pub fn at(&self, number: u64) -> Option<Vec<Standing>> {
        self.standings(number).map(|standings| standings.into_values().collect())
    }

    /// The newest version; 0: there is none yet.
    pub fn newest(&self) -> u64 {
        self.versions.last().map_or(0, |version| version.number)
    }

    /// How everything differs between two versions. `None`: one of them is not kept.
    pub fn difference(&self, from: u64, to: u64) -> Option<Vec<Difference>> {
        let (from, mut to) = (self.standings(from)?, self.standings(to)?);
        let mut found = Vec::new();
        for ((step, stream), standing) in from {
            let other = to.remove(&(step.clone(), stream.clone())).map(|other| other.cursor);
            if other.as_ref() != Some(&standing.cursor) {
                found.push(Difference { step, stream, from: Some(standing.cursor), to: other });
            }
        }
        let fresh = to.into_iter().map(|((step, stream), other)| Difference { step, stream, from: None, to: Some(other.cursor) });
        found.extend(fresh);
        Some(found)
    }

    /// What it takes to go back to a version. `None`: it is not kept.
    pub fn way_back(&self, number: u64) -> Option<Vec<CheckpointChange>> {
        let differences = self.difference(self.newest(), number)?;
        let change = |Difference { step, stream, to, .. }| CheckpointChange { step, stream, cursor: to };
        Some(differences.into_iter().map(change).collect())
    }

    fn standings(&self, number: u64) -> Option<Standings> {
        match number {
            0 => Some(Standings::new()),
            _ if self.versions.iter().any(|version| version.number == number) => Some(self.upto(number)),
            _ => None,
        }
    }

    fn upto(&self, number: u64) -> Standings {
        let place = |standing: &Standing| ((standing.step.clone(), standing.stream.clone()), standing.clone());
        let mut standings: Standings = self.base.iter().map(place).collect();
        self.versions.iter().take_while(|version| version.number <= number).for_each(|version| put(&mut standings, version));
        standings
    }

    fn push(&mut self, version: Version) {
        match self.versions.last_mut() {
            Some(last) if last.is_one_with(&version) => {
                last.position = version.position;
                last.changes.extend(version.changes);
            }
            _ => self.versions.push(version),
        }
        while self.versions.len() > VERSIONS_MAX {
            self.thin();
        }
        while self.versions.len() > 1 && self.changes() > VERSION_CHANGES_MAX {
            self.forget_oldest();
        }
    }

    /// About how many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.base.len() * 240 + self.versions.len() * size_of::<Version>() + self.changes() * 200
    }

    fn changes(&self) -> usize {
        self.versions.iter().map(|version| version.changes.len()).sum()
    }

    /// Leaves one out that is missed least: its going leaves the smallest gap for its age. The next one tells its changes.
    /// The first and the last always stay.
    fn thin(&mut self) {
        let newest = self.versions[self.versions.len() - 1].at;
        let at = |index: usize| self.versions[index].at;
        let cost = |index: &usize| {
            let gap = between(at(index - 1), at(index + 1)).as_secs_f64();
            gap / (between(at(*index), newest).as_secs_f64() + EVEN_SECONDS)
        };
        let spare = (1..self.versions.len() - 1).min_by(|one, other| cost(one).total_cmp(&cost(other)));
        let Some(spare) = spare else { return };
        let gone = self.versions.remove(spare);
        let next = &mut self.versions[spare];
        let newer = std::mem::replace(&mut next.changes, gone.changes);
        next.changes.extend(newer);
    }

    fn forget_oldest(&mut self) {
        let oldest = self.versions.remove(0);
        let mut standings: Standings = std::mem::take(&mut self.base)
            .into_iter()
            .map(|standing| ((standing.step.clone(), standing.stream.clone()), standing))
            .collect();
        put(&mut standings, &oldest);
        self.base = standings.into_values().collect();
        if self.base.len() > CHECKPOINTS_MAX {
            self.forget_stillest();
        }
    }

    /// What has not moved for longest is what is done with: a sink's mark moves with every version, and must not go.
    fn forget_stillest(&mut self) {
        self.base.sort_by_key(|standing| Reverse(standing.version));
        self.base.truncate(CHECKPOINTS_MAX);
        self.base.sort_by(|one, other| (&one.step, &one.stream).cmp(&(&other.step, &other.stream)));
    }
}

impl Version {
    /// Events of one append are of one version. They have one moment, and a run makes no two appends in the same.
    fn is_one_with(&self, next: &Self) -> bool {
        matches!(self.origin, Origin::Run { .. })
            && self.origin == next.origin
            && self.at == next.at
            && self.position.next() == next.position
    }
}

fn put(standings: &mut Standings, version: &Version) {
    for ((step, stream), cursor) in &version.changes {
        let place = (step.clone(), stream.clone());
        match cursor {
            Some(cursor) => {
                let (step, stream, cursor) = (step.clone(), stream.clone(), cursor.clone());
                standings.insert(place, Standing { step, stream, cursor, version: version.number, at: version.at });
            }
            None => drop(standings.remove(&place)),
        }
    }
}

/// Checkpoints, by pipeline.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Checkpoints {
    /// Of pipelines that have any.
    pub pipelines: Rows<PipelineName, CheckpointsRow>,
}

impl Checkpoints {
    /// Folds one event in, with what is known of runs and pipelines.
    pub fn apply(&mut self, envelope: &Envelope, event: &Event, runs: &Runs, board: &Board) {
        match event {
            Event::Checkpointed(event) => self.checkpointed(envelope, event, runs, board),
            Event::CheckpointsSet(event) => self.changed(envelope, Origin::Set, &event.changes, event.continues),
            Event::CheckpointsRolledBack(event) => {
                self.changed(envelope, Origin::RolledBack { to: event.to }, &event.changes, event.continues);
            }
            Event::PipelineDeleted(_) => {
                if let Some(name) = name_of(envelope) {
                    self.pipelines.remove(&name);
                }
            }
            _ => {}
        }
    }

    fn checkpointed(&mut self, envelope: &Envelope, event: &Checkpointed, runs: &Runs, board: &Board) {
        let run = envelope.stream.as_str().strip_prefix("run/").and_then(|run| run.parse::<RunId>().ok());
        let Some(row) = run.and_then(|run| runs.runs.get(&run)) else { return };
        let revisions = board.pipelines.get(&row.pipeline).map(|pipeline| &pipeline.revisions);
        let revision = revisions.and_then(|known| known.iter().rev().find(|revision| revision.revision == row.revision));
        if revision.is_none_or(|revision| revision.definition.mode != Mode::Continuous) {
            return;
        }
        let (step, stream) = (event.step.clone(), event.stream.clone());
        let cursor = Some(event.cursor.clone()).filter(|cursor| !cursor.is_null());
        let origin = Origin::Run { run: row.id, attempt: event.attempt };
        self.push(&row.pipeline, envelope, origin, Changes::from([((step, stream), cursor)]));
    }

    fn changed(&mut self, envelope: &Envelope, origin: Origin, changes: &[CheckpointChange], continues: bool) {
        if let Some(name) = name_of(envelope) {
            let last = self.pipelines.get_mut(&name).and_then(|row| row.versions.last_mut()).filter(|_| continues);
            if let Some(last) = last {
                last.position = envelope.position;
                last.changes.extend(by_place(changes.iter().cloned()));
                return;
            }
            self.push(&name, envelope, origin, by_place(changes.iter().cloned()));
        }
    }

    fn push(&mut self, name: &PipelineName, envelope: &Envelope, origin: Origin, changes: Changes) {
        if !self.pipelines.contains_key(name) {
            self.pipelines.insert(name.clone(), CheckpointsRow::default());
        }
        let Some(row) = self.pipelines.get_mut(name) else { return };
        let (position, at, by) = (envelope.position, envelope.event.at, envelope.event.actor.clone());
        row.push(Version { number: row.newest() + 1, position, at, by, origin, changes });
    }
}

fn name_of(envelope: &Envelope) -> Option<PipelineName> {
    envelope.stream.as_str().strip_prefix("pipeline/").and_then(|name| PipelineName::new(name).ok())
}

#[cfg(test)]
mod tests;
