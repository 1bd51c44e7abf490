//! Which alerts there should be, as of a moment. It remembers what it needs of the past and no more: a few samples a figure,
//! a few moments a kind of event.

mod ahead;
mod look;
mod resumed;

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use super::{
    About, AlertId, Figure, Reading, Severity,
    rule::{Condition, MISSED, Rule},
};
use crate::{
    event::{Envelope, Event, pipeline::SkipReason},
    id::{PipelineName, QueueName, RunId},
    projection::ReadModels,
    unit::Duration,
};

use look::{Look, growth, known, unchanged};
use resumed::Resumed;

/// Things that one rule watches; more are not looked at.
pub const SUBJECTS_MAX: usize = 2_000;
/// How ticks that started no run are named in the log.
const TICK_SKIPPED: &str = "pipeline.tick_skipped";
/// Moments kept of a kind of event: more than so many count as so many.
const MOMENTS_MAX: usize = 1_000;

/// An alert that there should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Firing {
    /// How much it matters.
    pub severity: Severity,
    /// One sentence with the value.
    pub summary: String,
    /// What was seen.
    pub value: f64,
    /// What it was measured against.
    pub limit: f64,
    /// Where to look.
    pub about: About,
    /// Since when it is so.
    pub since: Timestamp,
}

/// Every alert that there should be.
pub type Wanted = BTreeMap<AlertId, Firing>;

/// Evaluates rules.
#[derive(Debug)]
pub struct Evaluator {
    rules: Vec<Rule>,
    watched: Vec<BTreeMap<String, Watch>>,
    /// Of each rule, what was raised before it was looked at.
    resumed: Vec<BTreeMap<AlertId, Resumed>>,
    began: Timestamp,
}

/// What is remembered of one thing that a rule watches.
#[derive(Debug, Default)]
struct Watch {
    about: About,
    /// Samples of a figure, oldest first.
    samples: VecDeque<(Timestamp, f64)>,
    /// Moments of events, oldest first.
    moments: VecDeque<Timestamp>,
    /// Since when it is as the rule says.
    since: Option<Timestamp>,
    /// Whether enough was seen of it to say that it is not as the rule says.
    is_known: bool,
}

impl Evaluator {
    /// From a moment on: what is absent was last there then.
    pub fn new(rules: Vec<Rule>, began: Timestamp) -> Self {
        let (watched, resumed) = rules.iter().map(|_| (BTreeMap::new(), BTreeMap::new())).unzip();
        Self { rules, watched, resumed, began }
    }

    /// What is raised as it begins, or as rules are exchanged, and since when it is so. A rule that has such an alert need not
    /// wait again before it fires, and the alert [stays](Self::keeps) until enough was seen to say that it is over.
    pub fn resume<'a>(&mut self, raised: impl Iterator<Item = (&'a AlertId, Timestamp)>) {
        for (id, since) in raised {
            let of_it = |rule: &&Rule| AlertId::new(&rule.name, "").as_str() == id.rule() && rule.watches_alert(id.subject());
            for (_, resumed) in self.rules.iter().zip(&mut self.resumed).filter(|(rule, _)| of_it(rule)) {
                resumed.insert(id.clone(), Resumed::new(since));
            }
        }
    }

    /// Whether an alert stays raised though it was not found to be so: nobody knows yet.
    pub fn keeps(&self, id: &AlertId) -> bool {
        self.resumed.iter().any(|resumed| resumed.contains_key(id))
    }

    /// Other rules from now on. What is known of the figures of rules that stay is kept, so that a rate goes on; what was
    /// counted of events is forgotten, and read back from the log by whoever calls this.
    pub fn exchange(&mut self, rules: Vec<Rule>) {
        let old = std::mem::take(&mut self.rules).into_iter().zip(std::mem::take(&mut self.watched));
        let mut kept: Vec<(Rule, BTreeMap<String, Watch>)> = old.filter(|(rule, _)| rule.condition.events().is_empty()).collect();
        for rule in &rules {
            let known = kept.iter().position(|(known, _)| known == rule);
            self.watched.push(known.map(|at| kept.swap_remove(at).1).unwrap_or_default());
        }
        self.resumed = rules.iter().map(|_| BTreeMap::new()).collect();
        self.rules = rules;
    }

    /// How far back it would like to see events when it begins.
    pub fn looks_back(&self) -> Duration {
        self.rules.iter().map(|rule| rule.condition.looks_back()).max().unwrap_or_default()
    }

    /// Takes an event in. The models say whose run it was.
    pub fn observe(&mut self, envelope: &Envelope, models: &ReadModels) {
        // Most events are named by no rule: what they are about is not looked up.
        if !self.rules.iter().any(|rule| names(rule, envelope)) {
            return;
        }
        let Some((subject, about)) = subject(envelope, models) else { return };
        for (rule, watched) in self.rules.iter().zip(&mut self.watched) {
            if !names(rule, envelope) || !rule.watches(&subject) {
                continue;
            }
            let key = if is_about_all(rule) { String::new() } else { subject.clone() };
            if let Some(watch) = entry(watched, &key, &about) {
                if watch.moments.len() == MOMENTS_MAX {
                    watch.moments.pop_front();
                }
                watch.moments.push_back(envelope.event.at);
            }
        }
    }

    /// Which alerts there should be, given every figure of a moment.
    pub fn evaluate(&mut self, readings: &[Reading], now: Timestamp) -> Wanted {
        let mut wanted = Wanted::new();
        for ((rule, watched), resumed) in self.rules.iter().zip(&mut self.watched).zip(&mut self.resumed) {
            let look = Look { rule, resumed, now };
            let fired = match &rule.condition {
                Condition::Threshold(figure, _) => {
                    look.take(watched, of(readings, *figure), |watch, value| Some(known(watch, value)))
                }
                Condition::Rate(figure, over, _) => {
                    look.take(watched, of(readings, *figure), |watch, value| growth(watch, value, *over, now))
                }
                Condition::Still(figure, over) => {
                    look.take(watched, of(readings, *figure), |watch, value| unchanged(watch, value, *over, now))
                }
                Condition::Count(_, over, _) => look.counted(watched, *over),
                Condition::Absent(_, over) => look.absent(watched, *over, self.began),
            };
            let fired: Wanted =
                fired.into_iter().map(|fired| (AlertId::new(&rule.name, &fired.subject), firing(rule, fired))).collect();
            resumed::settle(rule, resumed, watched, &fired, now);
            wanted.extend(fired);
        }
        wanted
    }
}

