//! To a point of the past, on from there, and back. One question is on its way at a time: while it is, keys only change what
//! is wanted next, so a held key never makes a queue of answers that nobody wants. What can be folded is not asked for.

use std::collections::{BTreeSet, VecDeque};

use flexcore_engine::{event::Envelope, id::Position, port::store::Page, projection::ReadModels};

use super::{
    facts::{ask_due, ask_plans, keep, touched_by},
    navigate::{tell_all, tell_top},
};
use crate::{
    effect::{Answer, Effect, Glimpse, Question, Tag, Tone},
    link::{At, LinkError},
    model::{
        Model,
        events::EventRing,
        facts::Facts,
        overlay::Overlay,
        past::{EVENTS_MAX, EVENTS_MIN, Kept, Meant, Past, Wish, read},
    },
    screen::Input,
};

/// Asks for a moment.
pub(super) fn prompt(model: &mut Model) {
    model.overlay = Some(Overlay::Moment { input: tui_input::Input::default(), wrong: String::new() });
}

/// What a typed text means now.
pub(super) fn meant(model: &Model, text: &str) -> Result<Meant, String> {
    let live = model.live();
    read(text, model.now, &live.zone, live.models.position)
}

/// Goes there, or returns.
pub(super) fn travel(model: &mut Model, meant: Meant) -> Vec<Effect> {
    match meant {
        Meant::Past(at) => ask(model, at),
        Meant::Now => leave(model),
    }
}

/// Everything as it was right after an event.
pub(super) fn as_it_was(model: &mut Model, position: Position) -> Vec<Effect> {
    if model.past.is_some() && model.wish.is_none() { go(model, position) } else { ask(model, At::Position(position)) }
}

/// So many events on, or back.
pub(super) fn step(model: &mut Model, by: i64) -> Vec<Effect> {
    let from = match model.wish {
        None => model.facts.models.position,
        Some(Wish { at: At::Position(at), .. }) => at,
        // Where that is, is not known yet.
        Some(_) => return Vec::new(),
    };
    let to = Position(from.0.saturating_add_signed(by)).min(model.live().models.position);
    if to == from {
        let text = match (by > 0, model.past.is_some()) {
            (true, true) => "this is the newest event: esc returns to now",
            (true, false) => "this is now: [ shows it as it was before the last event",
            (false, _) => "there was nothing before this",
        };
        model.messages.aside(model.now, text);
        return Vec::new();
    }
    match &mut model.wish {
        Some(wish) => wish.at = At::Position(to),
        None => return go(model, to),
    }
    Vec::new()
}

fn go(model: &mut Model, to: Position) -> Vec<Effect> {
    let shown = model.facts.models.position;
    let near = to.0.saturating_sub(shown.0) <= EVENTS_MAX as u64;
    match &model.past {
        Some(_) if to == shown => Vec::new(),
        Some(_) if to > shown && near => forward(model, to),
        _ => ask(model, At::Position(to)),
    }
}

/// A newer question makes the one that is on its way void.
fn ask(model: &mut Model, at: At) -> Vec<Effect> {
    let number = model.fresh_tag().0;
    model.wish = Some(Wish { number, asked: at, at });
    let events = if reaches(model, at) { 0 } else { EVENTS_MAX };
    vec![Effect::Ask(Tag::CONSOLE, Question::Past { number, at, events })]
}

/// Whether the events that are shown are those of an earlier position, too.
fn reaches(model: &Model, at: At) -> bool {
    let At::Position(at) = at else { return false };
    let events = &model.facts.events;
    let before = events.iter().take_while(|line| line.envelope.position <= at).count();
    let from_the_first = events.iter().next().is_some_and(|line| line.envelope.position.0 <= 1);
    model.past.is_some() && at <= model.facts.models.position && (before >= EVENTS_MIN || (before > 0 && from_the_first))
}

