//! A session on record: an event when it begins, and one when it is over.

use std::sync::Arc;

use flexcore_engine::{
    event::session::{SessionClosed, SessionOpened},
    id::{Actor, SessionId},
};

use crate::{compose::App, role::Role};

/// How somebody came in.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a> {
    /// `ssh`, `attach` or `terminal`.
    pub name: &'a str,
    /// An address; empty on the machine itself.
    pub from: &'a str,
}

/// What somebody came in for.
#[derive(Debug, Clone, Default)]
pub struct What {
    /// The name of a command; `None`: a console.
    pub command: Option<String>,
    /// The file that keeps what it shows.
    pub recording: Option<String>,
}

/// A session that is open, and on record.
pub struct Here {
    app: Arc<App>,
    id: SessionId,
    actor: Actor,
}

impl Here {
    /// Somebody came in, for a session with an id that was made for it.
    pub async fn open(app: Arc<App>, id: SessionId, actor: Actor, role: Role, way: Way<'_>, what: What) -> Self {
        let here = Self { app, id, actor };
        let opened = SessionOpened {
            node: here.app.settings.node.clone(),
            way: way.name.into(),
            from: way.from.into(),
            role: role.word().into(),
            command: what.command,
            recording: what.recording,
        };
        // Who looks at a log that takes nothing is the one who can mend it.
        if let Err(refusal) = here.app.engine.record_session_opened(here.id, here.actor.clone(), opened).await {
            tracing::warn!(%refusal, "the begin of a session is not on record");
        }
        here
    }

    /// It is over.
    pub async fn close(self, reason: &str, exit_code: Option<i32>) {
        let closed = SessionClosed { reason: reason.into(), exit_code };
        if let Err(refusal) = self.app.engine.record_session_closed(self.id, self.actor.clone(), closed).await {
            tracing::warn!(%refusal, "the end of a session is not on record");
        }
    }
}
