//! Keys while something lies over the screen.

use tui_input::Input as Line;

use super::{key::edit_line, menu, navigate, overview, palette, past};
use crate::{
    effect::{Effect, Intent, Tag, Tone},
    model::{
        Model,
        filter::RowFilter,
        overlay::{Asked, Overlay},
        overview::Pane,
        sheet::Grade,
    },
    screen::{Filters, Input},
    terminal::key::{Code, Key},
};

/// The longest line that is typed, in characters.
pub(super) const LINE_CHARS_MAX: usize = 500;

pub(super) fn press(model: &mut Model, key: Key) -> Vec<Effect> {
    let Some(overlay) = model.overlay.take() else { return Vec::new() };
    model.last_change = None;
    if let (Overlay::Menu(menu), true) = (&overlay, key == Key::ctrl('c') || key.code == Code::Esc) {
        return menu::leave(model, menu);
    }
    if key == Key::ctrl('c') || (key.code == Code::Esc && !matches!(overlay, Overlay::Filter { .. })) {
        return Vec::new();
    }
    match overlay {
        Overlay::Help { scroll } => model.overlay = scrolled(key, scroll).map(|scroll| Overlay::Help { scroll }),
        Overlay::Messages { scroll } => model.overlay = scrolled(key, scroll).map(|scroll| Overlay::Messages { scroll }),
        Overlay::Filter { input, before, .. } => return in_filter(model, key, input, before),
        Overlay::Moment { input, .. } => return in_moment(model, key, input),
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
    if model.filters() == Filters::Nothing {
        return model.messages.say(model.now, Tone::Info, "there is nothing to filter here");
    }
    let before = model.top().map_or_else(|| overview::filter_text(model), |opened| opened.filter.clone());
    model.overlay = Some(Overlay::Filter { input: Line::new(before.clone()), before, wrong: None });
}

/// What reads as a filter is one at once; what does not changes nothing, says why where it is typed, and stays to be mended.
fn in_filter(model: &mut Model, key: Key, mut input: Line, before: String) -> Vec<Effect> {
    if key.code == Code::Esc {
        return read(model, &before).map_or_else(|_| Vec::new(), |filter| set_filter(model, filter));
    }
    if key.code == Code::Backspace && input.value().is_empty() {
        return Vec::new();
    }
    let full = key.typed().is_some() && input.value().chars().count() >= LINE_CHARS_MAX;
    let changed = key.code == Code::Enter || !full && edit_line(&mut input, key);
    match read(model, input.value()) {
        Ok(filter) => {
            if key.code != Code::Enter {
                model.overlay = Some(Overlay::Filter { input, before, wrong: None });
            }
            if changed { set_filter(model, filter) } else { Vec::new() }
        }
        Err(why) => {
            model.overlay = Some(Overlay::Filter { input, before, wrong: Some(why) });
            Vec::new()
        }
    }
}

fn in_moment(model: &mut Model, key: Key, mut input: Line) -> Vec<Effect> {
    let mut wrong = String::new();
    if key.code == Code::Enter {
        match past::meant(model, input.value()) {
            Ok(meant) => return past::travel(model, meant),
            Err(why) => wrong = why,
        }
    }
    if key.code == Code::Backspace && input.value().is_empty() {
        return Vec::new();
    }
    if key.typed().is_none() || input.value().chars().count() < LINE_CHARS_MAX {
        edit_line(&mut input, key);
    }
    model.overlay = Some(Overlay::Moment { input, wrong });
    Vec::new()
}

fn read(model: &Model, text: &str) -> Result<RowFilter, String> {
    if model.filters() == Filters::Text {
        return Ok(RowFilter::literal(text));
    }
    let filter = RowFilter::parse(text)?;
    let on_events = model.top().is_none() && model.overview.focus == Pane::Events;
    if filter.jq().is_some() && !on_events {
        return Err("jq is for the pane of events".into());
    }
    Ok(filter)
}

fn set_filter(model: &mut Model, filter: RowFilter) -> Vec<Effect> {
    match model.screens.last_mut() {
        Some(opened) => {
            filter.text().clone_into(&mut opened.filter);
            navigate::tell_top(model, Input::Filter(filter))
        }
        None => overview::set_filter(model, filter),
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
