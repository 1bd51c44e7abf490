//! Whether everything is as it should be, and how that is known: each check with what was seen and when, the process with
//! its history, the log, the workers, and what failed lately.

use flexcore_engine::{
    id::Position,
    projection::{describe::Severity, history::Minute},
    vitals::{CheckState, Vitals},
};
use ratatui::{Frame, buffer::Buffer, layout::Rect, style::Style, text::Line};

use super::{Input, Place, Screen, moving, parts};
use crate::{
    effect::Intent,
    keymap::{Action, Scope},
    model::{events::EventLine, facts::Facts},
    theme::{Glyph, Role, Theme},
    widget::{
        Window, figures,
        histogram::{self, Bar},
        ink::Ink,
        spark::spark,
        table::{Column, Row, Table},
    },
};

/// The most sessions listed.
const HERE_MAX: usize = 5;
/// The most failures listed.
const FAILURES_MAX: usize = 200;

/// Health as a whole.
#[derive(Default)]
pub(super) struct HealthScreen {
    failures: Window,
}

/// Failures that the console holds, newest first.
fn failures(facts: &Facts) -> Vec<&EventLine> {
    facts.events.iter().rev().filter(|line| line.description.severity == Severity::Error).take(FAILURES_MAX).collect()
}

impl HealthScreen {
    fn selected(&self, facts: &Facts) -> Option<Position> {
        let failures = failures(facts);
        self.failures.selected(failures.len()).map(|index| failures[index].envelope.position)
    }
}

impl Screen for HealthScreen {
    fn place(&self) -> Option<Place> {
        Some(Place::Health)
    }

    fn title(&self, _: &Facts) -> String {
        "health".into()
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Health, Scope::List]
    }

    fn update(&mut self, input: Input<'_>, facts: &Facts) -> Vec<Intent> {
        let Input::Action(action) = input else { return Vec::new() };
        let len = failures(facts).len();
        if moving::walk(action, &mut self.failures, len) {
            return Vec::new();
        }
        let intent = self.selected(facts).and_then(|position| match action {
            Action::Open => Some(Intent::Open(Place::Event(position))),
            Action::AsItWas => Some(Intent::AsItWas(position)),
            _ => None,
        });
        intent.into_iter().collect()
    }

    fn view(&self, facts: &Facts, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
        let theme = *theme;
        let buffer = frame.buffer_mut();
        if facts.is_past {
            return self.view_past(facts, theme, area, buffer);
        }
        let Some(vitals) = &facts.vitals else {
            Ink::new(buffer, area).text(1, 1, "no figures yet: the engine has not answered", theme.look().dim);
            return;
        };
        let checks = vitals.checks.len() as u16 + 2;
        let (top, rest) = parts::above(area, checks.min(area.height / 2));
        view_checks(vitals, facts, theme, top, buffer);
        let wide = rest.width >= 100;
        let (middle, bottom) = parts::above(rest, if rest.height >= 15 { 8 } else { 6 });
        let (left, right) = if wide { parts::beside(middle, middle.width / 2) } else { (middle, Rect::ZERO) };
        view_process(vitals, facts, theme, left, buffer);
        if wide {
            view_history(facts, theme, right, buffer);
        }
        let (history, list) =
            if wide { (Rect::ZERO, bottom) } else { parts::above(bottom, if bottom.height > 9 { 4 } else { 0 }) };
        if history.height > 0 {
            view_history(facts, theme, history, buffer);
        }
        let here = facts.models.sessions.rows.len().min(HERE_MAX) as u16;
        let (here, list) = parts::above(list, if here > 0 && list.height >= here + 6 { here + 2 } else { 0 });
        view_here(facts, theme, here, buffer);
        self.view_failures(facts, theme, list, buffer);
    }
}

/// Sessions, the newest first: who is here, as what, by which way, with what.
fn view_here(facts: &Facts, theme: Theme, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let look = theme.look();
    let sessions = &facts.models.sessions.rows;
    let inside = parts::framed(buffer, area, theme, &format!("Here now {}", sessions.len()), false);
    let mut ink = Ink::new(buffer, inside);
    let end = ink.width();
    for (row, session) in (0..inside.height).zip(sessions.values().rev()) {
        ink.text_in(1, row, 20, &session.actor.to_string(), look.text);
        ink.text_in(22, row, 8, &session.role, look.dim);
        let from = format!("{} {}", session.way, session.from);
        ink.text_in(31, row, 28, &from, look.dim);
        let what = session.command.as_deref().unwrap_or("console");
        ink.text_in(60, row, end.saturating_sub(68), what, look.dim);
        ink.text_right(end.saturating_sub(1), row, 6, &figures::age(facts.now, session.since), look.dim);
    }
}

fn check_look(state: CheckState, theme: Theme) -> (String, Style) {
    let (glyph, word, role) = match state {
        CheckState::Ok => (Glyph::Done, "ok", Role::Good),
        CheckState::Warn => (Glyph::Warn, "look", Role::Warn),
        CheckState::Fail => (Glyph::Failed, "fails", Role::Danger),
        CheckState::Unknown => (Glyph::None, "unknown", Role::Dim),
    };
    (format!("{} {word}", theme.glyph(glyph)), theme.style(role))
}

