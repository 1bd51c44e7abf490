//! A pipeline: draft → active ⇄ paused → archived. What a run does is the run's state, never the pipeline's; the pipeline
//! only knows which of its runs live, because overlap and archiving are decided here.

use std::{collections::HashSet, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Aggregate, Rejection, params};
use crate::{
    command::PipelineCommand,
    event::{
        Event,
        envelope::DATA_BYTES_MAX,
        pipeline::{
            CheckpointChange, CheckpointsRolledBack, CheckpointsSet, PipelineActivated, PipelineArchived, PipelineCreated,
            PipelineDeleted, PipelinePaused, PipelineRestored, PipelineResumed, PipelineRevised, RunRequested, RunTrigger,
            SkipReason, Source, TickSkipped,
        },
        run::RunQueued,
    },
    id::{PipelineName, Revision, RunId},
    pipeline::{
        Definition,
        definition::{Mode, Overlap},
    },
    port::{clock::after, store::APPEND_EVENTS_MAX},
    projection::{
        board::{PipelineState, REVISIONS_MAX},
        checkpoints::VERSION_CHANGES_MAX,
        runs::CHECKPOINTS_MAX,
    },
    unit::Duration,
};

/// The most runs that wait behind a live one under overlap `queue`.
pub const RUNS_WAITING_MAX: usize = 100;
/// The most runs that live at once under overlap `allow` and `cancel`.
pub const RUNS_LIVE_MAX: usize = 1_000;
/// The longest a run may wait for a worker.
pub const QUEUED_MAX: Duration = Duration::from_secs(86_400);
/// The most checkpoints that are set by one command.
pub const CHANGES_MAX: usize = 10_000;
/// The most checkpoints that going back changes: all that are known before the oldest version, and all that versions move,
/// of which the newest may be a whole append.
pub const WAY_BACK_MAX: usize = CHECKPOINTS_MAX + VERSION_CHANGES_MAX + APPEND_EVENTS_MAX;
/// The most bytes of changes in one event, about; what is more goes on in the next one.
const CHANGES_BYTES: usize = 512 << 10;
/// The longest name of a stream, in bytes.
pub const STREAM_BYTES_MAX: usize = 4 << 10;
/// The longest cursor that is set by hand, in bytes of JSON.
pub const CURSOR_BYTES_MAX: usize = 64 << 10;
/// The longest source text of a definition, in bytes.
pub const SOURCE_BYTES_MAX: usize = 256 << 10;

/// A pipeline as its own events tell it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pipeline {
    /// There is none.
    #[default]
    Absent,
    /// Never activated, or restored: runs by hand only.
    Draft(Known),
    /// Its triggers start runs.
    Active(Known),
    /// Runs by hand only.
    Paused(Known),
    /// Out of use.
    Archived(Known),
}

/// What is known of a pipeline in every state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// Newest last; never empty; at most [`REVISIONS_MAX`].
    revisions: Vec<Kept>,
    /// Runs that have not ended, oldest first.
    live: Vec<RunId>,
    /// Runs asked for.
    runs_total: u64,
}

/// A revision with what it takes to go back to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Kept {
    number: u32,
    revision: Revision,
    definition: Arc<Definition>,
    source: Source,
}

type Decided = Result<Vec<Event>, Rejection>;

