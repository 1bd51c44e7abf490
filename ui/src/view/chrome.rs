//! The line at the top, and the path of a drill-down.

use std::time::Duration;

use flexcore_engine::alert::Severity;
use ratatui::{Frame, layout::Rect, style::Style, text::Line};

use crate::{
    link::LineState,
    model::{
        Model,
        facts::{Connection, Facts},
    },
    theme::{Glyph, Role},
    widget::{figures, ink::Ink, safe_text},
};

/// Columns for where an engine elsewhere is.
const PLACE_MAX: usize = 40;

/// Whether the engine answers, as a role and words.
pub(super) fn connection(model: &Model) -> (Role, String) {
    let facts = &model.facts;
    let glyph = |glyph| model.theme.glyph(glyph);
    if !facts.models_told
        && let Some(loaded) = loading(facts.line)
    {
        return (Role::Warn, format!("{} reading {loaded}", glyph(Glyph::Waiting)));
    }
    match &facts.connection {
        Connection::Connecting => (Role::Warn, format!("{} connecting", glyph(Glyph::Waiting))),
        Connection::Lost { since, .. } if facts.heard_at.is_some() => {
            let age = figures::duration(Duration::from_secs(figures::between(*since, facts.now).as_secs().max(1)));
            let doing = match facts.line {
                LineState::Calling => "connecting".to_owned(),
                line => loading(line).map_or_else(|| "no connection".to_owned(), |loaded| format!("reading {loaded}")),
            };
            (Role::Danger, format!("{} {doing}, data is {age} old", glyph(Glyph::Failed)))
        }
        Connection::Lost { .. } => (Role::Danger, format!("{} no connection yet", glyph(Glyph::Failed))),
        Connection::Live if facts.silence().is_some() => {
            let age = figures::duration(Duration::from_secs(facts.silence().unwrap_or_default()));
            (Role::Warn, format!("{} data is {age} old", glyph(Glyph::Waiting)))
        }
        Connection::Live => {
            let up = facts.vitals.as_ref().map(|vitals| figures::duration(figures::between(vitals.started_at, facts.now)));
            (Role::Good, format!("{} up {}", glyph(Glyph::Running), up.as_deref().unwrap_or("…")))
        }
    }
}

/// How much of the read models has come, while they come.
fn loading(line: LineState) -> Option<String> {
    let LineState::Loading { bytes, total } = line else { return None };
    let kilobytes = |bytes: u64| bytes.div_ceil(1_000);
    Some(match total {
        Some(total) => format!("{} of {} kB", kilobytes(bytes), kilobytes(total)),
        None => format!("{} kB", kilobytes(bytes)),
    })
}

/// Engine, figures, who acts, what time it is: as many as there is room for, the most important first.
pub(super) fn header(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let mut ink = Ink::new(frame.buffer_mut(), area);
    let right = right_side(model, area.width);
    let right_width: usize = right.iter().map(|(text, _)| safe_text::width(text) + 2).sum();
    let mut end = ink.width();
    if right_width + 30 < usize::from(ink.width()) {
        for (text, style) in right.iter().rev() {
            end = end.saturating_sub(1);
            ink.text_right(end, 0, end, text, *style);
            end = end.saturating_sub(safe_text::width(text) as u16 + 1);
        }
    }
    let mut column = 1;
    for (text, style) in left_side(model) {
        let width = safe_text::width(&text) as u16;
        if column + width < end {
            column = ink.text(column, 0, &text, style) + 2;
        }
    }
}

fn left_side(model: &Model) -> Vec<(String, Style)> {
    let (facts, theme) = (&model.facts, &model.theme);
    let vitals = facts.vitals.as_ref();
    let (role, connection) = connection(model);
    let node = vitals.map_or("flexcore", |vitals| vitals.node.as_str());
    let refuses = vitals.and_then(|vitals| vitals.refuses.as_deref());
    let warning =
        refuses.map(|why| (format!("{} {}", theme.glyph(Glyph::Failed), safe_text::cut(why, 60)), theme.style(Role::Danger)));
    let mut parts: Vec<_> = warning.into_iter().collect();
    parts.extend([(safe_text::cut(node, 24).into_owned(), theme.style(Role::Title)), (connection, theme.style(role))]);
    parts.extend(facts.place.iter().map(|place| (safe_text::cut(place, PLACE_MAX).into_owned(), theme.style(Role::Accent))));
    parts.extend(alerts(model));
    if let Some(wish) = model.wish {
        parts.push((super::past::asking(model, wish.at), theme.style(Role::Warn)));
    }
    let dropped = theme.style(if facts.dropped > 0 { Role::Danger } else { Role::Dim });
    if let Some(vitals) = vitals {
        parts.push((format!("{:>6} ev/s", figures::rate(facts.figures.events_per_s)), theme.style(Role::Text)));
        parts.push((format!("drop {}", facts.dropped), dropped));
        parts.push((format!("workers {}/{}", vitals.workers_busy, vitals.workers), theme.style(Role::Dim)));
        parts.push((format!("log {}", safe_text::cut(&vitals.store_kind, 32)), theme.style(Role::Dim)));
    }
    parts
}