/// Folds what follows into what is shown, as far as it is at hand, and asks for the rest.
fn forward(model: &mut Model, to: Position) -> Vec<Effect> {
    let shown = model.facts.models.position;
    let Some(past) = &mut model.past else { return Vec::new() };
    let (events, is_all) = match past.live.events.after(shown) {
        Some(lines) => (upto(lines.map(|line| &line.envelope), to), true),
        None => (upto(past.ahead.iter(), to), false),
    };
    let reached = events.last().map_or(shown, |last| last.position);
    past.ahead.drain(..past.ahead.partition_point(|event| event.position <= reached));
    let mut effects = fold(model, events);
    if reached < to && !is_all {
        let number = model.fresh_tag().0;
        let at = At::Position(to);
        model.wish = Some(Wish { number, asked: at, at });
        effects.push(Effect::Ask(Tag::CONSOLE, Question::Ahead { number, after: reached }));
    }
    effects
}

/// The events up to a position; where that one is not kept, the next one.
fn upto<'a>(events: impl Iterator<Item = &'a Envelope>, to: Position) -> Vec<Envelope> {
    let mut taken: Vec<Envelope> = Vec::new();
    for event in events {
        let is_over = event.position > to && !taken.is_empty();
        if is_over || taken.last().is_some_and(|last| last.position >= to) {
            break;
        }
        taken.push(event.clone());
    }
    taken
}

fn fold(model: &mut Model, events: Vec<Envelope>) -> Vec<Effect> {
    let before = model.facts.events.newest().unwrap_or_default();
    let Some(last) = events.last().map(|last| last.event.at) else { return Vec::new() };
    let facts = &mut model.facts;
    let mut touched = BTreeSet::new();
    for envelope in events {
        facts.models.apply(&envelope);
        touched.extend(touched_by(facts, &envelope));
        keep(facts, envelope);
    }
    facts.now = last;
    facts.figures.begin(&facts.models);
    model.overview.events.extend(&model.facts.events, before, model.facts.now);
    model.overview.touched(&touched, &model.facts);
    model.overview.refresh_others(&model.facts);
    let mut effects = ask_plans(&mut model.facts);
    effects.extend(tell_top(model, Input::Facts));
    effects
}

/// How it was there: shown, unless something else is wanted by now.
pub(super) fn take(model: &mut Model, number: u64, glimpse: Result<Box<Glimpse>, LinkError>) -> Vec<Effect> {
    let Some(wish) = answered(model, number) else { return Vec::new() };
    match glimpse {
        // What is asked or filled in was meant for what is shown.
        Ok(_) if model.past.is_none() && is_busy(model) => {
            model.messages.say(model.now, Tone::Info, "the past is not shown: something here waits for an answer first");
            Vec::new()
        }
        Ok(glimpse) => {
            let mut effects = show(model, wish.asked, *glimpse);
            if let At::Position(to) = wish.at
                && wish.at != wish.asked
            {
                effects.extend(go(model, to));
            }
            effects
        }
        Err(error) => refused(model, &error),
    }
}

/// A question is open, or a form.
fn is_busy(model: &Model) -> bool {
    matches!(model.overlay, Some(Overlay::Confirm(_))) || model.top().is_some_and(|opened| opened.screen.types_text())
}

/// What follows.
pub(super) fn take_ahead(model: &mut Model, number: u64, page: Result<Page, LinkError>) -> Vec<Effect> {
    let Some(wish) = answered(model, number) else { return Vec::new() };
    match (page, &mut model.past, wish.at) {
        (Ok(page), Some(past), At::Position(to)) if !page.events.is_empty() => {
            past.hold(&page.events);
            go(model, to)
        }
        (Err(error), ..) => refused(model, &error),
        (Ok(_), ..) => Vec::new(),
    }
}

fn answered(model: &mut Model, number: u64) -> Option<Wish> {
    model.wish.take_if(|wish| wish.number == number)
}

