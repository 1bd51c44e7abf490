//! One run: its steps, what happened, why it failed, its checkpoints, its log, and the last records after each step.

mod act;
mod log;
mod steps;
mod taps;

use flexcore_engine::{event::run::RunError, id::RunId, port::store::Filter, projection::runs::RunRow};
use ratatui::{
    Frame,
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::{Input, Place, Screen, moving, parts};
use crate::{
    effect::{Answer, Intent, Question, Tone},
    keymap::{Action, Scope},
    model::{
        events::{EventLine, EventRing},
        facts::Facts,
    },
    theme::Theme,
    widget::{
        Window, figures,
        ink::Ink,
        table::{Column, Row, Table},
        text_view::{TextLine, TextView, Tone as LineTone},
    },
};
use log::RunLogView;
use taps::Taps;

/// The most older events asked for.
const EVENTS_MAX: usize = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Steps,
    Timeline,
    Error,
    Checkpoints,
    Log,
    Records,
}

const TABS: [Tab; 6] = [Tab::Steps, Tab::Timeline, Tab::Error, Tab::Checkpoints, Tab::Log, Tab::Records];

/// One run.
pub(super) struct RunScreen {
    id: RunId,
    tab: usize,
    steps: Window,
    /// Its events, older ones included.
    events: EventRing,
    timeline: Window,
    /// The timeline shows the newest event as it comes.
    newest: bool,
    error: TextView,
    /// Which error that text is of: each attempt has its own.
    error_of: Option<RunError>,
    checkpoints: Window,
    log: RunLogView,
    taps: Taps,
}

impl RunScreen {
    /// The screen of a run.
    pub(super) fn new(id: RunId) -> Self {
        Self {
            id,
            tab: 0,
            steps: Window::default(),
            events: EventRing::default(),
            timeline: Window::default(),
            newest: true,
            error: TextView::default(),
            error_of: None,
            checkpoints: Window::default(),
            log: RunLogView::default(),
            taps: Taps::default(),
        }
    }

