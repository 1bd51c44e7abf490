//! What is known of the engine: every screen reads it, none changes it.

use std::sync::Arc;

use flexcore_engine::{
    projection::ReadModels,
    vitals::{LATE_MAX, Vitals},
};
use jiff::{Timestamp, tz::TimeZone};

use super::{
    agenda::{Agenda, Plans},
    events::EventRing,
    figures::Figures,
    lines::Lines,
};
use crate::{keymap::Keymap, link::LineState};

/// Whether the engine answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// Never answered yet.
    Connecting,
    /// Answers.
    Live,
    /// Answered once; what is shown is as old as this.
    Lost {
        /// Since when.
        since: Timestamp,
        /// What the link says.
        reason: String,
    },
}

/// What is known of the engine.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The moment that is shown, which is now unless it is the past. Comes with each message; nothing here reads a clock.
    pub now: Timestamp,
    /// Where the operator lives. UTC until it is said.
    pub zone: TimeZone,
    /// Whether the engine answers.
    pub connection: Connection,
    /// Where the engine is, when it is not in this process.
    pub place: Option<String>,
    /// How the line there stands.
    pub line: LineState,
    /// Whether the read models were told yet.
    pub models_told: bool,
    /// Folded from the log.
    pub models: ReadModels,
    /// The newest figures.
    pub vitals: Option<Arc<Vitals>>,
    /// Rates and histories, computed from successive figures.
    pub figures: Figures,
    /// The newest events.
    pub events: EventRing,
    /// What other consoles of this process have of them.
    pub lines: Lines,
    /// When pipelines are due next, as far as it was asked.
    pub due: Agenda,
    /// The graphs of the current revisions, as far as they were asked for.
    pub plans: Plans,
    /// Events that the log dropped before they were read here.
    pub dropped: u64,
    /// When the engine last said anything.
    pub heard_at: Option<Timestamp>,
    /// The keys, by which screens call actions.
    pub keys: Arc<Keymap>,
    /// Who acts here.
    pub actor: String,
    /// Whether acting is refused.
    pub read_only: bool,
    /// Whether these are the facts of a point of the past: then there are no figures, and nothing can be acted on.
    pub is_past: bool,
}

impl Facts {
    /// Nothing is known yet.
    pub fn new(now: Timestamp, actor: String, read_only: bool) -> Self {
        Self {
            now,
            zone: TimeZone::UTC,
            connection: Connection::Connecting,
            place: None,
            line: LineState::default(),
            models_told: false,
            models: ReadModels::default(),
            vitals: None,
            figures: Figures::default(),
            events: EventRing::default(),
            lines: Lines::default(),
            due: Agenda::default(),
            plans: Plans::default(),
            dropped: 0,
            heard_at: None,
            keys: Arc::default(),
            actor,
            read_only,
            is_past: false,
        }
    }

    /// For how many seconds an engine elsewhere has said nothing although the line stands, when that is remarkable.
    pub fn silence(&self) -> Option<u64> {
        self.silent_at().filter(|at| *at <= self.now)?;
        u64::try_from(self.now.duration_since(self.heard_at?).as_secs()).ok()
    }

    /// When the silence of an engine elsewhere is remarkable, if it says nothing until then.
    pub fn silent_at(&self) -> Option<Timestamp> {
        let heard_at = self.heard_at.filter(|_| self.place.is_some() && self.connection == Connection::Live)?;
        let newer_within = self.vitals.as_ref().map(|vitals| vitals.newer_within.0).unwrap_or_default();
        heard_at.checked_add(newer_within + LATE_MAX.0).ok()
    }

    /// Whether what is shown may be out of date.
    pub fn is_stale(&self) -> bool {
        matches!(self.connection, Connection::Lost { .. })
    }
}