impl Pipeline {
    /// Whether a command is accepted, and with which events. `RequestRun` gives two: the pipeline's own, and the first of
    /// the run's stream. Never panics.
    pub fn decide(&self, name: &PipelineName, command: &PipelineCommand, at: Timestamp) -> Decided {
        use PipelineCommand as C;
        match (self, command) {
            (Self::Absent, C::Create { revision, definition, source }) => create(name, *revision, definition, source),
            (
                Self::Absent,
                C::Revise { .. }
                | C::Rollback { .. }
                | C::Activate
                | C::Pause { .. }
                | C::Resume
                | C::Archive
                | C::Restore
                | C::Delete
                | C::RequestRun { .. }
                | C::SkipTick { .. }
                | C::SetCheckpoints { .. }
                | C::RollBackCheckpoints { .. },
            ) => Err(Rejection::NoPipeline(name.clone())),

            (Self::Draft(_) | Self::Active(_) | Self::Paused(_) | Self::Archived(_), C::Create { .. }) => {
                Err(Rejection::PipelineExists(name.clone()))
            }
            (
                Self::Draft(known) | Self::Active(known) | Self::Paused(known),
                C::Revise { revision, definition, source, expected },
            ) => known.revise(name, *revision, definition, source, *expected),
            (Self::Draft(known) | Self::Active(known) | Self::Paused(known), C::Rollback { number }) => {
                known.roll_back(name, *number)
            }
            (Self::Draft(known), C::Activate) => one(PipelineActivated { revision: known.current().revision }),
            (Self::Active(_), C::Pause { reason }) => one(PipelinePaused { reason: reason.clone() }),
            (Self::Paused(_), C::Resume) => one(PipelineResumed {}),
            (Self::Draft(known) | Self::Active(known) | Self::Paused(known), C::Archive) => known.archive(name),
            (Self::Archived(_), C::Restore) => one(PipelineRestored {}),
            (Self::Archived(_), C::Delete) => one(PipelineDeleted {}),

            (Self::Active(known), C::RequestRun { run, trigger, params }) => known.request(name, *run, trigger, params, at),
            (Self::Draft(known) | Self::Paused(known), C::RequestRun { run, trigger, params }) if is_by_hand(trigger) => {
                known.request(name, *run, trigger, params, at)
            }
            (Self::Active(_) | Self::Paused(_), C::SkipTick { tick, reason, count }) => skip(*tick, reason, *count),
            (Self::Draft(known) | Self::Active(known) | Self::Paused(known), C::SetCheckpoints { changes }) => {
                known.set_checkpoints(name, changes)
            }
            (Self::Draft(known) | Self::Active(known) | Self::Paused(known), C::RollBackCheckpoints { to, changes, .. }) => {
                known.roll_back_checkpoints(name, *to, changes)
            }

            (
                Self::Draft(_),
                C::Pause { .. } | C::Resume | C::Restore | C::Delete | C::RequestRun { .. } | C::SkipTick { .. },
            )
            | (Self::Active(_), C::Activate | C::Resume | C::Restore | C::Delete)
            | (Self::Paused(_), C::Activate | C::Pause { .. } | C::Restore | C::Delete | C::RequestRun { .. })
            | (
                Self::Archived(_),
                C::Revise { .. }
                | C::Rollback { .. }
                | C::Activate
                | C::Pause { .. }
                | C::Resume
                | C::Archive
                | C::RequestRun { .. }
                | C::SkipTick { .. }
                | C::SetCheckpoints { .. }
                | C::RollBackCheckpoints { .. },
            ) => Err(self.refusal(name, command)),
        }
    }

    /// Where it is in its life; `None`: there is none.
    pub fn state(&self) -> Option<PipelineState> {
        match self {
            Self::Absent => None,
            Self::Draft(_) => Some(PipelineState::Draft),
            Self::Active(_) => Some(PipelineState::Active),
            Self::Paused(_) => Some(PipelineState::Paused),
            Self::Archived(_) => Some(PipelineState::Archived),
        }
    }

    /// The current definition.
    pub fn definition(&self) -> Option<&Arc<Definition>> {
        self.known().map(|known| &known.current().definition)
    }

    /// Runs that have not ended, oldest first.
    pub fn live(&self) -> &[RunId] {
        self.known().map_or(&[], |known| &known.live)
    }

    fn known(&self) -> Option<&Known> {
        match self {
            Self::Absent => None,
            Self::Draft(known) | Self::Active(known) | Self::Paused(known) | Self::Archived(known) => Some(known),
        }
    }

    fn known_mut(&mut self) -> Option<&mut Known> {
        match self {
            Self::Absent => None,
            Self::Draft(known) | Self::Active(known) | Self::Paused(known) | Self::Archived(known) => Some(known),
        }
    }

    fn refusal(&self, name: &PipelineName, command: &PipelineCommand) -> Rejection {
        match self.state() {
            Some(state) => Rejection::PipelineIs { name: name.clone(), state, verb: command.verb() },
            None => Rejection::NoPipeline(name.clone()),
        }
    }

    fn becomes(&mut self, stage: impl FnOnce(Known) -> Self) {
        *self = match std::mem::take(self) {
            Self::Absent => Self::Absent,
            Self::Draft(known) | Self::Active(known) | Self::Paused(known) | Self::Archived(known) => stage(known),
        };
    }
}

impl Aggregate for Pipeline {
    fn evolve(&mut self, event: &Event) {
        match event {
            Event::PipelineCreated(event) => *self = Self::Draft(Known::created(event)),
            Event::PipelineActivated(_) | Event::PipelineResumed(_) => self.becomes(Self::Active),
            Event::PipelinePaused(_) => self.becomes(Self::Paused),
            Event::PipelineArchived(_) => self.becomes(Self::Archived),
            Event::PipelineRestored(_) => self.becomes(Self::Draft),
            Event::PipelineDeleted(_) => *self = Self::Absent,
            other => {
                if let Some(known) = self.known_mut() {
                    known.evolve(other);
                }
            }
        }
    }
}

