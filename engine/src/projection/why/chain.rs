//! The ground that answers stand on, and the chain of facts that an answer is built of.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::{Deed, FACTS_MAX, Fact, Next, Remedy, Subject, Why};
use crate::{
    event::{Envelope, Event},
    id::{Actor, EventId, Position, RunId, StreamName},
    projection::{
        ReadModels,
        describe::{Severity, describe},
        runs::{RunRow, Runs},
    },
    vitals::Vitals,
};

/// The most causes that are followed from one event to the next.
const CAUSES_MAX: usize = 16;

/// An event that was read, and what it says.
pub(super) struct Told<'a> {
    pub(super) envelope: &'a Envelope,
    pub(super) event: Event,
}

/// All that is known.
pub(super) struct Ground<'a> {
    pub(super) models: &'a ReadModels,
    pub(super) now: Timestamp,
    pub(super) vitals: Option<&'a Vitals>,
    told: BTreeMap<Position, Told<'a>>,
    by_id: HashMap<EventId, Position>,
}

impl<'a> Ground<'a> {
    pub(super) fn new(models: &'a ReadModels, events: &'a [Envelope], now: Timestamp, vitals: Option<&'a Vitals>) -> Self {
        let before = events.iter().filter(|envelope| envelope.position <= models.position);
        let read = before.filter_map(|envelope| Some((envelope.position, Told { envelope, event: envelope.decode()?.ok()? })));
        let told: BTreeMap<Position, Told<'a>> = read.collect();
        let by_id = told.iter().map(|(position, told)| (told.envelope.event.id, *position)).collect();
        Self { models, now, vitals, told, by_id }
    }

    /// The events of a stream, oldest first.
    pub(super) fn of(&self, stream: StreamName) -> impl DoubleEndedIterator<Item = &Told<'a>> {
        self.told.values().filter(move |told| told.envelope.stream == stream)
    }

    /// The newest event of a stream that is wanted.
    pub(super) fn last(&self, stream: StreamName, wanted: impl Fn(&Event) -> bool) -> Option<&Told<'a>> {
        self.of(stream).rev().find(|told| wanted(&told.event))
    }

    /// A run as the read models have it; one that they have forgotten as its own events tell it.
    pub(super) fn run(&self, run: RunId) -> Option<RunRow> {
        if let Some(row) = self.models.runs.runs.get(&run) {
            return Some(row.clone());
        }
        let mut runs = Runs::default();
        self.of(StreamName::run(run)).for_each(|told| runs.apply(told.envelope, &told.event));
        runs.runs.get(&run).cloned()
    }

    /// The name of a run as people use it.
    pub(super) fn called(&self, run: RunId) -> String {
        self.models.runs.runs.get(&run).map_or_else(|| format!("run {}", run.short()), |row| format!("run #{}", row.number))
    }

    fn cause(&self, told: &Told<'_>) -> Option<&Told<'a>> {
        let cause = told.envelope.event.cause?;
        // A cause is in the log before its effect: what says otherwise is not followed round and round.
        self.by_id.get(&cause).filter(|at| **at < told.envelope.position).map(|at| &self.told[at])
    }
}

/// An answer in the making.
pub(super) struct Answer<'g> {
    ground: &'g Ground<'g>,
    /// The stream of what is asked about: its events need not say of what they are.
    own: StreamName,
    pub(super) state: String,
    pub(super) severity: Severity,
    pub(super) text: String,
    facts: Vec<Fact>,
    next: Vec<Next>,
    remedies: Vec<Remedy>,
}

impl<'g> Answer<'g> {
    pub(super) fn new(ground: &'g Ground<'g>, own: StreamName, state: impl Into<String>) -> Self {
        Self {
            ground,
            own,
            state: state.into(),
            severity: Severity::Info,
            text: String::new(),
            facts: Vec::new(),
            next: Vec::new(),
            remedies: Vec::new(),
        }
    }

