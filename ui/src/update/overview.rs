//! The four panes under the keys.

use flexcore_engine::{
    id::{PipelineName, QueueName},
    projection::why::Subject,
    unit::Duration,
};

use super::{
    menu,
    navigate::{go, settle, tell_top},
    past,
};
use crate::{
    effect::{Effect, Intent, Question, Tag, Tone},
    keymap::Action,
    link::Predicate,
    model::{
        Model, ask,
        filter::RowFilter,
        overlay::Overlay,
        overview::{PIPELINE_SORTS, Pane, QUEUE_SORTS},
        sheet::Confirmation,
    },
    screen::{Input, Place},
};

pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let overview = &mut model.overview;
    match action {
        Action::Pane1 => overview.focus = Pane::Pipelines,
        Action::Pane2 => overview.focus = Pane::Events,
        Action::Pane3 => overview.focus = Pane::Queues,
        Action::Pane4 => overview.focus = Pane::Health,
        Action::FocusNext => overview.focus = Pane::ALL[(overview.focus as usize + 1) % 4],
        Action::FocusPrevious => overview.focus = Pane::ALL[(overview.focus as usize + 3) % 4],
        Action::Zoom => overview.zoomed = !overview.zoomed,
        action => return on_pane(model, action),
    }
    Vec::new()
}

fn on_pane(model: &mut Model, action: Action) -> Vec<Effect> {
    match model.overview.focus {
        Pane::Pipelines => on_pipelines(model, action),
        Pane::Events => on_events(model, action),
        Pane::Queues => on_queues(model, action),
        Pane::Health => on_health(model, action),
    }
}

fn on_pipelines(model: &mut Model, action: Action) -> Vec<Effect> {
    if model.overview.pipelines.act(action, PIPELINE_SORTS.len()) {
        return reorder(model, action, |model| PIPELINE_SORTS[model.overview.pipelines.sort]);
    }
    let selected = model.overview.pipelines.selected().cloned();
    match (action, selected) {
        (Action::Open, Some(name)) => go(model, &Place::Pipeline(name)),
        (Action::Why, Some(name)) => go(model, &Place::Why(Subject::Pipeline(name))),
        (Action::RunWith, Some(name)) => run_with(model, name),
        (Action::Revise, Some(name)) => then(model, &Place::Pipeline(name), action),
        (Action::DeadLetters, Some(name)) => go(model, &Place::Queue(QueueName::dead_letters_of(&name))),
        (Action::CopyName, Some(name)) => settle(model, Tag::CONSOLE, Intent::Copy { what: "name", text: name.to_string() }),
        (Action::ShowEvents, Some(name)) => {
            model.overview.focus = Pane::Events;
            filter(model, name.as_str())
        }
        _ => confirm(model, pipelines_question(model, action)),
    }
}

/// Goes there and does it there.
fn then(model: &mut Model, place: &Place, action: Action) -> Vec<Effect> {
    let mut effects = go(model, place);
    effects.extend(tell_top(model, Input::Action(action)));
    effects
}

/// The form of a run; a pipeline without parameters needs none.
pub(super) fn run_with(model: &mut Model, name: PipelineName) -> Vec<Effect> {
    let known = model.facts.models.board.pipelines.get(&name);
    if known.is_some_and(|row| row.definition().params.is_empty()) {
        return on_named_pipeline(model, Action::RunNow, &name);
    }
    go(model, &Place::RunWith(name))
}

/// Asks before an action on one pipeline.
pub(super) fn on_named_pipeline(model: &mut Model, action: Action, name: &PipelineName) -> Vec<Effect> {
    let question = ask::about_pipelines(action, std::slice::from_ref(name), &model.facts);
    confirm(model, Some(question))
}

/// Asks before an action on one queue.
pub(super) fn on_named_queue(model: &mut Model, action: Action, name: &QueueName) -> Vec<Effect> {
    let question = ask::about_queues(action, std::slice::from_ref(name), &model.facts);
    confirm(model, Some(question))
}