fn of(readings: &[Reading], figure: Figure) -> impl Iterator<Item = &Reading> + Clone {
    readings.iter().filter(move |reading| reading.figure == figure)
}

/// What is as a rule says.
struct Fired {
    subject: String,
    about: About,
    value: f64,
    since: Timestamp,
}

fn entry<'a>(watched: &'a mut BTreeMap<String, Watch>, subject: &str, about: &About) -> Option<&'a mut Watch> {
    if !watched.contains_key(subject) {
        if watched.len() >= SUBJECTS_MAX {
            return None;
        }
        watched.insert(subject.to_owned(), Watch { about: about.clone(), ..Watch::default() });
    }
    watched.get_mut(subject)
}

/// Absence is told of one thing by its name, or of all together: what never came has no name to be told apart by.
fn is_about_all(rule: &Rule) -> bool {
    matches!(rule.condition, Condition::Absent(..)) && rule.of.as_deref().is_none_or(|of| of.contains('*'))
}

fn firing(rule: &Rule, fired: Fired) -> Firing {
    let Fired { about, value, since, .. } = fired;
    let (seen, limit) = match &rule.condition {
        Condition::Threshold(_, bound) => (number(value), bound.limit()),
        Condition::Rate(_, over, bound) => (format!("{} a second within {over}", number(value)), bound.limit()),
        Condition::Count(_, over, bound) => (format!("{} within {over}", number(value)), bound.limit()),
        Condition::Still(_, over) => (format!("unchanged for {}", whole(value)), over.0.as_secs_f64()),
        Condition::Absent(_, over) => (format!("nothing for {}", whole(value)), over.0.as_secs_f64()),
    };
    let summary = if rule.summary.is_empty() { format!("{}: {seen}", rule.name) } else { format!("{}: {seen}", rule.summary) };
    Firing { severity: rule.severity, summary, value, limit, about, since }
}

fn whole(seconds: f64) -> Duration {
    Duration::from_secs(seconds as u64)
}

/// As people write it: no more digits than say something.
fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

/// Whether a rule is about events like this one.
fn names(rule: &Rule, envelope: &Envelope) -> bool {
    let kind = envelope.event.kind.as_str();
    let is_missed = || {
        let skipped = if kind == TICK_SKIPPED { envelope.decode() } else { None };
        matches!(skipped, Some(Ok(Event::TickSkipped(skip))) if skip.reason == SkipReason::Missed)
    };
    rule.condition.events().iter().any(|wanted| wanted == kind || (wanted == MISSED && is_missed()))
}

/// What an event is about. Facts of the user's own are about their stream.
fn subject(envelope: &Envelope, models: &ReadModels) -> Option<(String, About)> {
    let stream = envelope.stream.as_str();
    let pipeline = |name: PipelineName| (name.to_string(), About::Pipeline(name));
    match stream.split_once('/') {
        Some(("pipeline", name)) => PipelineName::new(name).ok().map(pipeline),
        Some(("run", id)) => {
            let run: RunId = id.parse().ok()?;
            models.runs.runs.get(&run).map(|row| pipeline(row.pipeline.clone()))
        }
        Some(("queue", name)) => QueueName::new(name).ok().map(|name| (name.to_string(), About::Queue(name))),
        // An alert about alerts would never end.
        Some(("alert", _)) => None,
        _ => Some((stream.to_owned(), About::Engine)),
    }
}

#[cfg(test)]
mod tests;