impl Known {
    fn created(event: &PipelineCreated) -> Self {
        let PipelineCreated { revision, definition, source } = event.clone();
        Self { revisions: vec![Kept { number: 1, revision, definition, source }], live: Vec::new(), runs_total: 0 }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::PipelineRevised(event) => self.keep(event.clone()),
            Event::RunRequested(event) => {
                self.live.push(event.run);
                self.runs_total = event.number;
            }
            Event::RunEnded(event) => self.live.retain(|run| *run != event.run),
            _ => {}
        }
    }

    fn keep(&mut self, event: PipelineRevised) {
        let PipelineRevised { revision, number, definition, source } = event;
        self.revisions.push(Kept { number, revision, definition, source });
        let surplus = self.revisions.len().saturating_sub(REVISIONS_MAX);
        self.revisions.drain(..surplus);
    }

    fn current(&self) -> &Kept {
        self.revisions.last().expect("a pipeline is created with a revision, and the newest is never dropped")
    }

    fn revise(
        &self,
        name: &PipelineName,
        revision: Revision,
        definition: &Arc<Definition>,
        source: &Source,
        expected: Option<Revision>,
    ) -> Decided {
        fits(name, definition, source)?;
        let current = self.current();
        if expected.is_some_and(|expected| expected != current.revision) {
            return Err(Rejection::RevisionMoved { name: name.clone(), current: current.revision });
        }
        if current.revision == revision {
            return Err(Rejection::Unchanged(name.clone()));
        }
        let (definition, source) = (definition.clone(), source.clone());
        one(PipelineRevised { revision, number: current.number.saturating_add(1), definition, source })
    }

    fn roll_back(&self, name: &PipelineName, number: u32) -> Decided {
        let kept = self.revisions.iter().find(|kept| kept.number == number);
        let kept = kept.ok_or_else(|| Rejection::NoRevision { name: name.clone(), number })?;
        self.revise(name, kept.revision, &kept.definition, &kept.source, None)
    }

    fn archive(&self, name: &PipelineName) -> Decided {
        match self.live.len() {
            0 => one(PipelineArchived {}),
            live => Err(Rejection::RunsLive { name: name.clone(), live }),
        }
    }

    fn set_checkpoints(&self, name: &PipelineName, changes: &[CheckpointChange]) -> Decided {
        self.may_move(name)?;
        fit_changes(changes, CHANGES_MAX, CURSOR_BYTES_MAX)?;
        let steps = &self.current().definition.steps;
        match changes.iter().find(|change| !steps.iter().any(|step| step.name == change.step)) {
            Some(change) => Err(Rejection::Unfit(format!("pipeline `{name}` has no step `{}`", change.step))),
            None => Ok(parts(changes, |changes, continues| CheckpointsSet { changes, continues }.into())),
        }
    }

    fn roll_back_checkpoints(&self, name: &PipelineName, to: u64, changes: &[CheckpointChange]) -> Decided {
        self.may_move(name)?;
        if changes.is_empty() {
            let there = if to == 0 { "at the beginning".to_owned() } else { format!("as in version {to}") };
            return Err(Rejection::Nothing(format!("the checkpoints of pipeline `{name}` stand {there} already")));
        }
        // Cursors were written by steps, and are as large as those made them.
        fit_changes(changes, WAY_BACK_MAX, DATA_BYTES_MAX)?;
        Ok(parts(changes, |changes, continues| CheckpointsRolledBack { to, changes, continues }.into()))
    }

    /// A run that lives has its own idea of where it stands.
    fn may_move(&self, name: &PipelineName) -> Result<(), Rejection> {
        if self.current().definition.mode != Mode::Continuous {
            return Err(Rejection::BeginsAnew(name.clone()));
        }
        match self.live.len() {
            0 => Ok(()),
            live => Err(Rejection::RunsLive { name: name.clone(), live }),
        }
    }

    fn request(
        &self,
        name: &PipelineName,
        run: RunId,
        trigger: &RunTrigger,
        given: &Map<String, Value>,
        at: Timestamp,
    ) -> Decided {
        if self.live.contains(&run) {
            return Err(Rejection::RunExists(run));
        }
        let current = self.current();
        let params = params::checked(&current.definition.params, given)?;
        self.overlap(name)?;
        let number = self.runs_total.saturating_add(1);
        let queued = RunQueued {
            pipeline: name.clone(),
            revision: current.revision,
            number,
            trigger: trigger.clone(),
            params,
            retry_of: if let RunTrigger::Retry { of } = trigger { Some(*of) } else { None },
            attempts_max: current.definition.attempts_max(),
            deadline: after(at, QUEUED_MAX.0),
        };
        Ok(vec![RunRequested { run, number, trigger: trigger.clone() }.into(), queued.into()])
    }

    fn overlap(&self, name: &PipelineName) -> Result<(), Rejection> {
        let Some(run) = self.live.first().copied() else { return Ok(()) };
        let waiting = self.live.len() - 1;
        let waiting_max = match self.current().definition.overlap {
            Overlap::Skip => return Err(Rejection::Overlaps { name: name.clone(), run }),
            Overlap::Queue => RUNS_WAITING_MAX,
            Overlap::Cancel | Overlap::Allow => RUNS_LIVE_MAX - 1,
        };
        if waiting < waiting_max { Ok(()) } else { Err(Rejection::TooManyRuns { name: name.clone(), waiting }) }
    }
}