fn pipelines_question(model: &Model, action: Action) -> Option<Result<Confirmation, String>> {
    let names: Vec<PipelineName> = model.overview.pipelines.targets();
    match action {
        Action::Activate | Action::PauseResume | Action::RunNow | Action::CancelRuns | Action::Archive | Action::Restore => {
            Some(ask::about_pipelines(action, &names, &model.facts))
        }
        _ => None,
    }
}

fn on_queues(model: &mut Model, action: Action) -> Vec<Effect> {
    if model.overview.queues.act(action, QUEUE_SORTS.len()) {
        return reorder(model, action, |model| QUEUE_SORTS[model.overview.queues.sort]);
    }
    let selected = model.overview.queues.selected().cloned();
    match (action, selected) {
        (Action::Open, Some(name)) => go(model, &Place::Queue(name)),
        (Action::Why, Some(name)) => go(model, &Place::Why(Subject::Queue(name))),
        (Action::CopyName, Some(name)) => settle(model, Tag::CONSOLE, Intent::Copy { what: "name", text: name.to_string() }),
        (Action::Purge | Action::Redrive, _) => {
            let question = ask::about_queues(action, &model.overview.queues.targets(), &model.facts);
            confirm(model, Some(question))
        }
        _ => Vec::new(),
    }
}

fn on_health(model: &mut Model, action: Action) -> Vec<Effect> {
    if model.overview.health.act(action, 1) {
        return Vec::new();
    }
    if action == Action::Open { go(model, &Place::Health) } else { Vec::new() }
}

/// After a press that may have changed the order.
fn reorder(model: &mut Model, action: Action, column: impl Fn(&Model) -> &'static str) -> Vec<Effect> {
    if matches!(action, Action::Sort | Action::SortReverse) {
        model.overview.refresh(&model.facts);
        let text = format!("sorted by {}", column(model));
        model.messages.say(model.now, Tone::Info, text);
    }
    Vec::new()
}

fn confirm(model: &mut Model, question: Option<Result<Confirmation, String>>) -> Vec<Effect> {
    match question {
        Some(Ok(confirmation)) => settle(model, Tag::CONSOLE, Intent::Confirm(confirmation)),
        Some(Err(why)) => settle(model, Tag::CONSOLE, Intent::Say(Tone::Warn, why)),
        None => Vec::new(),
    }
}

fn on_events(model: &mut Model, action: Action) -> Vec<Effect> {
    let events = &mut model.overview.events;
    if events.act(action) {
        return Vec::new();
    }
    match action {
        Action::Follow => events.follow(!events.following),
        Action::TimeFormat => events.next_times(),
        Action::Histogram => events.histogram = !events.histogram,
        Action::Mark => {
            if let Some(position) = events.selected()
                && !events.marks.remove(&position)
            {
                events.marks.insert(position);
            }
        }
        Action::TimeRange => menu::open_ranges(model),
        Action::FailureNext | Action::FailurePrevious => failure(model, action == Action::FailureNext),
        Action::CorrelationClear => {
            events.correlation = None;
            refill(model);
        }
        Action::Why | Action::AsItWas | Action::CorrelationSame | Action::ExcludeKind | Action::CopyName | Action::Open => {
            return on_event(model, action);
        }
        _ => {}
    }
    Vec::new()
}

fn on_event(model: &mut Model, action: Action) -> Vec<Effect> {
    let selected = model.overview.events.selected();
    let Some(line) = selected.and_then(|position| model.facts.events.get(position)) else { return Vec::new() };
    let (position, event) = (line.envelope.position, &line.envelope.event);
    match action {
        Action::Open => return go(model, &Place::Event(position)),
        Action::AsItWas => return past::as_it_was(model, position),
        Action::Why => match Subject::of(&line.envelope) {
            Some(subject) => return go(model, &Place::Why(subject)),
            None => model.messages.say(model.now, Tone::Info, "this event is about nothing that can be asked about"),
        },
        Action::CorrelationSame => model.overview.events.correlation = Some(event.correlation),
        Action::ExcludeKind => drop(model.overview.events.excluded.insert(event.kind.to_string())),
        _ => {
            let text = format!("{} {} {}", event.at, event.kind, line.description.text);
            return settle(model, Tag::CONSOLE, Intent::Copy { what: "event", text });
        }
    }
    refill(model);
    Vec::new()
}