    fn row<'a>(&self, facts: &'a Facts) -> Option<&'a RunRow> {
        facts.models.runs.runs.get(&self.id)
    }

    fn opened(&self, facts: &Facts) -> Vec<Intent> {
        let filter = Filter { stream_prefix: Some(format!("run/{}", self.id)), ..Filter::default() };
        let before = facts.models.position.next();
        let mut intents = vec![Intent::Ask(Question::ReadBack { before, filter, max: EVENTS_MAX }), self.log.ask(self.id)];
        intents.extend(self.ask_taps(facts));
        intents
    }

    fn ask_taps(&self, facts: &Facts) -> Option<Intent> {
        let lives = self.row(facts).is_some_and(|row| !row.state.is_ended());
        lives.then_some(Intent::Ask(Question::Taps { run: self.id }))
    }

    /// Takes over what came to the console's own events since.
    fn follow(&mut self, facts: &Facts) {
        let mine = format!("run/{}", self.id);
        let known = self.events.newest();
        let fresh: Vec<&EventLine> = facts
            .events
            .iter()
            .rev()
            .take_while(|line| known.is_none_or(|known| line.envelope.position > known))
            .filter(|line| line.envelope.stream.as_str() == mine)
            .collect();
        for line in fresh.into_iter().rev() {
            self.events.push(line.envelope.clone());
        }
        if self.newest {
            self.timeline.bottom(self.events.len());
        }
        self.refresh_error(facts);
    }

    fn refresh_error(&mut self, facts: &Facts) {
        let Some(error) = self.row(facts).and_then(|row| row.error.as_ref()) else { return };
        if self.error_of.as_ref() == Some(error) {
            return;
        }
        self.error_of = Some(error.clone());
        let place = error.step.as_ref().map_or_else(|| "the run as a whole".to_owned(), |step| format!("step {step}"));
        let again = if error.retryable { "another try may help" } else { "no other try mends it" };
        let mut lines = vec![
            TextLine::new(error.message.clone(), LineTone::Bad),
            TextLine::new(format!("in {place}; {again}"), LineTone::Dim),
        ];
        lines.extend(error.causes.iter().map(|cause| TextLine {
            head: "because  ".into(),
            text: cause.clone(),
            ..TextLine::default()
        }));
        if let Some(record) = &error.record {
            lines.push(TextLine::default());
            lines.push(TextLine::new("the record that did it", LineTone::Title));
            let pretty = serde_json::from_str::<serde_json::Value>(record).ok();
            let pretty = pretty.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_else(|| record.clone());
            lines.extend(pretty.lines().map(|line| TextLine::new(line, LineTone::Plain)));
        }
        self.error = TextView::new(lines);
    }

    fn action(&mut self, action: Action, facts: &Facts) -> Vec<Intent> {
        match action {
            Action::TabNext | Action::FocusNext => self.go_to(parts::turned(self.tab, 1, TABS.len())),
            Action::TabPrevious | Action::FocusPrevious => self.go_to(parts::turned(self.tab, -1, TABS.len())),
            Action::Pane1 => self.go_to(0),
            Action::Pane2 => self.go_to(1),
            Action::Pane3 => self.go_to(2),
            Action::Pane4 => self.go_to(3),
            action => return self.in_tab(action, facts),
        }
        if TABS[self.tab] == Tab::Records { self.ask_taps(facts).into_iter().collect() } else { Vec::new() }
    }

    fn go_to(&mut self, tab: usize) {
        self.tab = tab.min(TABS.len() - 1);
    }

    fn in_tab(&mut self, action: Action, facts: &Facts) -> Vec<Intent> {
        let moved = match TABS[self.tab] {
            Tab::Steps => {
                let len = self.row(facts).map_or(0, |row| row.steps.len());
                moving::walk(action, &mut self.steps, len)
            }
            Tab::Timeline => self.walk_timeline(action),
            Tab::Error => moving::scroll(action, &mut self.error),
            Tab::Checkpoints => {
                let len = self.row(facts).map_or(0, |row| row.checkpoints.len());
                moving::walk(action, &mut self.checkpoints, len)
            }
            Tab::Log => self.log.moves(action),
            Tab::Records => {
                if let Some(intents) = self.taps.act(action) {
                    return intents;
                }
                false
            }
        };
        if moved { Vec::new() } else { self.act(action, facts) }
    }

    fn walk_timeline(&mut self, action: Action) -> bool {
        let moved = moving::walk(action, &mut self.timeline, self.events.len());
        if moved {
            self.newest = self.timeline.is_at_bottom(self.events.len());
        }
        moved
    }

    fn answer(&mut self, answer: Answer, facts: &Facts) -> Vec<Intent> {
        match answer {
            Answer::ReadBack(Ok(page)) => {
                self.events.clear();
                for envelope in &page.events {
                    self.events.push(envelope.clone());
                }
                self.follow(facts);
            }
            Answer::RunLog(Ok(lines)) => {
                let full = lines.len() >= log::LINES_ASKED;
                self.log.take(lines);
                // There is more: go on at once, so that a long log is whole before it is followed.
                return if full { vec![self.log.ask(self.id)] } else { Vec::new() };
            }
            Answer::Taps(Ok(taps)) => self.taps.take(taps),
            Answer::ReadBack(Err(error)) | Answer::RunLog(Err(error)) | Answer::Taps(Err(error)) => {
                return vec![Intent::Say(Tone::Warn, error.to_string())];
            }
            _ => {}
        }
        Vec::new()
    }

    fn tick(&self, facts: &Facts) -> Vec<Intent> {
        let mut intents = Vec::new();
        let lives = self.row(facts).is_some_and(|row| !row.state.is_ended());
        if lives || TABS[self.tab] == Tab::Log {
            intents.push(self.log.ask(self.id));
        }
        if TABS[self.tab] == Tab::Records && !self.taps.is_held() {
            intents.extend(self.ask_taps(facts));
        }
        intents
    }

    fn filter(&mut self, text: &str) -> Vec<Intent> {
        match TABS[self.tab] {
            Tab::Error => drop(self.error.search(text)),
            Tab::Records => self.taps.search(text),
            _ => self.log.filter(text),
        }
        Vec::new()
    }

    fn tab_names(&self, row: &RunRow) -> Vec<String> {
        let name = |tab: &Tab| match tab {
            Tab::Steps => "1 Steps".into(),
            Tab::Timeline => format!("2 Timeline {}", self.events.len()),
            Tab::Error => if row.error.is_some() { "3 Error !" } else { "3 Error" }.into(),
            Tab::Checkpoints => format!("4 Checkpoints {}", row.checkpoints.len()),
            Tab::Log => format!("Log {}", self.log.len()),
            Tab::Records => "Records".into(),
        };
        TABS.iter().map(name).collect()
    }

    fn view_timeline(&self, row: &RunRow, theme: Theme, area: Rect, buffer: &mut Buffer) {
        const COLUMNS: [Column; 4] =
            [Column::text("TIME", 12, 9), Column::number("AFTER", 6, 5), Column::text("TYPE", 22, 4), Column::wide("", 20, 1, 8)];
        let look = theme.look();
        let inside = parts::framed(buffer, area, theme, "Timeline: enter opens the event", true);
        let lines: Vec<&EventLine> = self.events.iter().collect();
        let table = Table { look: &look, columns: &COLUMNS, focused: true, empty: "no event of it is kept any more" };
        table.render(buffer, inside, &self.timeline, lines.len(), |index| {
            let EventLine { envelope, description } = lines[index];
            let after = figures::duration(figures::between(row.queued_at, envelope.event.at));
            let style = parts::severity(description.severity, &look);
            Row::new()
                .cell(figures::time_ms(envelope.event.at), look.dim)
                .cell(after, look.dim)
                .cell(envelope.event.kind.as_str(), look.text)
                .cell(description.text.as_str(), style)
        });
    }

    fn view_error(&self, row: &RunRow, theme: Theme, area: Rect, buffer: &mut Buffer) {
        let inside = parts::framed(buffer, area, theme, "The first real error", true);
        if row.error.is_none() {
            Ink::new(buffer, inside).text(1, 0, "nothing failed", theme.look().dim);
        }
        let inside = Rect { x: inside.x + 1.min(inside.width), width: inside.width.saturating_sub(2), ..inside };
        self.error.render(buffer, inside, &theme.look());
    }

    fn view_checkpoints(&self, row: &RunRow, facts: &Facts, theme: Theme, area: Rect, buffer: &mut Buffer) {
        const COLUMNS: [Column; 6] = [
            Column::wide("SOURCE", 12, 1, 9),
            Column::wide("STREAM", 12, 2, 6),
            Column::number("#", 5, 4),
            Column::number("RECORDS", 8, 7),
            Column::number("AGE", 5, 5),
            Column::wide("CURSOR", 12, 3, 8),
        ];
        let look = theme.look();
        let inside = parts::framed(buffer, area, theme, "Checkpoints: where a next attempt goes on", true);
        let rows: Vec<_> = row.checkpoints.iter().collect();
        let table = Table {
            look: &look,
            columns: &COLUMNS,
            focused: true,
            empty: "no checkpoint: the next attempt begins at the beginning",
        };
        table.render(buffer, inside, &self.checkpoints, rows.len(), |index| {
            let ((step, stream), checkpoint) = rows[index];
            Row::new()
                .cell(step.to_string(), look.text)
                .cell(stream.as_str(), look.text)
                .cell(checkpoint.number.to_string(), look.dim)
                .cell(figures::count(checkpoint.records), look.text)
                .cell(figures::age(facts.now, checkpoint.at), look.text)
                .cell(checkpoint.cursor.to_string(), look.dim)
        });
    }
}