/// Runs that a person wants start even where triggers may not.
fn is_by_hand(trigger: &RunTrigger) -> bool {
    match trigger {
        RunTrigger::Manual | RunTrigger::Retry { .. } | RunTrigger::Replay => true,
        RunTrigger::Schedule { .. } | RunTrigger::Activation => false,
    }
}

fn create(name: &PipelineName, revision: Revision, definition: &Arc<Definition>, source: &Source) -> Decided {
    fits(name, definition, source)?;
    one(PipelineCreated { revision, definition: definition.clone(), source: source.clone() })
}

fn fits(name: &PipelineName, definition: &Definition, source: &Source) -> Result<(), Rejection> {
    if definition.name != *name {
        let named = &definition.name;
        return Err(Rejection::Unfit(format!("the definition is of pipeline `{named}`, not of `{name}`: a name cannot change")));
    }
    if source.text.len() > SOURCE_BYTES_MAX {
        let size = source.text.len();
        return Err(Rejection::Unfit(format!("the definition's text has {size} bytes: at most {SOURCE_BYTES_MAX}")));
    }
    Ok(())
}

fn fit_changes(changes: &[CheckpointChange], changes_max: usize, cursor_bytes_max: usize) -> Result<(), Rejection> {
    let unfit = |reason: String| Err(Rejection::Unfit(reason));
    if changes.is_empty() || changes.len() > changes_max {
        return unfit(format!("{} checkpoints: 1 to {changes_max}", changes.len()));
    }
    let mut known = HashSet::new();
    for CheckpointChange { step, stream, cursor } in changes {
        if stream.is_empty() || stream.len() > STREAM_BYTES_MAX {
            return unfit(format!("the stream's name of {step} has {} bytes: 1 to {STREAM_BYTES_MAX}", stream.len()));
        }
        let bytes = cursor.as_ref().map_or(0, |cursor| cursor.to_string().len());
        if bytes > cursor_bytes_max {
            return unfit(format!("the checkpoint of {step}, {stream}, has {bytes} bytes: at most {cursor_bytes_max}"));
        }
        if !known.insert((step, stream)) {
            return unfit(format!("the checkpoint of {step}, {stream}, is named twice"));
        }
    }
    Ok(())
}

/// An event has a largest size: many changes are several, which the log takes together.
fn parts(changes: &[CheckpointChange], event: impl Fn(Vec<CheckpointChange>, bool) -> Event) -> Vec<Event> {
    let bytes = |change: &CheckpointChange| {
        let cursor = change.cursor.as_ref().map_or(4, |cursor| cursor.to_string().len());
        // Names are escaped, which takes six bytes for one at most.
        change.step.as_str().len() + 6 * change.stream.len() + cursor + 40
    };
    let mut parts: Vec<(usize, Vec<CheckpointChange>)> = Vec::new();
    for change in changes {
        match parts.last_mut() {
            Some((size, part)) if *size + bytes(change) <= CHANGES_BYTES => {
                *size += bytes(change);
                part.push(change.clone());
            }
            _ => parts.push((bytes(change), vec![change.clone()])),
        }
    }
    parts.into_iter().enumerate().map(|(index, (_, part))| event(part, index > 0)).collect()
}

fn skip(tick: Timestamp, reason: &SkipReason, count: u64) -> Decided {
    if count == 0 {
        return Err(Rejection::Unfit("no tick was skipped: the count is 0".into()));
    }
    one(TickSkipped { tick, reason: reason.clone(), count })
}

#[expect(clippy::unnecessary_wraps, reason = "an arm of the table is one call")]
fn one(event: impl Into<Event>) -> Decided {
    Ok(vec![event.into()])
}
