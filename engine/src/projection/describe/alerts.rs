//! What happens to alerts, told. A raised alert is a warning at most: the failure that it is about is an event of its own,
//! and "next failure" must not find it twice.

use super::{Told, because, info, warn};
use crate::{
    alert::Severity,
    event::alert::{AlertNotified, AlertRaised, AlertResolved, AlertSilenced},
};

pub(super) fn raised(event: &AlertRaised) -> Told {
    let text = format!("raised, {}: {}", event.severity.word(), event.summary);
    if event.severity == Severity::Info { info(text) } else { warn(text) }
}

pub(super) fn resolved(event: &AlertResolved) -> Told {
    info(because("resolved", &event.reason))
}

pub(super) fn silenced(event: &AlertSilenced) -> Told {
    info(because(&format!("silenced until {:.0}", event.until), &event.reason))
}

pub(super) fn notified(event: &AlertNotified) -> Told {
    match event.outcome.as_str() {
        "begun" => info(format!("{} is told of alerts from here on", event.target)),
        "delivered" => info(format!("{} was told", event.target)),
        "silenced" => info(format!("{} was not told: silenced", event.target)),
        AlertNotified::REMOVED => info(format!("{} is no longer told of alerts", event.target)),
        trouble => warn(format!("{} was not told: {trouble}", event.target)),
    }
}
