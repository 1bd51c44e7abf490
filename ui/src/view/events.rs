//! The events pane. It has no frame at its sides, so that a terminal can scroll it in hardware.

use flexcore_engine::projection::describe::Severity;
use jiff::Timestamp;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::Style,
};

use crate::{
    model::{
        Model,
        events::EventLine,
        overview::Pane,
        stream::{Stream, TimeFormat},
    },
    theme::{Glyph, Role},
    widget::{figures, histogram, ink::Ink, safe_text},
};

/// Columns of a time, a type and a subject.
const TIME: u16 = 12;
const KIND: u16 = 22;
const SUBJECT: u16 = 22;

pub(super) fn pane(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let events = &model.overview.events;
    let bars = if events.histogram && area.height > 10 { 4 } else { 0 };
    let parts = [Constraint::Length(1), Constraint::Length(bars), Constraint::Fill(1)];
    let [title, upper, rows] = Layout::vertical(parts).areas(area);
    heading(model, title, frame);
    if bars > 0 {
        minutes(model, upper, frame);
    }
    if events.shown.is_empty() {
        return nothing(model, rows, frame);
    }
    let focused = model.overview.focus == Pane::Events;
    let selected = events.window.selected(events.shown.len());
    let mut ink = Ink::new(frame.buffer_mut(), rows);
    for (row, at) in events.window.rows(usize::from(rows.height), events.shown.len()).enumerate() {
        let Some(line) = model.facts.events.get(events.shown[at]) else { continue };
        event(model, &mut ink, row as u16, line);
        if selected == Some(at) && (focused || !events.following) {
            ink.restyle_row(row as u16, model.theme.look().selection(focused));
        }
    }
}

fn heading(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let (theme, events) = (&model.theme, &model.overview.events);
    let focused = model.overview.focus == Pane::Events;
    let border = theme.style(if focused { Role::BorderFocus } else { Role::Border });
    let mut ink = Ink::new(frame.buffer_mut(), area);
    ink.rule(0, theme.rule().chars().next().unwrap_or('-'), border);
    let title = if focused { theme.style(Role::Title).patch(border) } else { theme.style(Role::Text) };
    let column = ink.text(1, 0, " 2 Events ", title) + 1;
    let (state, style) = if model.past.is_some() {
        (" PAST ".to_owned(), theme.style(Role::Past))
    } else if events.following {
        (" FOLLOW ".to_owned(), theme.style(Role::Good))
    } else {
        (format!(" PAUSED +{} new ", figures::exact(events.new)), theme.style(Role::Warn).patch(theme.style(Role::Title)))
    };
    let column = ink.text(column, 0, &state, style) + 1;
    let times = match events.times {
        TimeFormat::Utc => "UTC".to_owned(),
        TimeFormat::Local => model.facts.now.to_zoned(model.facts.zone.clone()).strftime("%Z").to_string(),
        TimeFormat::Ago => "ago".to_owned(),
    };
    let column = ink.text(column, 0, &format!(" {times} "), theme.style(Role::Dim));
    let text = limits(events, model.facts.events.len());
    if !text.is_empty() {
        ink.text(column, 0, &format!(" {text} "), theme.style(Role::Text));
    }
}

/// What limits what is shown, in words.
fn limits(events: &Stream, total: usize) -> String {
    let mut parts = Vec::new();
    if let Some(range) = events.range() {
        parts.push(format!("last {range}"));
    }
    if !events.filter.is_none() {
        parts.push(format!("/{}", events.filter.text()));
    }
    if let Some(correlation) = events.correlation {
        parts.push(format!("belongs to {}", correlation.short()));
    }
    parts.extend(events.excluded.iter().map(|kind| format!("!{kind}")));
    if events.is_limited() {
        parts.push(format!("{} of {}", events.shown.len(), total));
    }
    parts.join("  ")
}

fn nothing(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let text = if model.facts.events.is_empty() { "no event yet" } else { "nothing passes: esc clears the filter" };
    Ink::new(frame.buffer_mut(), area).text(2, 1, text, model.theme.style(Role::Dim));
}

fn event(model: &Model, ink: &mut Ink<'_>, row: u16, line: &EventLine) {
    let theme = &model.theme;
    let role = match line.description.severity {
        Severity::Info => Role::Text,
        Severity::Warn => Role::Warn,
        Severity::Error => Role::Danger,
    };
    if model.overview.events.marks.contains(&line.envelope.position) {
        ink.text(0, row, theme.glyph(Glyph::Mark), theme.style(Role::Marked));
    }
    let narrow = ink.width() < 100;
    let (kind, subject) = if narrow { (16, 14) } else { (KIND, SUBJECT) };
    let event = &line.envelope.event;
    let time = safe_text::fit(&time(model, event.at), usize::from(TIME));
    ink.text_in(1, row, TIME, &time, theme.style(Role::Dim));
    let start = TIME + 2;
    ink.text_in(start, row, kind, event.kind.as_str(), theme.style(if role == Role::Text { Role::Accent } else { role }));
    ink.text_in(start + kind + 1, row, subject, &line.description.subject, theme.style(Role::Text));
    ink.text(start + kind + subject + 2, row, &line.description.text, text_style(model, role));
}

fn text_style(model: &Model, role: Role) -> Style {
    if role == Role::Text { Style::new() } else { model.theme.style(role) }
}

fn time(model: &Model, at: Timestamp) -> String {
    match model.overview.events.times {
        TimeFormat::Utc => figures::time_ms(at),
        TimeFormat::Local => at.to_zoned(model.facts.zone.clone()).strftime("%H:%M:%S%.3f").to_string(),
        TimeFormat::Ago => figures::ago(model.facts.now, at),
    }
}

/// Events a minute, as many minutes as there are columns.
fn minutes(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let now = model.facts.now.as_second().div_euclid(60);
    let known = &model.facts.models.history.minutes;
    let at = |minute: i64| known.binary_search_by_key(&minute, |known| known.minute).ok().map(|at| known[at]);
    let bar =
        |minute| at(minute).map_or_else(Default::default, |known| histogram::Bar { all: known.events, bad: known.failures });
    let bars: Vec<_> = (0..i64::from(area.width)).rev().map(|back| bar(now - back)).collect();
    histogram::render(frame.buffer_mut(), area, &model.theme.look(), &bars);
}
