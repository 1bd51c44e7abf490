//! What a hint says, and whether it is worth its room now: a key that would only be refused is not offered.

use std::borrow::Cow;

use flexcore_engine::projection::board::{PipelineRow, PipelineState};

use crate::{
    keymap::{Action, Bound, Scope},
    model::{Model, ask},
    screen::Place,
};

/// The words of a hint; `None`: it would do nothing now.
pub(super) fn of(model: &Model, bound: &Bound) -> Option<Cow<'static, str>> {
    let action = bound.binding.action;
    if model.past.is_some() {
        return in_past(bound);
    }
    match bound.binding.scope {
        Scope::Pipelines if model.overview.pipelines.marks.is_empty() => about_pipeline(action, selected(model)?)?,
        Scope::Pipeline => about_pipeline(action, selected(model)?)?,
        Scope::Run if !about_run(action, model) => return None,
        _ => {}
    }
    let row = selected(model).filter(|_| action == Action::PauseResume);
    Some(match row.map(|row| row.state) {
        Some(PipelineState::Paused) => "resume…".into(),
        Some(_) => "pause…".into(),
        None => words(bound),
    })
}

/// Nothing is changed in the past.
fn in_past(bound: &Bound) -> Option<Cow<'static, str>> {
    Some(match bound.binding.action {
        _ if bound.binding.changes => return None,
        Action::Back => "now".into(),
        Action::Travel => "moment".into(),
        Action::StepBack => "back".into(),
        Action::StepForward => "on".into(),
        _ => words(bound),
    })
}

fn words(bound: &Bound) -> Cow<'static, str> {
    bound.binding.description.split([';', ',', ':']).next().unwrap_or_default().into()
}

/// The pipeline under the cursor, or the one that is open.
fn selected(model: &Model) -> Option<&PipelineRow> {
    let name = match model.top().map(|opened| opened.screen.place()) {
        None => model.overview.pipelines.selected()?.clone(),
        Some(Some(Place::Pipeline(name))) => name,
        Some(_) => return None,
    };
    model.facts.models.board.pipelines.get(&name)
}

/// `None`: it would be refused.
fn about_pipeline(action: Action, row: &PipelineRow) -> Option<()> {
    let applies = match action {
        // One key is enough for what is paused.
        Action::Activate => row.state == PipelineState::Draft,
        Action::PauseResume => matches!(row.state, PipelineState::Active | PipelineState::Paused),
        Action::RunNow | Action::CancelRuns | Action::Restore => ask::applies(action, row),
        _ => true,
    };
    applies.then_some(())
}

fn about_run(action: Action, model: &Model) -> bool {
    let Some(Some(Place::Run(id))) = model.top().map(|opened| opened.screen.place()) else { return true };
    let ended = model.facts.models.runs.runs.get(&id).is_none_or(|run| run.state.is_ended());
    match action {
        Action::CancelRun => !ended,
        Action::RetryRun => ended,
        _ => true,
    }
}