    /// A run in a sentence; the one that is asked about needs no name.
    pub(super) fn it(&self, run: RunId) -> String {
        if self.own == StreamName::run(run) { "it".into() } else { self.ground.called(run) }
    }

    /// The answer itself.
    pub(super) fn says(&mut self, severity: Severity, text: impl Into<String>) {
        (self.severity, self.text) = (severity, text.into());
    }

    /// An event is a reason, and so is what led to it.
    pub(super) fn fact(&mut self, told: &Told<'_>) {
        self.fact_that(told, "");
    }

    /// The same, with what is worth knowing about it.
    pub(super) fn fact_that(&mut self, told: &Told<'_>, more: &str) {
        let ground = self.ground;
        self.one(told, more);
        let mut next = ground.cause(told);
        for _ in 0..CAUSES_MAX {
            let Some(cause) = next else { return };
            self.one(cause, "");
            next = ground.cause(cause);
        }
    }

    fn one(&mut self, told: &Told<'_>, more: &str) {
        let envelope = told.envelope;
        if self.facts.iter().any(|known| known.position == Some(envelope.position)) {
            return;
        }
        let description = describe(envelope);
        let of = if envelope.stream == self.own { String::new() } else { format!("{}: ", self.subject(envelope)) };
        let more = if more.is_empty() { String::new() } else { format!("; {more}") };
        self.facts.push(Fact {
            position: Some(envelope.position),
            at: envelope.event.at,
            actor: envelope.event.actor.clone(),
            stream: envelope.stream.clone(),
            kind: envelope.event.kind.to_string(),
            severity: description.severity,
            text: format!("{of}{}{more}", description.text),
        });
    }

    fn subject(&self, envelope: &Envelope) -> String {
        match Subject::of(envelope) {
            Some(Subject::Run(run)) => self.ground.called(run),
            _ => describe(envelope).subject,
        }
    }

    /// What the read models remember of an event that is no longer kept.
    pub(super) fn remembered(&mut self, at: Timestamp, actor: &Actor, kind: &str, text: impl Into<String>) {
        self.facts.push(Fact {
            position: None,
            at,
            actor: actor.clone(),
            stream: self.own.clone(),
            kind: kind.to_owned(),
            severity: Severity::Info,
            text: text.into(),
        });
    }

    pub(super) fn then(&mut self, at: impl Into<Option<Timestamp>>, text: impl Into<String>) {
        let next = Next { at: at.into(), text: text.into() };
        if !self.next.contains(&next) {
            self.next.push(next);
        }
    }

    pub(super) fn can(&mut self, deed: Deed, text: impl Into<String>) {
        if !self.remedies.iter().any(|known| known.deed == deed) {
            self.remedies.push(Remedy::new(deed, text));
        }
    }

    /// Whole, the newest fact first.
    pub(super) fn into_why(mut self, subject: Subject, position: Position, at: Timestamp) -> Why {
        self.facts.sort_by_key(|fact| std::cmp::Reverse((fact.at, fact.position)));
        in_order(&mut self.facts);
        if self.facts.len() > FACTS_MAX {
            // The newest and the very first: what is between them is more of the same.
            self.facts.drain(FACTS_MAX - 1..self.facts.len() - 1);
        }
        if self.next.is_empty() {
            self.then(None, "nothing, unless somebody does something");
        }
        let Self { state, severity, text, facts, next, remedies, .. } = self;
        Why { subject, position, at, state, severity, answer: text, facts, next, remedies }
    }
}

/// Events in the order of the log, whatever their clocks said; what has no position stays where its moment put it.
fn in_order(facts: &mut [Fact]) {
    let mut placed: Vec<Fact> = facts.iter().filter(|fact| fact.position.is_some()).cloned().collect();
    placed.sort_by_key(|fact| std::cmp::Reverse(fact.position));
    let places = facts.iter_mut().filter(|fact| fact.position.is_some());
    places.zip(placed).for_each(|(place, fact)| *place = fact);
}
