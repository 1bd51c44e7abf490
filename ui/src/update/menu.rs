//! A menu: one of a few, by its digit or by the cursor.

use flexcore_engine::unit::Duration;

use super::palette;
use crate::{
    effect::{Effect, Tone},
    model::{
        Model,
        overlay::{Menu, Overlay, Target},
    },
    terminal::key::{Code, Key},
};

/// How far back the events pane is asked to look, in minutes.
const RANGES_MIN: [u64; 8] = [1, 5, 15, 30, 60, 3 * 60, 12 * 60, 24 * 60];

/// How far back the events pane looks; the cursor is on what holds now.
pub(super) fn open_ranges(model: &mut Model) {
    let range = |minutes: &u64| Duration::from_secs(minutes * 60);
    let mut lines = vec![("all that are kept".to_owned(), Target::Since(None))];
    lines.extend(RANGES_MIN.iter().map(range).map(|range| (format!("the last {range}"), Target::Since(Some(range)))));
    let now = Target::Since(model.overview.events.range());
    let selected = lines.iter().position(|(_, target)| *target == now).unwrap_or(0);
    model.overlay = Some(Overlay::Menu(Menu { title: "Events of", lines, selected, undo: None }));
}

/// The themes; each is shown while the cursor is on it.
pub(super) fn open_themes(model: &mut Model) {
    if model.themes.all.is_empty() {
        return model.messages.say(model.now, Tone::Info, "this terminal shows no colours: there is nothing to choose");
    }
    let lines = model.themes.all.iter().enumerate().map(|(at, choice)| (choice.name.clone(), Target::Theme(at))).collect();
    let selected = model.themes.chosen;
    let undo = Some(Target::Theme(selected));
    model.overlay = Some(Overlay::Menu(Menu { title: "Colours", lines, selected, undo }));
}

/// Other colours.
pub(super) fn set_theme(model: &mut Model, at: usize) {
    if at < model.themes.all.len() {
        model.themes.chosen = at;
        model.theme.palette = model.themes.palette();
    }
}

/// Left without a choice.
pub(super) fn leave(model: &mut Model, menu: &Menu) -> Vec<Effect> {
    menu.undo.as_ref().map_or_else(Vec::new, |undo| palette::perform(model, undo))
}

pub(super) fn press(model: &mut Model, key: Key, mut menu: Menu) -> Vec<Effect> {
    let last = menu.lines.len().saturating_sub(1);
    match key.code {
        Code::Char('j' | 'T') | Code::Down | Code::Tab => menu.selected = (menu.selected + 1) % (last + 1),
        Code::Char('k') | Code::Up => menu.selected = (menu.selected + last) % (last + 1),
        Code::Char('g') | Code::Home => menu.selected = 0,
        Code::Char('G') | Code::End => menu.selected = last,
        Code::Char('q') => return leave(model, &menu),
        Code::Enter => return chosen(model, &menu, menu.selected),
        Code::Char(digit) => {
            if let Some(at) = digit.to_digit(10).map(|digit| digit as usize).filter(|at| *at <= last) {
                return chosen(model, &menu, at);
            }
        }
        _ => {}
    }
    let tried = menu.lines.get(menu.selected).filter(|_| menu.undo.is_some()).map(|(_, target)| target.clone());
    model.overlay = Some(Overlay::Menu(menu));
    tried.map_or_else(Vec::new, |target| palette::perform(model, &target))
}

fn chosen(model: &mut Model, menu: &Menu, at: usize) -> Vec<Effect> {
    if let Some((name, Target::Theme(choice))) = menu.lines.get(at)
        && let Some(choice) = model.themes.all.get(*choice)
    {
        let text = format!("colours: {name}; `--set console.theme={}` begins with them", choice.setting);
        model.messages.say(model.now, Tone::Info, text);
    }
    menu.lines.get(at).map_or_else(Vec::new, |(_, target)| palette::perform(model, target))
}
