//! From a definition and the figures of a run to the drawing of its graph.

use flexcore_engine::{
    pipeline::{Definition, EdgeKind, Plan, Step, graph::Edge},
    projection::runs::{RunRow, RunState, StepState},
    vitals::RunVitals,
};

use crate::{
    model::{facts::Facts, figures::StepFigures},
    screen::parts,
    widget::graph::{Graph, GraphEdge, GraphStep, State},
};

/// The graph of a definition with what a run of it is doing, or did. Without its plan there are only steps.
pub(super) fn graph(definition: &Definition, plan: Option<&Plan>, run: Option<&RunRow>, facts: &Facts) -> Graph {
    let live = run.filter(|run| !run.state.is_ended()).and_then(|run| {
        let vitals = facts.vitals.as_ref()?.runs.iter().find(|known| known.run == run.id)?;
        Some((vitals, facts.figures.steps(run.id)))
    });
    let steps = definition
        .steps
        .iter()
        .map(|step| GraphStep { is_uncounted: is_uncounted(step, run, facts), ..graph_step(step, run, live) })
        .collect();
    Graph::new(steps, plan.map(edges).unwrap_or_default())
}

/// Counts of a step that works are vital figures, which the past has not.
fn is_uncounted(step: &Step, run: Option<&RunRow>, facts: &Facts) -> bool {
    let row = run.and_then(|run| run.steps.iter().find(|row| row.step == step.name));
    facts.is_past && row.is_some_and(|row| row.ended_at.is_none())
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
        is_uncounted: false,
        note: retrying.map(|(_, why)| why.clone()).or_else(|| Some(row?.error.as_ref()?.message.clone())),
    }
}

/// Which step leads to which, as the engine runs it; disabled steps are passed by.
fn edges(plan: &Plan) -> Vec<GraphEdge> {
    let edge = |edge: &Edge| GraphEdge { from: edge.from, to: edge.to, order: edge.kind == EdgeKind::Order };
    plan.edges.iter().map(edge).collect()
}
