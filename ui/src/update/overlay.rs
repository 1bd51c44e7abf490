//! Keys while something lies over the screen.

use tui_input::Input as Line;

use super::{key::edit_line, menu, navigate, overview, palette};
use crate::{
    effect::{Effect, Intent, Tag},
    model::{
        Model,
        overlay::{Asked, Overlay},
        sheet::Grade,
    },
    screen::Input,
    terminal::key::{Code, Key},
};

/// The longest line that is typed, in characters.
pub(super) const LINE_CHARS_MAX: usize = 500;

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
        Overlay::Palette(palette) => return palette::press(model, key, palette),
        Overlay::Menu(menu) => return menu::press(model, key, menu),
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