/// The lines above the parts.
fn header(row: &RunRow, facts: &Facts, theme: Theme) -> Vec<Line<'static>> {
    let look = theme.look();
    let (state, style) = parts::run_state(row.state, theme);
    let attempt = if row.attempts_max > 1 { format!("{} of {}", row.attempt, row.attempts_max) } else { String::new() };
    let took = parts::took(row, facts.now).map_or_else(String::new, figures::duration);
    let deadline = row.deadline.filter(|_| !row.state.is_ended());
    let deadline = deadline.map_or_else(String::new, |at| figures::until(facts.now, at));
    let started = row.started_at.unwrap_or(row.queued_at);
    let started = parts::when(facts.now, started);
    let (records_in, records_out, dead) = parts::records(row, facts);
    let mut first = Line::from(Span::styled(format!("{state}   "), style));
    first
        .spans
        .extend(parts::pairs([("started", started), ("took", took), ("attempt", attempt), ("deadline", deadline)], &look).spans);
    let flow = format!("{} in, {} out, {} dead", figures::count(records_in), figures::count(records_out), figures::count(dead));
    let params = if row.params.is_empty() { String::new() } else { serde_json::Value::Object(row.params.clone()).to_string() };
    let second = parts::pairs(
        [
            ("pipeline", row.pipeline.to_string()),
            ("records", flow),
            ("by", row.actor.to_string()),
            ("revision", row.revision.short()),
            ("params", params),
            ("worker", row.worker.clone()),
        ],
        &look,
    );
    let mut lines = vec![first, second];
    if !row.cancel_reason.is_empty() {
        lines.push(parts::pairs([("cancelled because", row.cancel_reason.clone())], &look));
    }
    lines
}

