//! The palette: actions of this screen with their keys, views, things by name, and commands with the words after them.

mod words;

use flexcore_engine::projection::{board::PipelineState, why::Subject};
use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{CaseMatching, Normalization, Pattern},
};
use tui_input::Input as Line;

use super::{act, key::edit_line, menu, navigate, overlay::LINE_CHARS_MAX, overview, past};
use crate::{
    effect::Effect,
    keymap::Action,
    model::{
        Model, RECENT_MAX,
        facts::Facts,
        overlay::{Hit, Overlay, Palette, Target},
        overview::Pane,
    },
    screen::Place,
    terminal::key::{Code, Key},
};

pub(super) fn open(model: &mut Model) {
    let mut palette = of(model);
    search(model, &mut palette);
    model.overlay = Some(Overlay::Palette(palette));
}

/// What was done lately, then everything else.
fn of(model: &Model) -> Palette {
    let mut all: Vec<Hit> = model.recent.iter().map(|hit| anew(model, hit)).collect();
    let recent = all.len();
    all.extend(everything(model).into_iter().filter(|hit| !model.recent.iter().any(|known| known.name == hit.name)));
    Palette { all, recent, ..Palette::default() }
}

/// What was done lately, as it would be done now: `at -15m` is fifteen minutes before now, not before then.
fn anew(model: &Model, hit: &Hit) -> Hit {
    let meant = || words::meant(model, &hit.name).into_iter().next();
    if matches!(hit.target, Target::Travel(_)) { meant().unwrap_or_else(|| hit.clone()) } else { hit.clone() }
}

fn everything(model: &Model) -> Vec<Hit> {
    let action = |line: &&crate::keymap::Bound| Hit {
        target: Target::Action(line.binding.action),
        name: line.binding.name.to_owned(),
        description: line.binding.description.to_owned(),
        keys: line.keys(),
    };
    let moves = [Action::Palette, Action::Up, Action::Down, Action::Left, Action::Right];
    let lines = model.keymap.lines(model.scopes());
    let mut all: Vec<Hit> = lines.iter().filter(|line| !moves.contains(&line.binding.action)).map(action).collect();
    all.extend(words::openers(model, &all));
    all.extend(places(&model.facts));
    all
}

fn places(facts: &Facts) -> Vec<Hit> {
    let hit = |place, name: String, description: &str| Hit {
        target: Target::Place(place),
        name,
        description: description.to_owned(),
        keys: String::new(),
    };
    let mut hits = vec![
        hit(Place::Overview, "view overview".into(), "the four panes"),
        hit(Place::Health, "view health".into(), "checks, process, history"),
        hit(Place::Alerts, "view alerts".into(), "what somebody should look at"),
    ];
    for row in facts.models.board.pipelines.values().filter(|row| row.state != PipelineState::Archived) {
        hits.push(hit(Place::Pipeline(row.name.clone()), format!("pipeline {}", row.name), &row.definition().description));
    }
    let queues = facts.vitals.iter().flat_map(|vitals| &vitals.queues).filter(|(name, _)| !name.is_internal());
    hits.extend(queues.map(|(name, _)| hit(Place::Queue(name.clone()), format!("queue {name}"), "")));
    hits
}

fn search(model: &Model, palette: &mut Palette) {
    palette.selected = 0;
    palette.meant = words::meant(model, palette.input.value());
    if !palette.meant.is_empty() {
        return;
    }
    let pattern = Pattern::parse(palette.input.value(), CaseMatching::Smart, Normalization::Smart);
    let (mut matcher, mut chars) = (Matcher::new(Config::DEFAULT), Vec::new());
    let mut score = |hit: &Hit| {
        let by_name = pattern.score(Utf32Str::new(&hit.name, &mut chars), &mut matcher).map(|score| score * 2);
        by_name.or_else(|| pattern.score(Utf32Str::new(&hit.description, &mut chars), &mut matcher))
    };
    let mut found: Vec<(u32, usize)> =
        palette.all.iter().enumerate().filter_map(|(at, hit)| score(hit).map(|score| (score, at))).collect();
    found.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
    palette.found = found.into_iter().map(|(_, at)| at).collect();
}

