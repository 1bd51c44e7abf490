//! Time travel: what is shown is another set of facts, those of a point of the past, while the present goes on underneath.
//! Whatever draws or acts looks at [`Facts`] as ever; what only the present knows (vital figures, messages in queues) is not in
//! the facts of the past, so none of it can be shown by mistake.

mod moment;

use std::collections::{BTreeSet, VecDeque};

use flexcore_engine::{
    event::Envelope,
    id::{PipelineName, Position, QueueName},
    pipeline::definition::Mode,
    projection::board::PipelineRow,
    runtime::schedule::Schedule,
};
use jiff::Timestamp;

use super::{
    Model,
    facts::{Connection, Facts},
    overview::Overview,
    rows::Rows,
};
use crate::{link::At, widget::figures};

pub use moment::{FORMS, Meant, read};

/// The events before a point of the past that are shown at once.
pub const EVENTS_MAX: usize = 1_000;
/// Fewer events than these above the cursor are too few: more are asked for.
pub const EVENTS_MIN: usize = 200;
/// The most events that follow a point of the past and are held to go on from there.
pub const AHEAD_MAX: usize = 4_096;
/// The events of a big step.
pub const LEAP: i64 = 100;

/// A point of the past is shown.
pub struct Past {
    /// The present. It goes on, and is what one returns to.
    pub live: Box<Facts>,
    /// Events after the one that is shown, as far as they were read.
    pub ahead: VecDeque<Envelope>,
    /// The event that was under the cursor before; `None`: the newest was followed.
    pub selected: Option<Position>,
    /// Cursors and marks of the present.
    pub kept: Kept,
}

/// Where cursors and marks of the overview were.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    pipelines: Rows<PipelineName>,
    queues: Rows<QueueName>,
    health: Rows<usize>,
    marks: BTreeSet<Position>,
}

impl Kept {
    /// As they are.
    pub fn of(overview: &Overview) -> Self {
        let Overview { pipelines, queues, health, events, .. } = overview;
        Self { pipelines: pipelines.clone(), queues: queues.clone(), health: health.clone(), marks: events.marks.clone() }
    }

    /// As they were: what was marked in the past is not marked now.
    pub fn restore(self, overview: &mut Overview) {
        overview.pipelines.go_back_to(self.pipelines);
        overview.queues.go_back_to(self.queues);
        overview.health.go_back_to(self.health);
        overview.events.marks = self.marks;
    }
}

/// A point of the past that is being asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Names the question; an answer with another number is too old.
    pub number: u64,
    /// What was asked for.
    pub asked: At,
    /// What is wanted by now: keys that are held go on meanwhile.
    pub at: At,
}

impl Past {
    /// Holds what follows a position.
    pub fn hold(&mut self, events: &[Envelope]) {
        self.ahead = events.iter().take(AHEAD_MAX).cloned().collect();
    }
}

impl Model {
    /// What is known of the present, whatever is shown.
    pub fn live(&self) -> &Facts {
        self.past.as_ref().map_or(&self.facts, |past| &past.live)
    }

    /// What is known of the present, to change it.
    pub fn live_mut(&mut self) -> &mut Facts {
        match &mut self.past {
            Some(past) => &mut past.live,
            None => &mut self.facts,
        }
    }
}

impl Facts {
    /// The facts of a point of the past, without anything in them yet.
    pub fn of_past(live: &Self) -> Self {
        let mut facts = Self::new(live.now, live.actor.clone(), live.read_only);
        facts.zone = live.zone.clone();
        facts.connection = Connection::Live;
        facts.models_told = true;
        facts.plans = live.plans.clone();
        facts.keys = live.keys.clone();
        facts.is_past = true;
        facts
    }

    /// What a typed moment means, in words.
    pub fn told(&self, meant: Meant, now: Timestamp) -> String {
        match meant {
            Meant::Now => "now".into(),
            Meant::Past(At::Position(position)) => format!("right after event #{position}"),
            Meant::Past(At::Moment(at)) => format!("{} ({})", figures::moment_in(at, &self.zone), figures::ago(now, at)),
        }
    }

    /// When a pipeline is due next, of the present as it was told, of the past by its triggers.
    pub fn next_due(&self, row: &PipelineRow) -> Option<Timestamp> {
        if self.is_past { self.due_then(row, 1).first().copied() } else { self.due.get(&row.name) }
    }

    /// When a pipeline was due next at that point of the past.
    pub fn due_then(&self, row: &PipelineRow, count: usize) -> Vec<Timestamp> {
        let definition = row.definition();
        if definition.mode != Mode::Batch || definition.triggers.is_empty() {
            return Vec::new();
        }
        Schedule::of(&definition.triggers).map(|schedule| schedule.due(self.now, row.active_since, count)).unwrap_or_default()
    }
}
