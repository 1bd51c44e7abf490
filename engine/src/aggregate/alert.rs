//! One alert: raised, resolved, silenced for a time. Raising what is raised is refused, which is what makes an alert one event
//! however often, and after however many restarts, it is found to be so.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Aggregate, Rejection};
use crate::{
    alert::AlertId,
    command::AlertCommand,
    event::{
        Event,
        alert::{AlertRaised, AlertResolved, AlertSilenced},
    },
    port::clock::after,
    unit::Duration,
};

/// The longest silence.
pub const SILENCE_MAX: Duration = Duration::from_secs(30 * 86_400);
/// The longest reason for one, in bytes.
const REASON_BYTES_MAX: usize = 1_000;

/// An alert as its own events tell it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alert {
    /// It never was, or is no longer.
    #[default]
    Quiet,
    /// It is so, since then.
    Raised(Timestamp),
}

impl Alert {
    /// Decides on a command.
    pub fn decide(&self, id: &AlertId, command: &AlertCommand, at: Timestamp) -> Result<Vec<Event>, Rejection> {
        match (self, command) {
            (Self::Quiet, AlertCommand::Raise { firing }) => Ok(vec![
                AlertRaised {
                    severity: firing.severity,
                    summary: firing.summary.clone(),
                    value: firing.value,
                    limit: firing.limit,
                    about: firing.about.clone(),
                    since: firing.since,
                }
                .into(),
            ]),
            (Self::Raised(_), AlertCommand::Raise { .. }) => Err(Rejection::Nothing(format!("alert `{id}` is raised already"))),
            (Self::Raised(since), AlertCommand::Resolve { reason }) => {
                Ok(vec![AlertResolved { since: *since, reason: reason.clone() }.into()])
            }
            (Self::Quiet, AlertCommand::Resolve { .. }) => Err(Rejection::Nothing(format!("alert `{id}` is not raised"))),
            (Self::Quiet | Self::Raised(_), AlertCommand::Silence { length, reason }) => silence(*length, reason, at),
        }
    }
}

impl Aggregate for Alert {
    fn evolve(&mut self, event: &Event) {
        match event {
            Event::AlertRaised(raised) => *self = Self::Raised(raised.since),
            Event::AlertResolved(_) => *self = Self::Quiet,
            _ => {}
        }
    }
}

fn silence(length: Duration, reason: &str, at: Timestamp) -> Result<Vec<Event>, Rejection> {
    if length > SILENCE_MAX {
        return Err(Rejection::Unfit(format!("a silence lasts at most {SILENCE_MAX}, not {length}")));
    }
    if reason.len() > REASON_BYTES_MAX {
        return Err(Rejection::Unfit(format!("the reason has {} bytes: at most {REASON_BYTES_MAX}", reason.len())));
    }
    Ok(vec![AlertSilenced { until: after(at, length.0), reason: reason.to_owned() }.into()])
}
