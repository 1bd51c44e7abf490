//! What the events add up to. Pure folds: the engine keeps one set, a console keeps its own, a test rebuilds one from the
//! log and finds it equal. Nothing here reads a clock.

pub mod alerts;
pub mod board;
pub mod checkpoints;
pub mod describe;
pub mod history;
pub mod queues;
pub mod rows;
pub mod runs;
pub mod sessions;
pub mod timeline;
pub mod why;

use serde::{Deserialize, Serialize};

use crate::{event::Envelope, id::Position};

/// All read models of one position of the log.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ReadModels {
    /// Everything up to here is folded in.
    pub position: Position,
    /// Pipelines.
    pub board: board::Board,
    /// Runs and their steps.
    pub runs: runs::Runs,
    /// Checkpoints of continuous pipelines, in versions.
    #[serde(default)]
    pub checkpoints: checkpoints::Checkpoints,
    /// What operators did to queues.
    pub queues: queues::Queues,
    /// What operators are told.
    #[serde(default)]
    pub alerts: alerts::Alerts,
    /// Who is here.
    #[serde(default)]
    pub sessions: sessions::Sessions,
    /// Counts per minute: throughput and failures.
    pub history: history::History,
}

impl ReadModels {
    /// Folds one event in. Events at or before [`ReadModels::position`] change nothing: a reader may overlap.
    pub fn apply(&mut self, envelope: &Envelope) {
        if envelope.position <= self.position {
            return;
        }
        self.position = envelope.position;
        let decoded = envelope.decode().and_then(Result::ok);
        self.history.apply(envelope, decoded.as_ref());
        let Some(event) = decoded else { return };
        self.board.apply(envelope, &event);
        self.runs.apply(envelope, &event);
        self.checkpoints.apply(envelope, &event, &self.runs, &self.board);
        self.queues.apply(envelope, &event);
        self.alerts.apply(envelope, &event);
        self.sessions.apply(envelope, &event);
    }
}
