//! A rule, as an operator writes it and as it is evaluated.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AlertId, Figure, Severity};
use crate::{event::Event, id::PipelineName, pipeline::Mistake, unit::Duration};

/// The most rules of one engine.
pub const RULES_MAX: usize = 200;

/// The longest that a rule may look back.
const OVER_MAX: Duration = Duration::from_secs(30 * 86_400);

/// A tick that came too late to start a run, which on the wire is a `pipeline.tick_skipped` with that reason.
pub(super) const MISSED: &str = "schedule.missed";

/// A rule as written: what to look at (`figure` or `events`), and when that is an alert (`above`, `below` or `absent`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// Its name; one of the same name replaces a rule that is there by default.
    pub name: String,
    /// What to look at: a figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figure: Option<Figure>,
    /// What to look at: events of these types, or `schedule.missed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// Of what: the name of a pipeline, queue, check or reader; `*` stands for anything. All of them unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// An alert when the value is above this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
    /// An alert when the value is below this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
    /// Instead of the figure itself, how much it grew a second within this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Duration>,
    /// Of events, those within this time are counted; 10m unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Duration>,
    /// An alert when for so long no such event came, or the figure did not change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<Duration>,
    /// Only when it has been so for this long.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub hold: Option<Duration>,
    /// How much it matters; warning unless said.
    #[serde(default)]
    pub severity: Severity,
    /// What it means and what to do, for whoever is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Whether it is evaluated; `false` switches a rule that is there by default off.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_yes(enabled: &bool) -> bool {
    *enabled
}

/// A side of a limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// Beyond it upwards.
    Above(f64),
    /// Beyond it downwards.
    Below(f64),
}

impl Bound {
    pub(super) fn is_broken(self, value: f64) -> bool {
        match self {
            Self::Above(limit) => value > limit,
            Self::Below(limit) => value < limit,
        }
    }

    pub(super) fn limit(self) -> f64 {
        match self {
            Self::Above(limit) | Self::Below(limit) => limit,
        }
    }
}

/// When it is an alert.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// A figure is beyond a limit.
    Threshold(Figure, Bound),
    /// A figure grows, per second within a time, beyond a limit.
    Rate(Figure, Duration, Bound),
    /// A figure has not changed for a time.
    Still(Figure, Duration),
    /// So many events of these types came within a time.
    Count(Vec<String>, Duration, Bound),
    /// None of these events came for a time.
    Absent(Vec<String>, Duration),
}

impl Condition {
    /// How far back it looks into the log.
    pub fn looks_back(&self) -> Duration {
        match self {
            Self::Count(_, over, _) | Self::Absent(_, over) => *over,
            Self::Threshold(..) | Self::Rate(..) | Self::Still(..) => Duration::default(),
        }
    }

    pub(super) fn events(&self) -> &[String] {
        match self {
            Self::Count(events, ..) | Self::Absent(events, _) => events,
            Self::Threshold(..) | Self::Rate(..) | Self::Still(..) => &[],
        }
    }
}

/// A rule as evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// When it is an alert.
    pub condition: Condition,
    /// Of what; `None`: of everything.
    pub of: Option<String>,
    /// For how long it must have been so.
    pub hold: Duration,
    /// How much it matters.
    pub severity: Severity,
    /// For people; empty: it is told from the condition.
    pub summary: String,
}

impl Rule {
    /// Whether it watches a subject.
    pub fn watches(&self, subject: &str) -> bool {
        self.of.as_deref().is_none_or(|pattern| fits(pattern, subject))
    }

    /// Whether an alert about a subject can be of this rule: that of all things together has none.
    pub(super) fn watches_alert(&self, subject: &str) -> bool {
        let as_named = |pattern: &str| fits(AlertId::new("", pattern).subject(), subject);
        subject.is_empty() || self.of.as_deref().is_none_or(as_named)
    }
}

/// Whether a pattern, in which `*` stands for any text, fits a text.
pub fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The rules of a list: those by default that it neither replaces nor switches off, then its own. `Err`: every mistake, with
/// pointers into the list.
pub fn rules_of(defaults: Vec<Rule>, written: &[Written]) -> Result<Vec<Rule>, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let mut own = Vec::new();
    for (at, one) in written.iter().enumerate() {
        if written[..at].iter().any(|other| other.name == one.name) {
            mistakes.push(Mistake::at(format!("/{at}/name"), format!("there is already a rule `{}`", one.name)));
        }
        match one.rule() {
            Ok(rule) => own.extend(one.enabled.then_some(rule)),
            Err(more) => mistakes.extend(more.into_iter().map(|mistake| below(at, mistake))),
        }
    }
    let is_replaced = |rule: &Rule| written.iter().any(|one| one.name == rule.name);
    let mut rules: Vec<Rule> = defaults.into_iter().filter(|rule| !is_replaced(rule)).collect();
    rules.append(&mut own);
    if rules.len() > RULES_MAX {
        mistakes.push(Mistake::at("", format!("{} rules: at most {RULES_MAX}", rules.len())));
    }
    if mistakes.is_empty() { Ok(rules) } else { Err(mistakes) }
}

