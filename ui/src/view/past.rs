//! The band over a point of the past, and the line in which a moment is typed.

use flexcore_engine::projection::ReadModels;
use jiff::Zoned;
use ratatui::{
    Frame,
    layout::Rect,
    style::{Modifier, Style},
};
use tui_input::Input;

use super::footer::typed_line;
use crate::{
    link::At,
    model::{
        Model,
        past::{FORMS, Meant, Past, read},
    },
    theme::{Glyph, Role},
    widget::{figures, ink::Ink, safe_text},
};

/// That this is the past, of when, and how far from now: as much as there is room for, the most important first.
pub(super) fn band(model: &Model, past: &Past, area: Rect, frame: &mut Frame<'_>) {
    let style = model.theme.style(Role::Past);
    let mut ink = Ink::new(frame.buffer_mut(), area);
    ink.rule(0, ' ', style);
    let esc = model.wish.map_or_else(|| "esc now".to_owned(), |wish| asking(model, wish.at));
    let end = ink.width().saturating_sub(safe_text::width(&esc) as u16 + 1);
    ink.text(end, 0, &esc, style);
    let narrow = ink.width() < 76;
    let title = style.add_modifier(Modifier::BOLD);
    let mut column = 1;
    for (text, style) in [
        ("PAST".to_owned(), title),
        (moment(model, narrow), title),
        (place(&model.facts.models, past), style),
        (distance(model, past), style),
        (events_between(&model.facts.models, past), style),
    ] {
        let width = safe_text::width(&text) as u16;
        if !text.is_empty() && column + width < end {
            column = ink.text(column, 0, &text, style) + 2;
        }
    }
}

fn moment(model: &Model, narrow: bool) -> String {
    let at = model.facts.now.to_zoned(model.facts.zone.clone());
    match (model.facts.models.position.0, narrow) {
        (0, _) => "before the first event".into(),
        // Its own event is no longer kept, and read models know times to the minute.
        _ if model.facts.events.is_empty() => kept_from(model, &at),
        (_, true) => at.strftime("%H:%M:%S").to_string(),
        (_, false) => at.strftime("%a %d %b %H:%M:%S%.3f %Z").to_string(),
    }
}

fn kept_from(model: &Model, at: &Zoned) -> String {
    let minute =
        if model.facts.models.history.minutes.is_empty() { String::new() } else { at.strftime(", %a %d %b %H:%M").to_string() };
    format!("as far back as is kept{minute}")
}

fn place(shown: &ReadModels, past: &Past) -> String {
    format!("#{} of {}", figures::exact(shown.position.0), figures::exact(past.live.models.position.0))
}

fn distance(model: &Model, past: &Past) -> String {
    if model.facts.models.position.0 == 0 || model.facts.events.is_empty() {
        return String::new();
    }
    format!("{} before now", figures::duration(figures::between(model.facts.now, past.live.now)))
}

fn events_between(shown: &ReadModels, past: &Past) -> String {
    let events = past.live.models.position.0.saturating_sub(shown.position.0);
    format!("{} event{} since", figures::exact(events), if events == 1 { "" } else { "s" })
}

/// What is being asked for.
pub(super) fn asking(model: &Model, at: At) -> String {
    let more = model.theme.glyph(Glyph::More);
    match at {
        At::Position(position) => format!("to #{}{more}", figures::exact(position.0)),
        At::Moment(at) => format!("to {}{more}", at.to_zoned(model.facts.zone.clone()).strftime("%H:%M:%S")),
    }
}

/// The moment being typed, and what it means so far.
pub(super) fn prompt(model: &Model, input: &Input, wrong: &str, area: Rect, frame: &mut Frame<'_>) {
    typed_line(model, "everything as it was at ", input, &meaning(model, input.value(), wrong), area, frame);
}

fn meaning(model: &Model, typed: &str, wrong: &str) -> (String, Style) {
    let (live, theme) = (model.live(), &model.theme);
    match read(typed, model.now, &live.zone, live.models.position) {
        Ok(Meant::Now) => ("now".into(), theme.style(Role::Dim)),
        Ok(meant) => (live.told(meant, model.now), theme.style(Role::Accent)),
        // While it is typed nearly everything is wrong still.
        Err(_) if wrong.is_empty() => (FORMS.into(), theme.style(Role::Dim)),
        Err(why) => (why, theme.style(Role::Warn)),
    }
}
