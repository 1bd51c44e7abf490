//! What comes from the engine: folded in, counted, and told to the screen on top.

use std::{collections::BTreeSet, sync::Arc};

use flexcore_engine::{
    event::Envelope,
    id::{PipelineName, RunId},
    projection::{ReadModels, describe::describe},
    vitals::Vitals,
};

use super::{navigate::tell_top, past};
use crate::{
    effect::{Effect, Question, Tag, Tone},
    model::{
        Model,
        facts::{Connection, Facts},
    },
    screen::Input,
};

pub(super) fn models(model: &mut Model, models: ReadModels) -> Vec<Effect> {
    heard(model);
    let mut effects = Vec::new();
    if models.position < model.live().models.position {
        effects.extend(past::leave(model));
        model.messages.say(model.now, Tone::Warn, "the engine began another log: what was shown before is gone");
    }
    let live = model.live_mut();
    // Told anew: what is in the ring may be of another log, or end before a gap. The newest come next.
    live.events.clear();
    live.figures.begin(&models);
    live.models = models;
    live.models_told = true;
    live.due.begin(&live.models.board);
    live.plans.begin(&live.models.board);
    if model.past.is_none() {
        model.overview.refresh(&model.facts);
        model.overview.events.refill(&model.facts.events, model.facts.now);
    }
    effects.extend(ask_due(model));
    effects.extend(ask_plans(model.live_mut()));
    effects
}

pub(super) fn backlog(model: &mut Model, events: Vec<Envelope>) -> Vec<Effect> {
    for envelope in events {
        keep(model.live_mut(), envelope);
    }
    if model.past.is_none() {
        model.overview.events.refill(&model.facts.events, model.facts.now);
    }
    Vec::new()
}

pub(super) fn events(model: &mut Model, events: Vec<Envelope>) -> Vec<Effect> {
    heard(model);
    let facts = model.live_mut();
    let before = facts.events.newest().unwrap_or_default();
    let mut touched = BTreeSet::new();
    for envelope in events {
        let expected = facts.models.position.next();
        if envelope.position > expected {
            facts.dropped += envelope.position.0 - expected.0;
        }
        facts.models.apply(&envelope);
        touched.extend(touched_by(facts, &envelope));
        keep(facts, envelope);
    }
    let mut effects = ask_due(model);
    effects.extend(ask_plans(model.live_mut()));
    if model.past.is_none() {
        model.overview.events.extend(&model.facts.events, before, model.facts.now);
        model.overview.touched(&touched, &model.facts);
        effects.extend(tell_top(model, Input::Facts));
    }
    effects
}

/// The pipeline that an event may show in another light. After one of its own it may also be due at another time, or have
/// another graph.
pub(super) fn touched_by(facts: &mut Facts, envelope: &Envelope) -> Option<PipelineName> {
    let (family, name) = envelope.stream.as_str().split_once('/')?;
    match family {
        "pipeline" => {
            let Facts { due, plans, models, .. } = facts;
            due.look_again(name, &models.board);
            plans.look_again(name, &models.board);
            PipelineName::new(name).ok()
        }
        "run" => name.parse().ok().and_then(|run: RunId| facts.models.runs.runs.get(&run)).map(|run| run.pipeline.clone()),
        _ => None,
    }
}

/// Asks for the graphs of current revisions that are not known.
pub(super) fn ask_plans(facts: &mut Facts) -> Vec<Effect> {
    let ask = |(revision, definition)| Effect::Ask(Tag::CONSOLE, Question::Plan { revision, definition });
    facts.plans.to_ask(&facts.models.board).into_iter().map(ask).collect()
}

/// Keeps an event; those of a run under the name of its pipeline, by which people look for them.
pub(super) fn keep(facts: &mut Facts, envelope: Envelope) {
    let run = envelope.stream.as_str().strip_prefix("run/").and_then(|id| id.parse::<RunId>().ok());
    let row = run.and_then(|run| facts.models.runs.runs.get(&run));
    let line = facts.lines.line(envelope, |envelope| {
        let mut description = describe(envelope);
        if let Some(row) = row {
            description.subject = format!("{} #{}", row.pipeline, row.number);
        }
        description
    });
    facts.events.push_line(line);
}

pub(super) fn vitals(model: &mut Model, vitals: &Arc<Vitals>) -> Vec<Effect> {
    heard(model);
    let live = model.live_mut();
    live.figures.observe(vitals);
    live.vitals = Some(vitals.clone());
    model.rest.same_figures();
    if model.past.is_some() {
        return Vec::new();
    }
    model.overview.refresh(&model.facts);
    tell_top(model, Input::Facts)
}

fn heard(model: &mut Model) {
    if model.live().is_stale() {
        model.messages.say(model.now, Tone::Good, "the engine answers again");
    }
    let now = model.now;
    let live = model.live_mut();
    live.connection = Connection::Live;
    live.heard_at = Some(now);
}

pub(super) fn lost(model: &mut Model, reason: String) -> Vec<Effect> {
    if model.live().is_stale() {
        return Vec::new();
    }
    model.messages.say(model.now, Tone::Warn, format!("{reason}; trying again"));
    let live = model.live_mut();
    live.connection = Connection::Lost { since: live.heard_at.unwrap_or(live.now), reason };
    Vec::new()
}

/// Asks when pipelines are due next, where it is not known or has passed.
pub(super) fn ask_due(model: &mut Model) -> Vec<Effect> {
    let facts = model.live_mut();
    if facts.is_stale() {
        return Vec::new();
    }
    let ask = |pipeline| Effect::Ask(Tag::CONSOLE, Question::Ticks { pipeline, count: 1 });
    facts.due.to_ask(facts.now, &facts.models.board).into_iter().map(ask).collect()
}