fn below(at: usize, mistake: Mistake) -> Mistake {
    Mistake { pointer: format!("/{at}{}", mistake.pointer), ..mistake }
}

impl Written {
    /// Checked. A rule that is switched off needs no more than its name.
    pub fn rule(&self) -> Result<Rule, Vec<Mistake>> {
        let mut mistakes = self.unfit();
        let condition = match self.condition() {
            _ if !self.enabled => Some(Condition::Threshold(Figure::EventLoopLag, Bound::Above(f64::MAX))),
            Ok(condition) => Some(condition),
            Err(mistake) => {
                mistakes.push(mistake);
                None
            }
        };
        match condition.filter(|_| mistakes.is_empty()) {
            Some(condition) => Ok(Rule {
                name: self.name.clone(),
                condition,
                of: self.of.clone(),
                hold: self.hold.unwrap_or_default(),
                severity: self.severity,
                summary: self.summary.clone().unwrap_or_default(),
            }),
            None => Err(mistakes),
        }
    }

    fn unfit(&self) -> Vec<Mistake> {
        // The rule for names is the same for all that is named.
        let name = PipelineName::new(&self.name).err().map(|error| Mistake::at("/name", error.to_string()));
        let lengths = [("rate", self.rate), ("within", self.within), ("absent", self.absent), ("for", self.hold)];
        let length = |(key, length): (&str, Option<Duration>)| {
            let length = length.filter(|length| *length > OVER_MAX || (length.0.is_zero() && key != "for"))?;
            Some(Mistake::at(
                format!("/{key}"),
                format!("{length} is not a time to look at: more than nothing, at most {OVER_MAX}"),
            ))
        };
        let unknown = self.events.iter().enumerate().filter(|(_, kind)| !is_event(kind)).map(|(at, kind)| {
            let known = Event::TYPES.iter().copied().chain([MISSED]);
            Mistake::at(format!("/events/{at}"), format!("the engine has no event `{kind}`")).did_you_mean(kind, known)
        });
        name.into_iter().chain(lengths.into_iter().filter_map(length)).chain(unknown).collect()
    }

    fn condition(&self) -> Result<Condition, Mistake> {
        let events = || self.events.clone();
        match (self.figure, self.events.is_empty()) {
            (None, true) => Err(Mistake::at("", "it looks at nothing").hint("give it `figure` or `events`")),
            (Some(_), false) => Err(Mistake::at("/events", "it looks at a figure and at events").hint("make two rules of it")),
            (Some(figure), true) => match (self.absent, self.rate, self.bound()?) {
                (Some(over), None, None) => Ok(Condition::Still(figure, over)),
                (None, Some(over), Some(bound)) => Ok(Condition::Rate(figure, over, bound)),
                (None, None, Some(bound)) => Ok(Condition::Threshold(figure, bound)),
                _ => Err(one_of()),
            },
            (None, false) => match (self.absent, self.within, self.bound()?) {
                (Some(over), None, None) => Ok(Condition::Absent(events(), over)),
                (None, within, Some(bound)) => Ok(Condition::Count(events(), within.unwrap_or(Duration::from_secs(600)), bound)),
                _ => Err(one_of()),
            },
        }
    }

    fn bound(&self) -> Result<Option<Bound>, Mistake> {
        match (self.above, self.below) {
            (Some(_), Some(_)) => Err(Mistake::at("/below", "it has `above` and `below`").hint("make two rules of it")),
            (Some(limit), None) => Ok(Some(Bound::Above(limit))),
            (None, Some(limit)) => Ok(Some(Bound::Below(limit))),
            (None, None) => Ok(None),
        }
    }
}

fn one_of() -> Mistake {
    Mistake::at("", "it does not say when it is an alert").hint("give it one of `above`, `below` and `absent`")
}

/// Types of the user's own may come, too; a type of one of the engine's families that it does not know is a slip.
fn is_event(kind: &str) -> bool {
    let family = |text: &str| text.split('.').next().unwrap_or_default().to_owned();
    kind == MISSED || Event::TYPES.contains(&kind) || !Event::TYPES.iter().any(|known| family(known) == family(kind))
}

#[cfg(test)]
mod tests;
