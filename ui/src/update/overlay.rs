//! Keys while something lies over the screen.

use flexcore_engine::projection::board::PipelineState;
use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{CaseMatching, Normalization, Pattern},
};
use tui_input::Input as Line;

use super::{act, key::edit_line, navigate, overview};
use crate::{
    effect::{Effect, Intent, Tag},
    keymap::Action,
    model::{
        Model,
        facts::Facts,
        overlay::{Asked, Hit, Overlay, Palette, Target},
        sheet::Grade,
    },
    screen::{Input, Place},
    terminal::key::{Code, Key},
};

/// The longest line that is typed, in characters.
const LINE_CHARS_MAX: usize = 500;

pub(super) fn press(model: &mut Model, key: Key) -> Vec<Effect> {
    let Some(overlay) = model.overlay.take() else { return Vec::new() };
    model.last_change = None;
    if key == Key::ctrl('c') || (key.code == Code::Esc && !matches!(overlay, Overlay::Filter { .. })) {
        return Vec::new();
    }
    match overlay {
        Overlay::Help { scroll } => model.overlay = scrolled(key, scroll).map(|scroll| Overlay::Help { scroll }),
        Overlay::Messages { scroll } => model.overlay = scrolled(key, scroll).map(|scroll| Overlay::Messages { scroll }),
        Overlay::Filter { input, before } => return in_filter(model, key, input, &before),
        Overlay::Palette(palette) => return in_palette(model, key, palette),
        Overlay::Confirm(asked) => return in_sheet(model, key, asked),
    }
    Vec::new()
}

/// `None`: any other key closes.
fn scrolled(key: Key, scroll: usize) -> Option<usize> {
    match key.code {
        Code::Char('j') | Code::Down => Some(scroll + 1),
        Code::Char('k') | Code::Up => Some(scroll.saturating_sub(1)),
        Code::Char('d' | 'f') if key.ctrl => Some(scroll + 10),
        Code::Char('u' | 'b') if key.ctrl => Some(scroll.saturating_sub(10)),
        Code::PageDown | Code::Char(' ') => Some(scroll + 10),
        Code::PageUp => Some(scroll.saturating_sub(10)),
        Code::Char('g') | Code::Home => Some(0),
        _ => None,
    }
}

pub(super) fn open_filter(model: &mut Model) {
    let before = model.top().map_or_else(|| overview::filter_text(model), |opened| opened.filter.clone());
    model.overlay = Some(Overlay::Filter { input: Line::new(before.clone()), before });
}

fn in_filter(model: &mut Model, key: Key, mut input: Line, before: &str) -> Vec<Effect> {
    match key.code {
        // Once more, so that what is wrong with it still stands there.
        Code::Enter => return set_filter(model, input.value()),
        Code::Esc => return set_filter(model, before),
        Code::Backspace if input.value().is_empty() => return Vec::new(),
        _ => {}
    }
    let full = key.typed().is_some() && input.value().chars().count() >= LINE_CHARS_MAX;
    let changed = !full && edit_line(&mut input, key);
    let text = input.value().to_owned();
    model.overlay = Some(Overlay::Filter { input, before: before.to_owned() });
    if changed { set_filter(model, &text) } else { Vec::new() }
}

fn set_filter(model: &mut Model, text: &str) -> Vec<Effect> {
    match model.screens.last_mut() {
        Some(opened) => {
            text.clone_into(&mut opened.filter);
            navigate::tell_top(model, Input::Filter(text))
        }
        None => overview::filter(model, text),
    }
}

pub(super) fn open_palette(model: &mut Model) {
    let mut palette = Palette { all: everything(model), ..Palette::default() };
    search(&mut palette);
    model.overlay = Some(Overlay::Palette(palette));
}

/// Actions of this screen with their keys, then views, then things by name.
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
    ];
    for row in facts.models.board.pipelines.values().filter(|row| row.state != PipelineState::Archived) {
        hits.push(hit(Place::Pipeline(row.name.clone()), format!("pipeline {}", row.name), &row.definition().description));
    }
    let queues = facts.vitals.iter().flat_map(|vitals| &vitals.queues).filter(|(name, _)| !name.is_internal());
    hits.extend(queues.map(|(name, _)| hit(Place::Queue(name.clone()), format!("queue {name}"), "")));
    hits
}

fn search(palette: &mut Palette) {
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
    palette.selected = 0;
}

fn in_palette(model: &mut Model, key: Key, mut palette: Palette) -> Vec<Effect> {
    let last = palette.found.len().saturating_sub(1);
    match (key.code, key.ctrl) {
        (Code::Enter, _) => return choose(model, palette.hit().cloned()),
        (Code::Down, _) | (Code::Char('n'), true) => palette.selected = (palette.selected + 1).min(last),
        (Code::Up, _) | (Code::Char('p'), true) => palette.selected = palette.selected.saturating_sub(1),
        (Code::PageDown, _) => palette.selected = (palette.selected + 10).min(last),
        (Code::PageUp, _) => palette.selected = palette.selected.saturating_sub(10),
        (Code::Backspace, _) if palette.input.value().is_empty() => return Vec::new(),
        (Code::Tab, _) => {
            palette.input = palette.hit().map_or_else(Line::default, |hit| Line::new(hit.name.clone()));
            search(&mut palette);
        }
        _ => {
            let full = key.typed().is_some() && palette.input.value().chars().count() >= LINE_CHARS_MAX;
            if !full && edit_line(&mut palette.input, key) {
                search(&mut palette);
            }
        }
    }
    model.overlay = Some(Overlay::Palette(palette));
    Vec::new()
}

fn choose(model: &mut Model, hit: Option<Hit>) -> Vec<Effect> {
    match hit.map(|hit| hit.target) {
        Some(Target::Action(action)) => act::perform(model, action),
        Some(Target::Place(place)) => navigate::go(model, &place),
        None => Vec::new(),
    }
}

fn in_sheet(model: &mut Model, key: Key, mut asked: Box<Asked>) -> Vec<Effect> {
    let yes = match &asked.confirmation.grade {
        Grade::Yes => key.pressed() == Key::char('y') || key.pressed() == Key::char('Y'),
        Grade::Type(_) => key.code == Code::Enter && asked.is_meant(),
    };
    if yes {
        let (tag, changes) = (asked.tag, asked.confirmation.changes);
        if tag == Tag::CONSOLE {
            model.overview.pipelines.marks.clear();
            model.overview.queues.marks.clear();
        }
        return navigate::settle(model, tag, Intent::Submit(changes));
    }
    match &asked.confirmation.grade {
        Grade::Yes if matches!(key.code, Code::Char('n' | 'N' | 'q') | Code::Enter) => {}
        Grade::Yes => model.overlay = Some(Overlay::Confirm(asked)),
        Grade::Type(_) => {
            if key.typed().is_none() || asked.typed.value().chars().count() < LINE_CHARS_MAX {
                edit_line(&mut asked.typed, key);
            }
            model.overlay = Some(Overlay::Confirm(asked));
        }
    }
    Vec::new()
}
