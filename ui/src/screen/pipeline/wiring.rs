//! From a definition and the figures of a run to the drawing of its graph.

use std::collections::BTreeSet;

use flexcore_engine::{
    id::StepName,
    pipeline::{Definition, Step},
    projection::runs::{RunRow, RunState, StepState},
    vitals::RunVitals,
};
use serde_json::Value;

use crate::{
    model::{facts::Facts, figures::StepFigures},
    screen::parts,
    widget::graph::{Graph, GraphEdge, GraphStep, State},
};

/// Step types that begin a path of their own: they need nothing unless they say so.
const SOURCE_ENDINGS: [&str; 5] = [".read", ".poll", ".receive", ".consume", ".tap"];

/// The graph of a definition with what a run of it is doing, or did.
pub(super) fn graph(definition: &Definition, run: Option<&RunRow>, facts: &Facts) -> Graph {
    let live = run.filter(|run| !run.state.is_ended()).and_then(|run| {
        let vitals = facts.vitals.as_ref()?.runs.iter().find(|known| known.run == run.id)?;
        Some((vitals, facts.figures.steps(run.id)))
    });
    let steps = definition.steps.iter().map(|step| graph_step(step, run, live)).collect();
    Graph::new(steps, edges(definition))
}

fn graph_step(step: &Step, run: Option<&RunRow>, live: Option<(&RunVitals, &[StepFigures])>) -> GraphStep {
    let row = run.and_then(|run| run.steps.iter().find(|row| row.step == step.name && row.attempt == run.attempt));
    let place = live.and_then(|(vitals, _)| vitals.steps.iter().position(|known| known.step.as_ref() == Some(&step.name)));
    let vitals = live.zip(place).map(|((vitals, _), place)| &vitals.steps[place]);
    let rates = live.zip(place).and_then(|((_, figures), place)| figures.get(place));
    let counts = vitals.map(|vitals| vitals.counts).or(row.map(|row| row.counts)).unwrap_or_default();
    let retrying = vitals.and_then(|vitals| vitals.retrying.as_ref());
    let state = match (step.enabled, retrying, row) {
        (false, _, _) => State::Off,
        (_, Some(_), _) => State::Retrying,
        (_, _, Some(row)) if row.state == StepState::Running && run.is_some_and(|run| run.state.is_ended()) => State::Stopped,
        (_, _, Some(row)) => parts::step_state(row.state),
        (_, _, None) if run.is_some_and(|run| run.state == RunState::Running) && vitals.is_some() => State::Running,
        (_, _, None) => State::Idle,
    };
    GraphStep {
        name: step.name.to_string(),
        uses: step.uses.clone(),
        state,
        in_per_s: rates.map(|rates| rates.in_per_s),
        records_in: counts.records_in,
        records_out: counts.records_out,
        backlog: vitals.map_or((0, 0), |vitals| (vitals.backlog, vitals.backlog_max)),
        dropped: counts.dropped,
        dead: counts.dead,
        note: retrying.map(|(_, why)| why.clone()).or_else(|| Some(row?.error.as_ref()?.message.clone())),
    }
}

/// Which step leads to which, as the engine reads a definition: what `needs` says, else the routes that name the step, else
/// the step before.
pub(in crate::screen) fn edges(definition: &Definition) -> Vec<GraphEdge> {
    let steps = &definition.steps;
    let index = |name: &StepName| steps.iter().position(|step| step.name == *name);
    let mut edges = Vec::new();
    for (to, step) in steps.iter().enumerate() {
        let from: Vec<usize> = match &step.needs {
            Some(needs) => needs.iter().filter_map(index).collect(),
            None => implied(steps, to),
        };
        edges.extend(from.into_iter().map(|from| GraphEdge { from, to, order: false }));
    }
    edges
}

fn implied(steps: &[Step], to: usize) -> Vec<usize> {
    let name = steps[to].name.as_str();
    let routes: Vec<usize> =
        (0..steps.len()).filter(|from| steps[*from].uses == "route" && targets(&steps[*from]).contains(name)).collect();
    if !routes.is_empty() {
        return routes;
    }
    if to == 0 || is_source(&steps[to].uses) { Vec::new() } else { vec![to - 1] }
}

fn is_source(uses: &str) -> bool {
    uses == "generate" || SOURCE_ENDINGS.iter().any(|ending| uses.ends_with(ending))
}

fn targets(route: &Step) -> BTreeSet<&str> {
    let cases = route.settings.get("cases").and_then(Value::as_array).into_iter().flatten();
    let named = cases.filter_map(|case| case.get("to")).chain(route.settings.get("default"));
    named.filter_map(Value::as_str).collect()
}
