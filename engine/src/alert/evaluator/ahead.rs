//! When the passing of time alone may raise an alert, or end one: where nothing happens, figures need not be looked at before.

use std::{collections::BTreeMap, time::Duration as Length};

use jiff::Timestamp;

use super::{Evaluator, Watch, of, resumed::Resumed};
use crate::{
    alert::{
        AlertId, Figure, Reading,
        rule::{Bound, Condition, Rule},
    },
    port::clock::after,
    unit::Duration,
};

/// What must be longer than a time is so from here on.
const BEYOND: Length = Length::from_millis(1);

impl Evaluator {
    /// The first moment after this one, of these figures, at which a rule finds something else although they stay as they are.
    /// Those that change by themselves, like the room on a disk, nobody can tell of.
    pub fn moves_at(&self, readings: &[Reading], now: Timestamp) -> Timestamp {
        let rules = self.rules.iter().zip(&self.watched).zip(&self.resumed);
        let moments = rules.flat_map(|((rule, watched), resumed)| {
            let held = watched.values().filter_map(|watch| Some(after(watch.since?, rule.hold.0)));
            let moved = watched.values().filter_map(|watch| self.watched_at(rule, watch));
            held.chain(moved).chain(ages(rule, readings, now)).chain(settles(rule, resumed)).collect::<Vec<_>>()
        });
        moments.filter(|at| *at > now).min().unwrap_or(Timestamp::MAX)
    }

    fn watched_at(&self, rule: &Rule, watch: &Watch) -> Option<Timestamp> {
        match &rule.condition {
            Condition::Threshold(..) => None,
            Condition::Rate(_, over, bound) => shrinks_at(watch, *over, *bound),
            Condition::Still(_, over) => watch.samples.back().map(|(since, _)| after(*since, over.0)),
            Condition::Count(_, over, bound) => fewer_at(watch, *over, *bound),
            Condition::Absent(_, over) => {
                Some(after(watch.moments.back().copied().unwrap_or(self.began).max(self.began), over.0))
            }
        }
    }
}

/// When enough of a growth lies before the window for the rule to say otherwise.
fn shrinks_at(watch: &Watch, over: Duration, bound: Bound) -> Option<Timestamp> {
    let (_, newest) = *watch.samples.back()?;
    let is_broken = |then: f64| bound.is_broken((newest - then) / over.0.as_secs_f64());
    let before = is_broken(watch.samples.front()?.1);
    let (at, _) = watch.samples.iter().skip(1).find(|(_, then)| is_broken(*then) != before)?;
    Some(after(*at, over.0))
}

/// When enough events lie before the window for the rule to say otherwise.
fn fewer_at(watch: &Watch, over: Duration, bound: Bound) -> Option<Timestamp> {
    let count = watch.moments.len();
    let is_broken = |gone: usize| bound.is_broken((count - gone) as f64);
    let gone = (1..=count).find(|gone| is_broken(*gone) != is_broken(0))?;
    Some(after(watch.moments[gone - 1], over.0 + BEYOND))
}

/// When messages that wait have waited for as long as the rule says.
fn ages(rule: &Rule, readings: &[Reading], now: Timestamp) -> impl Iterator<Item = Timestamp> {
    let limit = match rule.condition {
        Condition::Threshold(Figure::QueueOldestAge, bound) => Some(bound.limit()),
        _ => None,
    };
    limit.into_iter().flat_map(move |limit| {
        let waiting =
            of(readings, Figure::QueueOldestAge).filter(|reading| reading.value > 0.0 && rule.watches(&reading.subject));
        let left = waiting.filter_map(move |reading| Length::try_from_secs_f64(limit - reading.value).ok());
        left.map(move |left| after(now, left + BEYOND))
    })
}

/// When what was raised before is known to be over.
fn settles(rule: &Rule, resumed: &BTreeMap<AlertId, Resumed>) -> impl Iterator<Item = Timestamp> {
    resumed.values().filter_map(|resumed| resumed.settles_at(rule))
}
