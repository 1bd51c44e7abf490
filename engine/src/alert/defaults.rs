//! What an operator wants to be told of without having said so. A rules file replaces any of these by name, or switches it
//! off.

use super::{
    Condition, Figure, Rule, Severity,
    rule::{Bound, MISSED},
};
use crate::unit::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const FIVE_MINUTES: Duration = Duration::from_secs(300);

/// The names of the rules that are there by default.
pub const DEFAULTS: [&str; 10] = [
    "run-failed",
    "failing-repeatedly",
    "dead-letters",
    "queue-old",
    "queue-grows",
    "schedule-missed",
    "disk-low",
    "store-refuses",
    "event-loop",
    "check-fails",
];

/// The rules that are there by default, in the order of [`DEFAULTS`].
pub fn default_rules() -> Vec<Rule> {
    use Condition::{Count, Rate, Threshold};
    use Severity::{Critical, Warning};
    let rule = |name: &str, condition, hold, severity, summary: &str| Rule {
        name: name.into(),
        condition,
        of: None,
        hold,
        severity,
        summary: summary.into(),
    };
    let now = Duration::default();
    let missed = Count(vec![MISSED.into()], Duration::from_secs(600), Bound::Above(0.0));
    let over = |figure, limit| Threshold(figure, Bound::Above(limit));
    vec![
        rule("run-failed", over(Figure::FailedInRow, 0.0), now, Warning, "its last run failed"),
        rule("failing-repeatedly", over(Figure::FailedInRow, 2.0), now, Critical, "its runs fail again and again"),
        rule("dead-letters", Rate(Figure::DeadLetters, FIVE_MINUTES, Bound::Above(0.0)), now, Warning, "its dead letters grow"),
        rule("queue-old", over(Figure::QueueOldestAge, 300.0), MINUTE, Warning, "messages wait for more than five minutes"),
        rule(
            "queue-grows",
            Rate(Figure::QueueReady, FIVE_MINUTES, Bound::Above(1.0)),
            FIVE_MINUTES,
            Warning,
            "more comes in than goes out",
        ),
        rule("schedule-missed", missed, now, Warning, "ticks of its schedule passed without a run"),
        rule("disk-low", Threshold(Figure::DiskFreeBytes, Bound::Below(2e9)), MINUTE, Critical, "the disk is nearly full"),
        rule(
            "store-refuses",
            Rate(Figure::AppendFailures, FIVE_MINUTES, Bound::Above(0.0)),
            now,
            Critical,
            "the log refused appends",
        ),
        rule("event-loop", over(Figure::EventLoopLag, 0.5), Duration::from_secs(30), Warning, "the process is held up"),
        rule("check-fails", over(Figure::CheckState, 1.0), MINUTE, Critical, "a check fails"),
    ]
}