fn failure(model: &mut Model, forward: bool) {
    if let Some(position) = model.overview.events.failure(&model.facts.events, forward) {
        model.overview.events.select(position);
        return;
    }
    let text = if forward { "no failure after this" } else { "no failure before this" };
    model.messages.say(model.now, Tone::Info, text);
}

/// Shows only the events of so long.
pub(super) fn look_back(model: &mut Model, range: Option<Duration>) {
    model.overview.events.look_back(range);
    refill(model);
}

/// A second has passed: what is too old by now goes.
pub(super) fn tick(model: &mut Model) {
    if model.overview.events.range().is_some() {
        refill(model);
    }
}

fn refill(model: &mut Model) {
    model.overview.events.refill(&model.facts.events, model.facts.now);
}

/// The filter of the pane that has the focus.
pub(super) fn filter_text(model: &Model) -> String {
    let overview = &model.overview;
    let filter = match overview.focus {
        Pane::Pipelines => &overview.pipelines.filter,
        Pane::Events => &overview.events.filter,
        Pane::Queues => &overview.queues.filter,
        Pane::Health => &overview.health.filter,
    };
    filter.text().to_owned()
}

/// Filters the pane that has the focus. What does not read as a filter changes nothing and is said.
pub(super) fn filter(model: &mut Model, text: &str) -> Vec<Effect> {
    match RowFilter::parse(text) {
        Ok(filter) => set_filter(model, filter),
        Err(why) => {
            model.messages.say(model.now, Tone::Warn, format!("filter: {why}"));
            Vec::new()
        }
    }
}

/// Filters the pane that has the focus.
pub(super) fn set_filter(model: &mut Model, filter: RowFilter) -> Vec<Effect> {
    let overview = &mut model.overview;
    match overview.focus {
        Pane::Pipelines => overview.pipelines.filter = filter,
        Pane::Queues => overview.queues.filter = filter,
        Pane::Health => overview.health.filter = filter,
        Pane::Events => return filter_events(model, filter),
    }
    overview.refresh(&model.facts);
    Vec::new()
}

fn filter_events(model: &mut Model, filter: RowFilter) -> Vec<Effect> {
    let ask = filter.jq().map(|jq| Effect::Ask(Tag::CONSOLE, Question::Predicate { jq: jq.to_owned() }));
    model.overview.events.filter = filter;
    model.overview.events.predicate = None;
    refill(model);
    ask.into_iter().collect()
}

/// A jq predicate was compiled, or was not. It may be of an older filter: then nothing.
pub(super) fn predicate(model: &mut Model, jq: &str, result: Result<Predicate, String>) {
    if model.overview.events.filter.jq() != Some(jq) {
        return;
    }
    match result {
        Ok(predicate) => model.overview.events.predicate = Some(predicate),
        Err(why) => match &mut model.overlay {
            Some(Overlay::Filter { wrong, .. }) => *wrong = Some(format!("jq: {why}")),
            _ => model.messages.say(model.now, Tone::Warn, format!("jq: {why}")),
        },
    }
    refill(model);
}

/// Clears one thing of the pane that has the focus, then the zoom.
pub(super) fn clear(model: &mut Model) {
    let overview = &mut model.overview;
    let cleared = match overview.focus {
        Pane::Pipelines => overview.pipelines.clear(),
        Pane::Events => overview.events.clear(),
        Pane::Queues => overview.queues.clear(),
        Pane::Health => overview.health.clear(),
    };
    if !cleared {
        overview.zoomed = false;
        return;
    }
    overview.refresh(&model.facts);
    refill(model);
}
