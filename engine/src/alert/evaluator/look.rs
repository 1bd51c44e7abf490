//! One rule at one moment: what it makes of what is read, or of the events that came, for each thing that it watches.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;

use super::{Fired, Watch, entry, is_about_all, resumed::Resumed};
use crate::{
    alert::{
        About, AlertId, Reading,
        rule::{Bound, Condition, Rule},
    },
    id::PipelineName,
    port::clock::between,
    unit::Duration,
};

/// Samples kept of a figure whose growth is watched.
const SAMPLES_MAX: u32 = 60;

/// A rule at a moment.
pub(super) struct Look<'r> {
    pub(super) rule: &'r Rule,
    pub(super) resumed: &'r BTreeMap<AlertId, Resumed>,
    pub(super) now: Timestamp,
}

impl Look<'_> {
    /// Takes the readings of a figure in, and says which of them have been beyond the limit for long enough. What is no longer
    /// read is forgotten.
    pub(super) fn take<'a>(
        &self,
        watched: &mut BTreeMap<String, Watch>,
        readings: impl Iterator<Item = &'a Reading> + Clone,
        value: impl Fn(&mut Watch, f64) -> Option<f64>,
    ) -> Vec<Fired> {
        let readings = readings.filter(|reading| self.rule.watches(&reading.subject));
        let names: HashSet<&str> = readings.clone().map(|reading| reading.subject.as_str()).collect();
        watched.retain(|subject, _| names.contains(subject.as_str()));
        let fired = |reading: &Reading| {
            let watch = entry(watched, &reading.subject, &reading.about)?;
            let value = value(watch, reading.value);
            self.held(watch, &reading.subject, value)
        };
        readings.filter_map(fired).collect()
    }

    pub(super) fn counted(&self, watched: &mut BTreeMap<String, Watch>, over: Duration) -> Vec<Fired> {
        let count = |watch: &mut Watch| {
            while watch.moments.front().is_some_and(|at| between(*at, self.now) > over.0) {
                watch.moments.pop_front();
            }
            known(watch, watch.moments.len() as f64)
        };
        let mut fired = Vec::new();
        for (subject, watch) in watched.iter_mut() {
            let value = count(watch);
            fired.extend(self.held(watch, subject, Some(value)));
        }
        watched.retain(|_, watch| !watch.moments.is_empty());
        fired
    }

    /// A rule about one thing by name fires before the first event was ever seen; one about all things has one alert for all.
    pub(super) fn absent(&self, watched: &mut BTreeMap<String, Watch>, over: Duration, began: Timestamp) -> Vec<Fired> {
        let (rule, now) = (self.rule, self.now);
        let subject = if is_about_all(rule) { "" } else { rule.of.as_deref().unwrap_or_default() };
        let about = PipelineName::new(subject).map_or(About::Engine, About::Pipeline);
        let Some(watch) = entry(watched, subject, &about) else { return Vec::new() };
        let seen = watch.moments.back().copied();
        let last = seen.unwrap_or(began).max(began.min(now));
        watch.moments.drain(..watch.moments.len().saturating_sub(1));
        watch.is_known = seen.is_some_and(|at| between(at, now) < over.0);
        let length = between(last, now);
        let value = (length >= over.0).then_some(length.as_secs_f64());
        self.held(watch, subject, value).into_iter().collect()
    }

    /// It fires when the value has been beyond the limit for as long as the rule wants. What was raised before has waited.
    fn held(&self, watch: &mut Watch, subject: &str, value: Option<f64>) -> Option<Fired> {
        let bound = match &self.rule.condition {
            Condition::Threshold(_, bound) | Condition::Rate(_, _, bound) | Condition::Count(_, _, bound) => *bound,
            // Their value is how long nothing came; none is told before that is long enough.
            Condition::Still(..) | Condition::Absent(..) => Bound::Above(f64::MIN),
        };
        let broken = value.filter(|value| bound.is_broken(*value));
        watch.since = broken.map(|_| watch.since.or_else(|| self.raised_since(subject)).unwrap_or(self.now));
        let since = watch.since.filter(|since| between(*since, self.now) >= self.rule.hold.0)?;
        Some(Fired { subject: subject.to_owned(), about: watch.about.clone(), value: broken?, since })
    }

    fn raised_since(&self, subject: &str) -> Option<Timestamp> {
        if self.resumed.is_empty() {
            return None;
        }
        self.resumed.get(&AlertId::new(&self.rule.name, subject)).map(Resumed::since)
    }
}

/// A figure that says by itself what it is worth.
pub(super) fn known(watch: &mut Watch, value: f64) -> f64 {
    watch.is_known = true;
    value
}

/// How much a figure grew a second, within a time. Nothing is known of it before two samples; a counter that begins anew is
/// seen from there on.
pub(super) fn growth(watch: &mut Watch, value: f64, over: Duration, now: Timestamp) -> Option<f64> {
    let every = over.0 / SAMPLES_MAX;
    if watch.samples.back().is_none_or(|(at, _)| between(*at, now) >= every) {
        watch.samples.push_back((now, value));
    }
    // The oldest one that is kept is the last that is not younger than the window.
    while watch.samples.get(1).is_some_and(|(at, _)| between(*at, now) >= over.0) {
        watch.samples.pop_front();
    }
    let (since, then) = watch.samples.front()?;
    watch.is_known = between(*since, now) >= over.0;
    Some((value - then) / over.0.as_secs_f64())
}

/// How long a figure has not changed, once that is long enough.
pub(super) fn unchanged(watch: &mut Watch, value: f64, over: Duration, now: Timestamp) -> Option<f64> {
    if watch.samples.back().is_none_or(|(_, known)| known.total_cmp(&value).is_ne()) {
        watch.is_known = !watch.samples.is_empty();
        watch.samples.clear();
        watch.samples.push_back((now, value));
    }
    let (since, _) = watch.samples.back()?;
    let length = between(*since, now);
    (length >= over.0).then_some(length.as_secs_f64())
}
