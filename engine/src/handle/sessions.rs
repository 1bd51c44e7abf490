//! Who came in and went: facts that no state can speak against.

use super::{Engine, Refusal, append::Stamp};
use crate::{
    event::session::{SessionClosed, SessionOpened},
    id::{Actor, SessionId, StreamName},
};

impl Engine {
    /// Records that somebody came in.
    pub async fn record_session_opened(&self, id: SessionId, actor: Actor, opened: SessionOpened) -> Result<(), Refusal> {
        let stamp = Stamp::new(actor, self.inner.clock.now());
        self.append_to(StreamName::session(id), &opened.into(), &stamp).await.map(drop)
    }

    /// Records that a session is over.
    pub async fn record_session_closed(&self, id: SessionId, actor: Actor, closed: SessionClosed) -> Result<(), Refusal> {
        let stamp = Stamp::new(actor, self.inner.clock.now());
        self.append_to(StreamName::session(id), &closed.into(), &stamp).await.map(drop)
    }

    /// Closes the sessions that an earlier process of a node left open when it died. To be called once, at the start; says how
    /// many there were.
    pub async fn close_left_sessions(&self, node: &str) -> Result<usize, Refusal> {
        let node = node.to_owned();
        let left: Vec<_> = self
            .view(move |models| {
                models.sessions.rows.iter().filter(|(_, row)| row.node == node).map(|(id, _)| *id).collect::<Vec<_>>()
            })
            .await;
        for id in &left {
            let closed = SessionClosed { reason: "its engine ended without closing it".into(), exit_code: None };
            self.record_session_closed(*id, Actor::Engine, closed).await?;
        }
        Ok(left.len())
    }
}
