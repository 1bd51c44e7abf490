//! From place to place, and what screens want.

use crate::{
    effect::{Effect, Intent, Question, Tag, Tone},
    model::{
        Model, Opened, SCREENS_MAX,
        overlay::{Asked, Overlay},
        overview::Pane,
    },
    screen::{self, Input, Place, Screen},
};

use super::{overview, past};

/// Goes to a place, and remembers it.
pub(super) fn go(model: &mut Model, place: &Place) -> Vec<Effect> {
    model.history.went(place.clone());
    show(model, place)
}

/// Shows a place without remembering it: history itself goes there.
pub(super) fn show(model: &mut Model, place: &Place) -> Vec<Effect> {
    if let Some(at) = model.screens.iter().position(|opened| opened.screen.place().as_ref() == Some(place)) {
        model.screens.truncate(at + 1);
        return Vec::new();
    }
    if model.past.is_some() && matches!(place, Place::Create | Place::RunWith(_)) {
        return past::refuse(model, "what changes anything");
    }
    match screen::open(place) {
        Some(screen) => push(model, screen),
        None if *place == Place::Overview => {
            model.screens.clear();
            Vec::new()
        }
        None => {
            model.messages.say(model.now, Tone::Warn, "there is no such view");
            Vec::new()
        }
    }
}

fn push(model: &mut Model, screen: Box<dyn Screen>) -> Vec<Effect> {
    if model.screens.len() >= SCREENS_MAX {
        model.screens.remove(0);
    }
    let tag = model.fresh_tag();
    model.pending.clear();
    model.screens.push(Opened { tag, screen, filter: String::new() });
    tell(model, tag, Input::Opened)
}

/// Leaves the screen on top.
pub(super) fn back(model: &mut Model) {
    model.screens.pop();
    let place = model.top().map_or(Some(Place::Overview), |opened| opened.screen.place());
    if let Some(place) = place {
        model.history.went(place);
    }
}

/// Tells the screen on top.
pub(super) fn tell_top(model: &mut Model, input: Input<'_>) -> Vec<Effect> {
    let Some(tag) = model.top().map(|opened| opened.tag) else { return Vec::new() };
    tell(model, tag, input)
}

/// Tells every screen that is open.
pub(super) fn tell_all<'a>(model: &mut Model, input: impl Fn() -> Input<'a>) -> Vec<Effect> {
    let tags: Vec<Tag> = model.screens.iter().map(|opened| opened.tag).collect();
    tags.into_iter().flat_map(|tag| tell(model, tag, input())).collect()
}

/// Tells one screen, if it is still there, and settles what it wants.
pub(super) fn tell(model: &mut Model, tag: Tag, input: Input<'_>) -> Vec<Effect> {
    let Some(opened) = model.screens.iter_mut().find(|opened| opened.tag == tag) else { return Vec::new() };
    let intents = opened.screen.update(input, &model.facts);
    intents.into_iter().flat_map(|intent| settle(model, tag, intent)).collect()
}

/// Does what a screen, or the overview itself, wants.
pub(super) fn settle(model: &mut Model, tag: Tag, intent: Intent) -> Vec<Effect> {
    match intent {
        Intent::Open(place) => return go(model, &place),
        Intent::Back => close(model, tag),
        Intent::ShowEvents { filter } => return show_events(model, &filter),
        Intent::ShowCorrelation(correlation) => {
            let effects = show_events(model, "");
            model.overview.events.correlation = Some(correlation);
            model.overview.events.refill(&model.facts.events, model.facts.now);
            return effects;
        }
        Intent::Ask(question) => return ask(model, tag, question),
        Intent::Confirm(confirmation) if model.past.is_some() => return past::refuse(model, &confirmation.title),
        Intent::Submit(_) | Intent::Sheet(_) | Intent::Edit { .. } if model.past.is_some() => {
            return past::refuse(model, "changing anything");
        }
        Intent::AsItWas(position) => return past::as_it_was(model, position),
        Intent::Confirm(confirmation) if model.facts.read_only => {
            model.messages.say(model.now, Tone::Warn, format!("read-only: {} is not done here", confirmation.title));
        }
        Intent::Confirm(confirmation) => {
            let typed = tui_input::Input::default();
            model.overlay = Some(Overlay::Confirm(Box::new(Asked { tag, confirmation, typed })));
        }
        Intent::Submit(_) if model.facts.read_only => {
            model.messages.say(model.now, Tone::Warn, "read-only: nothing is changed here");
        }
        Intent::Submit(changes) => {
            model.submitting += 1;
            return vec![Effect::Submit(tag, changes)];
        }
        Intent::Sheet(sheet) => return push(model, sheet),
        Intent::Copy { what, text } => return copy(model, what, &text),
        Intent::Edit { name, text } => return vec![Effect::Edit { tag, name, text }],
        Intent::Say(tone, text) => model.messages.say(model.now, tone, text),
    }
    Vec::new()
}

fn ask(model: &mut Model, tag: Tag, question: Question) -> Vec<Effect> {
    let here = past::answered_here(&question).filter(|_| model.past.is_some());
    match here {
        Some(answers) => answers.into_iter().flat_map(|answer| tell(model, tag, Input::Answer(answer))).collect(),
        None => vec![Effect::Ask(tag, question)],
    }
}

fn close(model: &mut Model, tag: Tag) {
    if model.top().is_some_and(|opened| opened.tag == tag) {
        back(model);
    } else {
        model.screens.retain(|opened| opened.tag != tag);
    }
}

fn show_events(model: &mut Model, filter: &str) -> Vec<Effect> {
    model.screens.clear();
    model.history.went(Place::Overview);
    model.overview.focus = Pane::Events;
    overview::filter(model, filter)
}

/// The most that goes to a clipboard, in bytes: what terminals take as one sequence.
pub(super) const COPY_BYTES_MAX: usize = 74_994;

pub(super) fn copy(model: &mut Model, what: &str, text: &str) -> Vec<Effect> {
    let text = crate::widget::safe_text::for_clipboard(text);
    if text.len() > COPY_BYTES_MAX {
        let why = format!("{what} not copied: {} bytes, a terminal takes {COPY_BYTES_MAX}", text.len());
        model.messages.say(model.now, Tone::Warn, why);
        return Vec::new();
    }
    model.messages.say(model.now, Tone::Info, format!("{what} sent to the terminal's clipboard"));
    vec![Effect::Copy(text.into())]
}