fn view_checks(vitals: &Vitals, facts: &Facts, theme: Theme, area: Rect, buffer: &mut Buffer) {
    const NAME_COLUMNS: u16 = 22;
    let look = theme.look();
    let inside = parts::framed(buffer, area, theme, "Checks, and since when", false);
    let mut ink = Ink::new(buffer, inside);
    let end = ink.width();
    // What does not work stands first: where there is no room for all, that is what must be seen.
    let mut checks: Vec<_> = vitals.checks.iter().collect();
    checks.sort_by_key(|check| match check.state() {
        CheckState::Fail => 0,
        CheckState::Warn => 1,
        CheckState::Unknown => 2,
        CheckState::Ok => 3,
    });
    for (row, check) in checks.into_iter().enumerate() {
        let row = row as u16;
        let (state, style) = check_look(check.state(), theme);
        ink.text_in(1, row, 9, &state, style);
        ink.text_in(11, row, NAME_COLUMNS, check.name(), look.text);
        ink.text_in(12 + NAME_COLUMNS, row, end.saturating_sub(NAME_COLUMNS + 20), check.evidence(), look.dim);
        ink.text_right(end.saturating_sub(1), row, 6, &figures::age(facts.now, check.since), look.dim);
    }
}

fn view_process(vitals: &Vitals, facts: &Facts, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let look = theme.look();
    let inside = parts::framed(buffer, area, theme, &format!("Node {}", vitals.node), false);
    let columns = usize::from(inside.width.saturating_sub(46)).min(40);
    let history =
        |values: &std::collections::VecDeque<u64>| spark(values.iter().map(|value| *value as f64), columns, 0.0, theme.ascii);
    let figures = &facts.figures;
    let up = figures::duration(figures::between(vitals.started_at, facts.now));
    let messages: u64 = vitals.queues.iter().map(|(_, stats)| stats.ready + stats.delayed + stats.leased).sum();
    let dead: u64 = vitals.queues.iter().map(|(_, stats)| stats.dead).sum();
    let workers = format!("{} of {} busy", vitals.workers_busy, vitals.workers);
    let process = &vitals.process;
    let log = format!("{}, head {}", vitals.store_kind, figures::exact(vitals.store.head.0));
    let kept = format!("{} from {}", figures::bytes(vitals.store.bytes), figures::exact(vitals.store.oldest.0));
    let threads = format!("{} threads, {} files", process.threads, process.open_files);
    let lines = [
        parts::pairs([("up", up), ("workers", workers), ("live runs", vitals.runs.len().to_string())], &look),
        parts::pairs([("log", log), ("kept", kept)], &look),
        parts::pairs(
            [(
                "queues",
                format!("{}, {} messages, {} dead", vitals.queues.len(), figures::count(messages), figures::count(dead)),
            )],
            &look,
        ),
        graphed("events/s", &format!("{:>8}", figures::rate(figures.events_per_s)), &history(&figures.events_history), theme),
        graphed("memory", &format!("{:>8}", figures::bytes(process.rss_bytes)), &history(&figures.rss_history), theme),
        graphed("cpu", &format!("{:>7.1}%  {threads}", figures.cpu * 100.0), &history(&figures.cpu_history), theme),
    ];
    parts::lines(&mut Ink::new(buffer, inside), 0, 1, &lines);
}

fn graphed(label: &str, value: &str, history: &str, theme: Theme) -> Line<'static> {
    let look = theme.look();
    let mut line = parts::pairs([("", format!("{label:<9}{value}"))], &look);
    line.spans.push(ratatui::text::Span::styled(history.trim_start().to_owned(), look.accent));
    line
}

/// Events a minute, failures in their colour, up to the minute that it is now.
fn view_history(facts: &Facts, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let inside = parts::framed(buffer, area, theme, "Events a minute", false);
    let known = &facts.models.history.minutes;
    let last = facts.now.as_second().div_euclid(60);
    let first = last - i64::from(inside.width) + 1;
    let mut bars = vec![Bar::default(); usize::from(inside.width)];
    for Minute { minute, events, failures, .. } in known.iter().rev().take_while(|minute| minute.minute >= first) {
        if let Some(bar) = usize::try_from(minute - first).ok().and_then(|place| bars.get_mut(place)) {
            *bar = Bar { all: *events, bad: *failures };
        }
    }
    histogram::render(buffer, inside, &theme.look(), &bars);
}

impl HealthScreen {
    /// What the log tells: events a minute, and what failed.
    fn view_past(&self, facts: &Facts, theme: Theme, area: Rect, buffer: &mut Buffer) {
        let (top, rest) = parts::above(area, 2);
        let text = "Checks, memory, processor and workers are not in the log: of then there are events.";
        Ink::new(buffer, top).text(1, 0, text, theme.look().dim);
        let (history, list) = parts::above(rest, 8.min(rest.height / 2));
        view_history(facts, theme, history, buffer);
        self.view_failures(facts, theme, list, buffer);
    }

    fn view_failures(&self, facts: &Facts, theme: Theme, area: Rect, buffer: &mut Buffer) {
        const COLUMNS: [Column; 4] = [
            Column::number("AGE", 5, 9),
            Column::wide("WHAT", 14, 1, 7),
            Column::text("TYPE", 20, 3),
            Column::wide("", 20, 3, 8),
        ];
        let look = theme.look();
        let failures = failures(facts);
        let inside = parts::framed(buffer, area, theme, &format!("Recent failures {}: enter opens one", failures.len()), true);
        let table = Table { look: &look, columns: &COLUMNS, focused: true, empty: "nothing failed among the events held here" };
        table.render(buffer, inside, &self.failures, failures.len(), |index| {
            let EventLine { envelope, description } = failures[index];
            Row::new()
                .cell(figures::age(facts.now, envelope.event.at), look.text)
                .cell(description.subject.as_str(), look.text)
                .cell(envelope.event.kind.as_str(), look.dim)
                .cell(description.text.as_str(), look.bad)
        });
    }
}