pub(super) fn press(model: &mut Model, key: Key, mut palette: Palette) -> Vec<Effect> {
    let last = palette.len().saturating_sub(1);
    match (key.code, key.ctrl) {
        (Code::Enter, _) => return choose(model, palette),
        (Code::Down, _) | (Code::Char('n'), true) => palette.selected = (palette.selected + 1).min(last),
        (Code::Up, _) | (Code::Char('p'), true) => palette.selected = palette.selected.saturating_sub(1),
        (Code::PageDown, _) => palette.selected = (palette.selected + 10).min(last),
        (Code::PageUp, _) => palette.selected = palette.selected.saturating_sub(10),
        (Code::Backspace, _) if palette.input.value().is_empty() => return Vec::new(),
        (Code::Tab, _) => complete(model, &mut palette),
        _ => {
            let full = key.typed().is_some() && palette.input.value().chars().count() >= LINE_CHARS_MAX;
            if !full && edit_line(&mut palette.input, key) {
                search(model, &mut palette);
            }
        }
    }
    model.overlay = Some(Overlay::Palette(palette));
    Vec::new()
}

/// What is under the cursor becomes what is typed; a command that takes a word is ready for it.
fn complete(model: &Model, palette: &mut Palette) {
    let Some(hit) = palette.hit() else { return };
    let text = match hit.target {
        Target::Word(verb) => format!("{verb} "),
        Target::Action(_) if words::takes_a_name(model, &hit.name) => format!("{} ", hit.name),
        _ => hit.name.clone(),
    };
    palette.input = Line::new(text);
    search(model, palette);
}

fn choose(model: &mut Model, mut palette: Palette) -> Vec<Effect> {
    let Some(hit) = palette.hit().cloned() else {
        model.overlay = Some(Overlay::Palette(palette));
        return Vec::new();
    };
    if let Target::Word(_) = hit.target {
        complete(model, &mut palette);
        model.overlay = Some(Overlay::Palette(palette));
        return Vec::new();
    }
    let effects = perform(model, &hit.target);
    model.recent.retain(|known| known.name != hit.name);
    model.recent.push_front(hit);
    model.recent.truncate(RECENT_MAX);
    effects
}

/// Does what a line says.
pub(super) fn perform(model: &mut Model, target: &Target) -> Vec<Effect> {
    match target {
        Target::Action(action) => act::perform(model, *action),
        Target::Place(place) => navigate::go(model, place),
        Target::OnPipeline(Action::Why, name) => navigate::go(model, &Place::Why(Subject::Pipeline(name.clone()))),
        Target::OnQueue(Action::Why, name) => navigate::go(model, &Place::Why(Subject::Queue(name.clone()))),
        Target::OnPipeline(..) | Target::OnQueue(..) if model.past.is_some() => past::refuse(model, "what changes anything"),
        Target::Travel(meant) => past::travel(model, *meant),
        Target::OnPipeline(Action::RunWith, name) => overview::run_with(model, name.clone()),
        Target::OnPipeline(action, name) => overview::on_named_pipeline(model, *action, name),
        Target::OnQueue(action, name) => overview::on_named_queue(model, *action, name),
        Target::Since(range) => {
            let effects = to_events(model);
            overview::look_back(model, *range);
            effects
        }
        Target::Events(filter) => {
            let mut effects = to_events(model);
            effects.extend(overview::filter(model, filter));
            effects
        }
        Target::Theme(at) => {
            menu::set_theme(model, *at);
            Vec::new()
        }
        Target::Word(_) => Vec::new(),
    }
}

fn to_events(model: &mut Model) -> Vec<Effect> {
    let effects = if model.top().is_some() { navigate::go(model, &Place::Overview) } else { Vec::new() };
    model.overview.focus = Pane::Events;
    effects
}
