//! Actions that hold everywhere; the others go to the screen on top, or to the overview.

use jiff::SignedDuration;

use super::{menu, navigate, overlay, overview, palette, past};
use crate::{
    effect::{Effect, Tone},
    keymap::Action,
    model::{Model, filter::RowFilter, overlay::Overlay, past::LEAP},
    screen::{Input, Place},
};

/// A key that changes something and is held, or pressed again within this, asks once.
const REPEAT: SignedDuration = SignedDuration::from_millis(300);

/// An action by its key.
pub(super) fn by_key(model: &mut Model, action: Action, held: bool) -> Vec<Effect> {
    if model.keymap.line(model.scopes(), action).is_some_and(|line| line.binding.changes) {
        let now = model.now;
        let again = model.last_change.is_some_and(|(last, at)| last == action && now.duration_since(at) < REPEAT);
        model.last_change = Some((action, now));
        if held || again {
            model.messages.recall();
            return Vec::new();
        }
    }
    perform(model, action)
}

/// An action, by key or palette.
pub(super) fn perform(model: &mut Model, action: Action) -> Vec<Effect> {
    let change = model.keymap.line(model.scopes(), action).filter(|line| line.binding.changes && model.past.is_some());
    if let Some(name) = change.map(|line| line.binding.name) {
        return past::refuse(model, name);
    }
    match action {
        Action::Palette => palette::open(model),
        Action::Filter => overlay::open_filter(model),
        Action::Help => model.overlay = Some(Overlay::Help { scroll: 0 }),
        Action::Messages => model.overlay = Some(Overlay::Messages { scroll: 0 }),
        Action::Travel => past::prompt(model),
        Action::StepBack => return past::step(model, -1),
        Action::StepForward => return past::step(model, 1),
        Action::LeapBack => return past::step(model, -LEAP),
        Action::LeapForward => return past::step(model, LEAP),
        Action::Back => return back(model),
        Action::Quit => return quit(model),
        Action::Cancel => return cancel(model),
        Action::Theme => menu::open_themes(model),
        Action::Suspend => return vec![Effect::Suspend],
        Action::Redraw => return vec![Effect::Redraw],
        Action::HistoryBack => return travel(model, |model| model.history.back()),
        Action::HistoryForward => return travel(model, |model| model.history.forward()),
        Action::LastView => return travel(model, |model| model.history.last()),
        Action::Create => return navigate::go(model, &Place::Create),
        Action::Alerts => return navigate::go(model, &Place::Alerts),
        action if model.top().is_some() => return navigate::tell_top(model, Input::Action(action)),
        action => return overview::act(model, action),
    }
    Vec::new()
}

fn travel(model: &mut Model, place: impl Fn(&mut Model) -> Option<Place>) -> Vec<Effect> {
    match place(model) {
        Some(place) => navigate::show(model, &place),
        None => Vec::new(),
    }
}

fn back(model: &mut Model) -> Vec<Effect> {
    if model.past.is_some() || model.wish.is_some() {
        return past::leave(model);
    }
    match model.screens.last_mut() {
        Some(opened) if !opened.filter.is_empty() => {
            opened.filter.clear();
            navigate::tell_top(model, Input::Filter(RowFilter::default()))
        }
        Some(_) => leave(model),
        None => {
            overview::clear(model);
            Vec::new()
        }
    }
}

/// Leaves what is open within the screen on top, else the screen.
fn leave(model: &mut Model) -> Vec<Effect> {
    let Some(opened) = model.screens.last_mut() else { return Vec::new() };
    let tag = opened.tag;
    if let Some(intents) = opened.screen.close() {
        return intents.into_iter().flat_map(|intent| navigate::settle(model, tag, intent)).collect();
    }
    navigate::back(model);
    Vec::new()
}

fn quit(model: &mut Model) -> Vec<Effect> {
    if model.top().is_some() {
        return leave(model);
    }
    if model.past.is_some() {
        return past::leave(model);
    }
    if model.submitting > 0 && !std::mem::replace(&mut model.leaving, true) {
        let text = format!("{} action(s) are not answered yet: press it again to leave all the same", model.submitting);
        model.messages.say(model.now, Tone::Warn, text);
        return Vec::new();
    }
    vec![Effect::Quit]
}

fn cancel(model: &mut Model) -> Vec<Effect> {
    if std::mem::replace(&mut model.leaving, true) {
        return vec![Effect::Quit];
    }
    model.pending.clear();
    model.messages.say(model.now, Tone::Info, "press C-c again to leave");
    Vec::new()
}
