//! What a message does to the model, and what must be done in the world because of it. Pure and synchronous: the same
//! messages give the same model, whatever runs beside it.

mod act;
mod answer;
mod facts;
mod key;
mod menu;
mod navigate;
mod overlay;
mod overview;
mod palette;
mod past;

pub use key::edit_line;

use jiff::Timestamp;

use crate::{
    effect::Effect,
    model::{Model, rest},
    msg::Msg,
    screen::Input,
};

/// Takes one message in, at a moment.
pub fn update(model: &mut Model, now: Timestamp, msg: Msg) -> Vec<Effect> {
    model.now = now;
    model.live_mut().now = now;
    if stirs(model, &msg) {
        model.rest.stir(now);
    }
    match msg {
        Msg::Key(key) => key::press(model, key),
        Msg::Paste(text) => key::paste(model, &text),
        Msg::Resize(columns, rows) => {
            model.resize(columns, rows);
            Vec::new()
        }
        Msg::Models(models) => facts::models(model, *models),
        Msg::Backlog(events) => facts::backlog(model, events),
        Msg::Events(events) => facts::events(model, events),
        Msg::Vitals(vitals) => facts::vitals(model, &vitals),
        Msg::Lost(reason) => facts::lost(model, reason),
        Msg::Line(state) => {
            model.live_mut().line = state;
            Vec::new()
        }
        Msg::Answer(tag, answer) => answer::take(model, tag, answer),
        Msg::Said(tone, text) => {
            model.messages.say(now, tone, text);
            Vec::new()
        }
        Msg::Tick => tick(model),
    }
}

/// Whether more happened than that time passed.
fn stirs(model: &Model, msg: &Msg) -> bool {
    match msg {
        Msg::Tick => false,
        Msg::Events(events) => !events.is_empty(),
        Msg::Vitals(vitals) => model.live().vitals.as_ref().is_none_or(|before| vitals.tells_more_than(before)),
        _ => true,
    }
}

fn tick(model: &mut Model) -> Vec<Effect> {
    model.line.tick();
    let is_quiet = rest::is_quiet(model.live()) && !model.messages.will_pass(model.now);
    let is_timed = rest::is_timed(model.live());
    model.rest.tick(model.now, is_quiet, is_timed);
    let mut effects = facts::ask_due(model);
    if model.past.is_none() {
        overview::tick(model);
        effects.extend(navigate::tell_top(model, Input::Tick));
    }
    effects
}
