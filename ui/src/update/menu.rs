//! A menu: one of a few, by its digit or by the cursor.

use flexcore_engine::unit::Duration;

use super::palette;
use crate::{
    effect::Effect,
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
    model.overlay = Some(Overlay::Menu(Menu { title: "Events of", lines, selected }));
}

pub(super) fn press(model: &mut Model, key: Key, mut menu: Menu) -> Vec<Effect> {
    let last = menu.lines.len().saturating_sub(1);
    match key.code {
        Code::Char('j' | 'T') | Code::Down | Code::Tab => menu.selected = (menu.selected + 1) % (last + 1),
        Code::Char('k') | Code::Up => menu.selected = (menu.selected + last) % (last + 1),
        Code::Char('g') | Code::Home => menu.selected = 0,
        Code::Char('G') | Code::End => menu.selected = last,
        Code::Char('q') => return Vec::new(),
        Code::Enter => return chosen(model, &menu, menu.selected),
        Code::Char(digit) => {
            if let Some(at) = digit.to_digit(10).map(|digit| digit as usize).filter(|at| *at <= last) {
                return chosen(model, &menu, at);
            }
        }
        _ => {}
    }
    model.overlay = Some(Overlay::Menu(menu));
    Vec::new()
}

fn chosen(model: &mut Model, menu: &Menu, at: usize) -> Vec<Effect> {
    menu.lines.get(at).map_or_else(Vec::new, |(_, target)| palette::perform(model, target))
}