/// How many alerts are raised, by how much they matter; those that are silenced are not counted.
fn alerts(model: &Model) -> Vec<(String, Style)> {
    let facts = &model.facts;
    let loud = |severity| {
        let raised = facts.models.alerts.raised();
        raised.filter(|(_, row)| row.severity == severity && !row.is_silenced(facts.now)).count()
    };
    let counts = [(Severity::Critical, Role::Danger), (Severity::Warning, Role::Warn), (Severity::Info, Role::Text)];
    let part = |(severity, role): (Severity, Role)| {
        let count = loud(severity);
        (count > 0).then(|| (format!("{count} {}", severity.word()), model.theme.style(role)))
    };
    counts.into_iter().filter_map(part).collect()
}

/// A header this wide has room for names.
const NAMES_WIDTH_MIN: u16 = 110;
/// Columns for the names of others.
const NAMES_MAX: usize = 26;

/// Who else has a console; of oneself only those that are more than this one.
fn others(facts: &Facts) -> Vec<String> {
    let mut names: Vec<String> = facts.models.sessions.consoles().map(|row| row.actor.to_string()).collect();
    // Behind one's own name may stand a role.
    let is_own = |name: &String| facts.actor.strip_prefix(&**name).is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("));
    if let Some(own) = names.iter().position(is_own) {
        names.remove(own);
    }
    names.sort();
    names.dedup();
    names
}

fn with(facts: &Facts, width: u16) -> Option<String> {
    let others = others(facts);
    match others.len() {
        0 => None,
        count if width < NAMES_WIDTH_MIN => Some(format!("+{count}")),
        _ => Some(safe_text::cut(&format!("with {}", others.join(", ")), NAMES_MAX).into_owned()),
    }
}

fn right_side(model: &Model, width: u16) -> Vec<(String, Style)> {
    let (facts, theme) = (&model.facts, &model.theme);
    let mut actor = safe_text::cut(&facts.actor, 20).into_owned();
    if facts.read_only {
        actor.push_str(" (read-only)");
    }
    let mut parts = Vec::new();
    if let Some(latency) = model.line.latency() {
        parts.push((link(latency), theme.style(Role::Dim)));
    }
    parts.extend(with(facts, width).map(|with| (with, theme.style(Role::Text))));
    parts.extend([(actor, theme.style(Role::Accent)), (clock(model, width), theme.style(Role::Text))]);
    parts
}

/// What time it is, as finely as it moves.
fn clock(model: &Model, width: u16) -> String {
    let (now, rest) = (model.facts.now, &model.rest);
    match () {
        () if rest.is_asleep() && width < NAMES_WIDTH_MIN => format!("as of {}Z", figures::minute(now).trim()),
        () if rest.is_asleep() => format!("as of {}Z, nothing new since", figures::minute(now).trim()),
        () if rest.is_resting() => format!("{}Z", figures::minute(now)),
        () => format!("{}Z", figures::time(now)),
    }
}

/// How far away the terminal is, in figures that keep their width.
fn link(latency: Duration) -> String {
    match latency.as_millis() {
        0..5 => "link <5ms".into(),
        ms @ 5..1_000 => format!("link {ms}ms"),
        ms => format!("link {}.{}s", ms / 1_000, ms % 1_000 / 100),
    }
}

/// `overview › quakes › run 8f3a91c2 ─────`.
pub(super) fn crumbs(model: &Model, top: usize, area: Rect, frame: &mut Frame<'_>) {
    let theme = &model.theme;
    let mut ink = Ink::new(frame.buffer_mut(), area);
    ink.rule(0, theme.rule().chars().next().unwrap_or('-'), theme.style(Role::Border));
    let between = format!(" {} ", theme.glyph(Glyph::Crumb));
    let mut path = Line::styled(" overview", theme.style(Role::Dim));
    for (at, opened) in model.screens[..=top].iter().enumerate() {
        let role = if at == top { Role::Title } else { Role::Dim };
        path.push_span(ratatui::text::Span::styled(between.clone(), theme.style(Role::Dim)));
        path.push_span(ratatui::text::Span::styled(opened.screen.title(&model.facts), theme.style(role)));
    }
    path.push_span(" ");
    ink.line(1, 0, &path);
}