fn refused(model: &mut Model, error: &LinkError) -> Vec<Effect> {
    let stays = if model.past.is_some() { "; this stays" } else { "" };
    model.messages.say(model.now, Tone::Warn, format!("{error}{stays}"));
    Vec::new()
}

fn show(model: &mut Model, at: At, glimpse: Glimpse) -> Vec<Effect> {
    let mut facts = Facts::of_past(model.live());
    if model.past.is_some() {
        facts.plans = std::mem::take(&mut model.facts.plans);
    }
    if glimpse.events.is_none() && model.past.is_some() {
        facts.events = std::mem::take(&mut model.facts.events);
        facts.events.forget_after(glimpse.models.position);
    }
    facts.models = glimpse.models;
    facts.plans.begin(&facts.models.board);
    for envelope in glimpse.events.into_iter().flatten() {
        keep(&mut facts, envelope);
    }
    facts.now = match at {
        At::Moment(moment) => moment,
        At::Position(_) => last_at(&facts.events).or_else(|| last_minute(&facts.models)).unwrap_or(facts.now),
    };
    facts.figures.begin(&facts.models);
    let present = std::mem::replace(&mut model.facts, facts);
    if let Some(past) = &mut model.past {
        past.ahead.clear();
    } else {
        let stream = &model.overview.events;
        let selected = stream.selected().filter(|_| !stream.following);
        let kept = Kept::of(&model.overview);
        model.past = Some(Past { live: Box::new(present), ahead: VecDeque::new(), selected, kept });
    }
    model.overview.events.follow(true);
    moved(model)
}

fn last_at(events: &EventRing) -> Option<jiff::Timestamp> {
    events.iter().next_back().map(|line| line.envelope.event.at)
}

/// When the last event was, to the minute: what read models remember of events that are no longer kept.
fn last_minute(models: &ReadModels) -> Option<jiff::Timestamp> {
    let minute = models.history.minutes.back()?.minute;
    jiff::Timestamp::from_second(minute.checked_mul(60)?).ok()
}

/// All that is shown is of another moment.
fn moved(model: &mut Model) -> Vec<Effect> {
    model.overview.refresh(&model.facts);
    model.overview.events.refill(&model.facts.events, model.facts.now);
    let mut effects = ask_plans(&mut model.facts);
    effects.extend(tell_all(model, || Input::Moved));
    effects
}

/// Back to the present, or to what was shown before a question that is not answered yet.
pub(super) fn leave(model: &mut Model) -> Vec<Effect> {
    model.wish = None;
    let Some(past) = model.past.take() else { return Vec::new() };
    model.facts = *past.live;
    let mut effects = moved(model);
    past.kept.restore(&mut model.overview);
    match past.selected {
        Some(position) => model.overview.events.select(position),
        None => model.overview.events.follow(true),
    }
    effects.extend(ask_due(model));
    effects
}

/// Says that something is not done in the past.
pub(super) fn refuse(model: &mut Model, what: &str) -> Vec<Effect> {
    model.messages.say(model.now, Tone::Warn, format!("this is the past: {what} is off until esc returns to now"));
    Vec::new()
}

/// What only the present knows is not shown in the past, whoever asked for it.
pub(super) fn censored(answer: Answer) -> Answer {
    match answer {
        Answer::Peek(_) => Answer::Peek(Ok(Vec::new())),
        Answer::RunLog(_) => Answer::RunLog(Ok(Vec::new())),
        Answer::Taps(_) => Answer::Taps(Ok(Vec::new())),
        answer => answer,
    }
}

/// What is answered to a question that only the present can answer, which may be nothing; `None`: it is to be asked.
pub(super) fn answered_here(question: &Question) -> Option<Vec<Answer>> {
    match question {
        Question::Peek { .. } => Some(vec![Answer::Peek(Ok(Vec::new()))]),
        Question::RunLog { .. } | Question::Taps { .. } | Question::Ticks { .. } => Some(Vec::new()),
        _ => None,
    }
}