impl Screen for RunScreen {
    fn place(&self) -> Option<Place> {
        Some(Place::Run(self.id))
    }

    fn title(&self, facts: &Facts) -> String {
        self.row(facts).map_or_else(|| format!("run {}", self.id.short()), |row| format!("run #{}", row.number))
    }

    fn scopes(&self) -> &'static [Scope] {
        if TABS[self.tab] == Tab::Records { &[Scope::Run, Scope::Tree, Scope::List] } else { &[Scope::Run, Scope::List] }
    }

    fn command_line(&self, _: &Facts) -> Option<String> {
        Some(format!("flexcore runs show {}", self.id))
    }

    fn update(&mut self, input: Input<'_>, facts: &Facts) -> Vec<Intent> {
        match input {
            Input::Opened => {
                self.follow(facts);
                self.opened(facts)
            }
            Input::Action(action) => self.action(action, facts),
            Input::Filter(text) => self.filter(text),
            Input::Answer(answer) => self.answer(answer, facts),
            Input::Facts => {
                self.follow(facts);
                Vec::new()
            }
            Input::Tick => self.tick(facts),
            Input::Key(_) | Input::Paste(_) => Vec::new(),
        }
    }

    fn view(&self, facts: &Facts, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
        let theme = *theme;
        let look = theme.look();
        let buffer = frame.buffer_mut();
        let Some(row) = self.row(facts) else {
            Ink::new(buffer, area).text(1, 1, "this run is no longer kept: esc goes back", look.dim);
            return;
        };
        let head = header(row, facts, theme);
        let (top, rest) = parts::above(area, head.len() as u16 + 1);
        let mut ink = Ink::new(buffer, top);
        let next = parts::lines(&mut ink, 0, 1, &head);
        parts::tabs(&mut ink, next, &self.tab_names(row), self.tab, &look);
        match TABS[self.tab] {
            Tab::Steps => steps::view(row, &self.steps, facts, theme, rest, buffer),
            Tab::Timeline => self.view_timeline(row, theme, rest, buffer),
            Tab::Error => self.view_error(row, theme, rest, buffer),
            Tab::Checkpoints => self.view_checkpoints(row, facts, theme, rest, buffer),
            Tab::Log => self.log.view(row, theme, rest, buffer),
            Tab::Records => self.taps.view(row, theme, rest, buffer),
        }
    }
}
