//! What comes from the engine: folded in, counted, and told to the screen on top.

use std::{collections::BTreeMap, sync::Arc};

use flexcore_engine::{
    event::Envelope,
    id::{Revision, RunId},
    pipeline::{Definition, definition::Mode},
    projection::{ReadModels, board::PipelineState, describe::describe},
    vitals::Vitals,
};

use super::navigate::tell_top;
use crate::{
    effect::{Effect, Question, Tag, Tone},
    model::{
        Model,
        events::EventLine,
        facts::{Connection, Facts},
    },
    screen::Input,
};

/// The most questions for a next tick at once.
const DUE_ASKED_MAX: usize = 16;
/// The most questions for a graph at once.
const PLANS_ASKED_MAX: usize = 64;

pub(super) fn models(model: &mut Model, models: ReadModels) -> Vec<Effect> {
    heard(model);
    model.facts.figures.begin(&models);
    if models.position < model.facts.models.position {
        model.messages.say(model.facts.now, Tone::Warn, "the engine began another log: what was shown before is gone");
        model.facts.events.clear();
    }
    model.facts.models = models;
    model.facts.models_told = true;
    model.facts.due.clear();
    model.facts.due_asked.clear();
    model.overview.refresh(&model.facts);
    model.overview.events.refill(&model.facts.events, model.facts.now);
    let mut effects = ask_due(model);
    effects.extend(ask_plans(&mut model.facts));
    effects
}

pub(super) fn backlog(model: &mut Model, events: Vec<Envelope>) -> Vec<Effect> {
    for envelope in events {
        keep(&mut model.facts, envelope);
    }
    model.overview.events.refill(&model.facts.events, model.facts.now);
    Vec::new()
}

pub(super) fn events(model: &mut Model, events: Vec<Envelope>) -> Vec<Effect> {
    heard(model);
    let facts = &mut model.facts;
    let before = facts.events.newest().unwrap_or_default();
    let about_pipelines = events.iter().any(|envelope| envelope.stream.as_str().starts_with("pipeline/"));
    for envelope in events {
        let expected = facts.models.position.next();
        if envelope.position > expected {
            facts.dropped += envelope.position.0 - expected.0;
        }
        facts.models.apply(&envelope);
        forget_due(facts, &envelope);
        keep(facts, envelope);
    }
    model.overview.events.extend(&model.facts.events, before, model.facts.now);
    model.overview.refresh(&model.facts);
    let mut effects = Vec::new();
    // Only what happens to a pipeline changes when it is due, or its graph; each tick of the clock asks for the rest.
    if about_pipelines {
        effects.extend(ask_due(model));
        effects.extend(ask_plans(&mut model.facts));
    }
    effects.extend(tell_top(model, Input::Facts));
    effects
}

/// Asks for the graphs of current revisions that are not known, and forgets those of older ones.
fn ask_plans(facts: &mut Facts) -> Vec<Effect> {
    let current: BTreeMap<Revision, &Arc<Definition>> =
        facts.models.board.pipelines.values().map(|row| (row.current().revision, &row.current().definition)).collect();
    facts.plans.retain(|revision, _| current.contains_key(revision));
    let room = PLANS_ASKED_MAX.saturating_sub(facts.plans_asked.len());
    let is_known = |revision: &Revision| facts.plans.contains_key(revision) || facts.plans_asked.contains(revision);
    let unknown = current.into_iter().filter(|(revision, _)| !is_known(revision)).take(room);
    let unknown: Vec<_> = unknown.map(|(revision, definition)| (revision, definition.clone())).collect();
    facts.plans_asked.extend(unknown.iter().map(|(revision, _)| *revision));
    let ask = |(revision, definition)| Effect::Ask(Tag::CONSOLE, Question::Plan { revision, definition });
    unknown.into_iter().map(ask).collect()
}

/// Keeps an event; those of a run under the name of its pipeline, by which people look for them.
fn keep(facts: &mut Facts, envelope: Envelope) {
    let mut description = describe(&envelope);
    let run = envelope.stream.as_str().strip_prefix("run/").and_then(|id| id.parse::<RunId>().ok());
    if let Some(row) = run.and_then(|run| facts.models.runs.runs.get(&run)) {
        description.subject = format!("{} #{}", row.pipeline, row.number);
    }
    facts.events.push_line(EventLine { envelope, description });
}

/// A pipeline's schedule may be another one after any event of its own.
fn forget_due(facts: &mut Facts, envelope: &Envelope) {
    if let Some(name) = envelope.stream.as_str().strip_prefix("pipeline/") {
        facts.due.remove(name);
        facts.due_asked.remove(name);
    }
}

pub(super) fn vitals(model: &mut Model, vitals: &Arc<Vitals>) -> Vec<Effect> {
    heard(model);
    model.facts.figures.observe(vitals);
    model.facts.vitals = Some(vitals.clone());
    model.overview.refresh(&model.facts);
    tell_top(model, Input::Facts)
}

fn heard(model: &mut Model) {
    if model.facts.is_stale() {
        model.messages.say(model.facts.now, Tone::Good, "the engine answers again");
    }
    model.facts.connection = Connection::Live;
    model.facts.heard_at = Some(model.facts.now);
}

pub(super) fn lost(model: &mut Model, reason: String) -> Vec<Effect> {
    let facts = &mut model.facts;
    if facts.is_stale() {
        return Vec::new();
    }
    model.messages.say(facts.now, Tone::Warn, format!("{reason}; trying again"));
    facts.connection = Connection::Lost { since: facts.heard_at.unwrap_or(facts.now), reason };
    Vec::new()
}

/// Asks when pipelines are due next, where it is not known or has passed.
pub(super) fn ask_due(model: &mut Model) -> Vec<Effect> {
    let facts = &mut model.facts;
    if facts.is_stale() {
        return Vec::new();
    }
    let now = facts.now;
    let scheduled = facts.models.board.pipelines.values().filter(|row| {
        row.state == PipelineState::Active && row.definition().mode == Mode::Batch && !row.definition().triggers.is_empty()
    });
    let is_known = |name| facts.due_asked.contains(name) || facts.due.get(name).is_some_and(|due| *due > now);
    let unknown = scheduled.filter(|row| !is_known(&row.name));
    let names: Vec<_> = unknown.take(DUE_ASKED_MAX).map(|row| row.name.clone()).collect();
    let ask = |pipeline| Effect::Ask(Tag::CONSOLE, Question::Ticks { pipeline, count: 1 });
    facts.due_asked.extend(names.iter().cloned());
    names.into_iter().map(ask).collect()
}
