//! Who is here: sessions that are open.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::rows::Rows;
use crate::{
    event::{Envelope, Event},
    id::{Actor, SessionId},
};

/// Sessions that are kept; the oldest are forgotten first. Those of one node are limited far below.
pub const SESSIONS_MAX: usize = 10_000;

/// One session that is open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionRow {
    /// Who.
    pub actor: Actor,
    /// As what.
    pub role: String,
    /// The node that serves it.
    pub node: String,
    /// How: `ssh`, `attach` or `terminal`.
    pub way: String,
    /// From where; empty on the machine itself.
    pub from: String,
    /// What it runs; `None`: a console.
    pub command: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

/// Sessions that are open, the oldest first: ids are ordered by time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sessions {
    /// By id.
    pub rows: Rows<SessionId, SessionRow>,
}

impl Sessions {
    /// Folds one event in.
    pub fn apply(&mut self, envelope: &Envelope, event: &Event) {
        let id = || envelope.stream.as_str().strip_prefix("session/").and_then(|id| id.parse::<SessionId>().ok());
        match event {
            Event::SessionOpened(opened) => {
                let Some(id) = id() else { return };
                let (actor, since) = (envelope.event.actor.clone(), envelope.event.at);
                let opened = opened.clone();
                let (role, node, way, from, command) = (opened.role, opened.node, opened.way, opened.from, opened.command);
                self.rows.insert(id, SessionRow { actor, role, node, way, from, command, since });
                self.forget();
            }
            Event::SessionClosed(_) => {
                if let Some(id) = id() {
                    self.rows.remove(&id);
                }
            }
            _ => {}
        }
    }

    fn forget(&mut self) {
        if self.rows.len() > SESSIONS_MAX {
            let oldest = self.rows.keys().next().copied();
            if let Some(oldest) = oldest {
                self.rows.remove(&oldest);
            }
        }
    }

    /// Consoles that are open.
    pub fn consoles(&self) -> impl Iterator<Item = &SessionRow> {
        self.rows.values().filter(|row| row.command.is_none())
    }
}
