//! Which alerts there should be, as of a moment. It remembers what it needs of the past and no more: a few samples a figure,
//! a few moments a kind of event.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use super::{
    About, AlertId, Reading, Severity,
    rule::{Bound, Condition, MISSED, Rule},
};
use crate::{
    event::{Envelope, Event, pipeline::SkipReason},
    id::{PipelineName, QueueName, RunId},
    port::clock::between,
    projection::ReadModels,
    unit::Duration,
};

/// Things that one rule watches; more are not looked at.
pub const SUBJECTS_MAX: usize = 2_000;
/// Samples kept of a figure whose growth is watched.
const SAMPLES_MAX: u32 = 60;
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
}

impl Evaluator {
    /// From a moment on: what is absent was last there then.
    pub fn new(rules: Vec<Rule>, began: Timestamp) -> Self {
        let watched = rules.iter().map(|_| BTreeMap::new()).collect();
        Self { rules, watched, began }
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
        self.rules = rules;
    }

    /// How far back it would like to see events when it begins.
    pub fn looks_back(&self) -> Duration {
        self.rules.iter().map(|rule| rule.condition.looks_back()).max().unwrap_or_default()
    }

    /// Takes an event in. The models say whose run it was.
    pub fn observe(&mut self, envelope: &Envelope, models: &ReadModels) {
        let Some((subject, about)) = subject(envelope, models) else { return };
        let kind = envelope.event.kind.as_str();
        let is_missed = || matches!(envelope.decode(), Some(Ok(Event::TickSkipped(skip))) if skip.reason == SkipReason::Missed);
        for (rule, watched) in self.rules.iter().zip(&mut self.watched) {
            let named = |wanted: &String| wanted == kind || (wanted == MISSED && is_missed());
            if !rule.condition.events().iter().any(named) || !rule.watches(&subject) {
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
        for (rule, watched) in self.rules.iter().zip(&mut self.watched) {
            let values = match &rule.condition {
                Condition::Threshold(figure, _) => {
                    let readings = readings.iter().filter(|reading| reading.figure == *figure);
                    take(rule, watched, readings, |_, reading| Some(reading.value), now)
                }
                Condition::Rate(figure, over, _) => {
                    let readings = readings.iter().filter(|reading| reading.figure == *figure);
                    take(rule, watched, readings, |watch, reading| growth(watch, reading.value, *over, now), now)
                }
                Condition::Still(figure, over) => {
                    let readings = readings.iter().filter(|reading| reading.figure == *figure);
                    take(rule, watched, readings, |watch, reading| unchanged(watch, reading.value, *over, now), now)
                }
                Condition::Count(_, over, _) => counted(rule, watched, *over, now),
                Condition::Absent(_, over) => absent(rule, watched, *over, self.began, now),
            };
            wanted.extend(values.into_iter().map(|fired| (AlertId::new(&rule.name, &fired.subject), firing(rule, fired))));
        }
        wanted
    }
}

/// What is as a rule says.
struct Fired {
    subject: String,
    about: About,
    value: f64,
    since: Timestamp,
}

/// Takes the readings of a figure in, and says which of them have been beyond the limit for long enough. What is no longer
/// read is forgotten.
fn take<'a>(
    rule: &Rule,
    watched: &mut BTreeMap<String, Watch>,
    readings: impl Iterator<Item = &'a Reading> + Clone,
    value: impl Fn(&mut Watch, &Reading) -> Option<f64>,
    now: Timestamp,
) -> Vec<Fired> {
    let readings = readings.filter(|reading| rule.watches(&reading.subject));
    let names: std::collections::HashSet<&str> = readings.clone().map(|reading| reading.subject.as_str()).collect();
    watched.retain(|subject, _| names.contains(subject.as_str()));
    let fired = |reading: &Reading| {
        let watch = entry(watched, &reading.subject, &reading.about)?;
        let value = value(watch, reading);
        held(rule, watch, &reading.subject, value, now)
    };
    readings.filter_map(fired).collect()
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

/// It fires when the value has been beyond the limit for as long as the rule wants.
fn held(rule: &Rule, watch: &mut Watch, subject: &str, value: Option<f64>, now: Timestamp) -> Option<Fired> {
    let bound = match &rule.condition {
        Condition::Threshold(_, bound) | Condition::Rate(_, _, bound) | Condition::Count(_, _, bound) => *bound,
        // Their value is how long nothing came; none is told before that is long enough.
        Condition::Still(..) | Condition::Absent(..) => Bound::Above(f64::MIN),
    };
    let broken = value.filter(|value| bound.is_broken(*value));
    watch.since = broken.map(|_| watch.since.unwrap_or(now));
    let since = watch.since.filter(|since| between(*since, now) >= rule.hold.0)?;
    Some(Fired { subject: subject.to_owned(), about: watch.about.clone(), value: broken?, since })
}

/// How much a figure grew a second, within a time. Nothing is known of it before two samples; a counter that begins anew is
/// seen from there on.
fn growth(watch: &mut Watch, value: f64, over: Duration, now: Timestamp) -> Option<f64> {
    let every = over.0 / SAMPLES_MAX;
    if watch.samples.back().is_none_or(|(at, _)| between(*at, now) >= every) {
        watch.samples.push_back((now, value));
    }
    // The oldest one that is kept is the last that is not younger than the window.
    while watch.samples.get(1).is_some_and(|(at, _)| between(*at, now) >= over.0) {
        watch.samples.pop_front();
    }
    let (_, then) = watch.samples.front()?;
    Some((value - then) / over.0.as_secs_f64())
}

/// How long a figure has not changed, once that is long enough.
fn unchanged(watch: &mut Watch, value: f64, over: Duration, now: Timestamp) -> Option<f64> {
    if watch.samples.back().is_none_or(|(_, known)| known.total_cmp(&value).is_ne()) {
        watch.samples.clear();
        watch.samples.push_back((now, value));
    }
    let (since, _) = watch.samples.back()?;
    let length = between(*since, now);
    (length >= over.0).then_some(length.as_secs_f64())
}

fn counted(rule: &Rule, watched: &mut BTreeMap<String, Watch>, over: Duration, now: Timestamp) -> Vec<Fired> {
    let count = |watch: &mut Watch| {
        while watch.moments.front().is_some_and(|at| between(*at, now) > over.0) {
            watch.moments.pop_front();
        }
        watch.moments.len() as f64
    };
    let mut fired = Vec::new();
    for (subject, watch) in watched.iter_mut() {
        let value = count(watch);
        fired.extend(held(rule, watch, subject, Some(value), now));
    }
    watched.retain(|_, watch| !watch.moments.is_empty());
    fired
}

/// A rule about one thing by name fires before the first event was ever seen; one about all things has one alert for all.
fn absent(rule: &Rule, watched: &mut BTreeMap<String, Watch>, over: Duration, began: Timestamp, now: Timestamp) -> Vec<Fired> {
    let subject = if is_about_all(rule) { "" } else { rule.of.as_deref().unwrap_or_default() };
    let about = PipelineName::new(subject).map_or(About::Engine, About::Pipeline);
    let Some(watch) = entry(watched, subject, &about) else { return Vec::new() };
    let last = watch.moments.back().copied().unwrap_or(began).max(began.min(now));
    watch.moments.drain(..watch.moments.len().saturating_sub(1));
    let length = between(last, now);
    let value = (length >= over.0).then_some(length.as_secs_f64());
    held(rule, watch, subject, value, now).into_iter().collect()
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
