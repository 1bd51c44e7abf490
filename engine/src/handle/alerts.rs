//! Alerts: raised and resolved by the engine, silenced by operators.

use super::{
    Accepted, Engine, Refusal,
    append::{Decision, Stamp},
};
use crate::{
    aggregate::Alert,
    alert::AlertId,
    command::{AlertCommand, Request},
    event::alert::AlertNotified,
    id::{Actor, Position, StreamName},
};

impl Engine {
    pub(super) async fn on_alert(&self, id: &AlertId, command: &AlertCommand, request: &Request) -> Result<Accepted, Refusal> {
        let decide = |alert: &Alert| Ok(Decision { own: alert.decide(id, command, request.at)?, beside: Vec::new() });
        let (accepted, _, _) = self.change(&self.inner.alerts, &StreamName::alert(id), request, decide).await?;
        Ok(accepted)
    }

    /// Records that a target elsewhere need not be told of anything up to a position again.
    pub async fn record_notified(&self, target: &str, position: Position, outcome: &str) -> Result<Accepted, Refusal> {
        let notified = AlertNotified { target: target.to_owned(), position, outcome: outcome.to_owned() };
        let stamp = Stamp::new(Actor::Engine, self.inner.clock.now());
        self.append_to(StreamName::alerts(), &notified.into(), &stamp).await
    }
}
