//! Alerts that were raised before their rules are looked at: by the process before this one, or by rules that were exchanged.
//!
//! A rate knows nothing before its time has passed, a figure may not be read yet, a rule that waits has not waited. Whoever
//! took that for an end would tell people that something is over, and tell them again soon after that it is so.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Wanted, Watch};
use crate::{
    alert::{AlertId, Condition, Rule},
    port::clock::{after, between},
    unit::Duration,
};

/// The least time after which something is over that nothing is known of any more.
const UNKNOWN_MAX: Duration = Duration::from_secs(60);

/// One that was raised.
#[derive(Debug)]
pub(super) struct Resumed {
    since: Timestamp,
    /// Since when it is seen not to be so.
    untrue: Option<Timestamp>,
    /// Since when nothing is known of it.
    unknown: Option<Timestamp>,
}

/// What is seen of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    True,
    Untrue,
    Unknown,
}

impl Resumed {
    pub(super) fn new(since: Timestamp) -> Self {
        Self { since, untrue: None, unknown: None }
    }

    pub(super) fn since(&self) -> Timestamp {
        self.since
    }

    /// When it is over, if nothing else is seen of it.
    pub(super) fn settles_at(&self, rule: &Rule) -> Option<Timestamp> {
        let untrue = self.untrue.map(|since| after(since, rule.hold.0));
        untrue.or_else(|| self.unknown.map(|since| after(since, patience(rule).0)))
    }

    /// Whether it stays.
    fn stays(&mut self, sight: Sight, rule: &Rule, now: Timestamp) -> bool {
        match sight {
            Sight::True => {
                (self.untrue, self.unknown) = (None, None);
                true
            }
            Sight::Untrue => between(*self.untrue.get_or_insert(now), now) < rule.hold.0,
            Sight::Unknown => between(*self.unknown.get_or_insert(now), now) < patience(rule).0,
        }
    }
}

/// How long a rule needs to know.
fn patience(rule: &Rule) -> Duration {
    let over = match &rule.condition {
        Condition::Threshold(..) => Duration::default(),
        Condition::Rate(_, over, _) | Condition::Still(_, over) | Condition::Count(_, over, _) | Condition::Absent(_, over) => {
            *over
        }
    };
    Duration(over.0 + rule.hold.0).max(UNKNOWN_MAX)
}

/// Lets go of those that are known to be over, and of those that the rule itself finds to be so.
pub(super) fn settle(
    rule: &Rule,
    resumed: &mut BTreeMap<AlertId, Resumed>,
    watched: &BTreeMap<String, Watch>,
    fired: &Wanted,
    now: Timestamp,
) {
    if resumed.is_empty() {
        return;
    }
    let known: BTreeMap<AlertId, bool> =
        watched.iter().map(|(subject, watch)| (AlertId::new(&rule.name, subject), watch.is_known)).collect();
    // Events that were never seen did not happen.
    let by_default = matches!(rule.condition, Condition::Count(..));
    resumed.retain(|id, resumed| {
        let is_known = known.get(id).copied().unwrap_or(by_default);
        let sight = match (fired.contains_key(id), is_known) {
            (true, true) => return false,
            (true, false) => Sight::True,
            (false, true) => Sight::Untrue,
            (false, false) => Sight::Unknown,
        };
        resumed.stays(sight, rule, now)
    });
}
