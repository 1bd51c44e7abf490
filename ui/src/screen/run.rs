//! One run: its steps, what happened, why it failed, its checkpoints, its log, and the last records after each step.

mod act;
mod log;
mod steps;
mod taps;
mod views;

pub(super) use act::{cancel, retry};

use flexcore_engine::{
    event::{Envelope, run::RunError},
    id::{Position, RunId},
    port::store::Filter,
    projection::runs::RunRow,
};
use ratatui::{Frame, layout::Rect};

use super::{Filters, Input, Place, Screen, moving, parts};
use crate::{
    effect::{Answer, Intent, Question, Tone},
    keymap::{Action, Scope},
    model::{
        events::{EventLine, EventRing},
        facts::Facts,
        filter::RowFilter,
    },
    theme::Theme,
    widget::{
        Window,
        ink::Ink,
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
    /// Events before here were asked for.
    upto: Position,
    timeline: Window,
    /// Which of its events are in the timeline.
    wanted: RowFilter,
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
            upto: Position(0),
            timeline: Window::default(),
            wanted: RowFilter::default(),
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

    fn opened(&mut self, facts: &Facts) -> Vec<Intent> {
        let mut intents = vec![self.ask_events(facts), self.log.ask(self.id)];
        intents.extend(self.ask_taps(facts));
        intents
    }

    fn ask_events(&mut self, facts: &Facts) -> Intent {
        let filter = Filter { stream_prefix: Some(format!("run/{}", self.id)), ..Filter::default() };
        self.upto = facts.models.position.next();
        Intent::Ask(Question::ReadBack { before: self.upto, filter, max: EVENTS_MAX })
    }

    /// What is shown is as of another moment; events after those that were asked for may have been left out since.
    fn moved(&mut self, facts: &Facts) -> Vec<Intent> {
        self.follow(facts);
        if self.newest {
            let len = self.timeline(facts).len();
            self.timeline.bottom(len);
        }
        if facts.models.position >= self.upto { vec![self.ask_events(facts)] } else { Vec::new() }
    }

    /// How many of its events had happened at the moment that is shown.
    fn shown_events(&self, facts: &Facts) -> usize {
        self.events.iter().take_while(|line| line.envelope.position <= facts.models.position).count()
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
            self.events.push_line(line.clone());
        }
        if self.newest {
            let len = self.timeline(facts).len();
            self.timeline.bottom(len);
        }
        self.refresh_error(facts);
    }

    fn refresh_error(&mut self, facts: &Facts) {
        let Some(error) = self.row(facts).and_then(|row| row.error.as_ref()) else {
            (self.error_of, self.error) = (None, TextView::default());
            return;
        };
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
            Tab::Timeline => self.walk_timeline(action, facts),
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

    /// Its events that had happened at the moment that is shown and pass the filter, the oldest first.
    fn timeline(&self, facts: &Facts) -> Vec<&EventLine> {
        let mut sieve = self.wanted.sieve();
        let text = |line: &EventLine| format!("{} {}", line.envelope.event.kind, line.description.text);
        self.events.iter().take(self.shown_events(facts)).filter(|line| sieve.passes_made(|| text(line))).collect()
    }

    /// Older events, which come before what is here and newer: an answer may be late, and know less than that by then.
    fn take(&mut self, older: &[Envelope]) {
        let upto = older.last().map(|last| last.position);
        let newer: Vec<EventLine> =
            self.events.iter().filter(|line| upto.is_none_or(|upto| line.envelope.position > upto)).cloned().collect();
        self.events.clear();
        for envelope in older {
            self.events.push(envelope.clone());
        }
        for line in newer {
            self.events.push_line(line);
        }
    }

    fn walk_timeline(&mut self, action: Action, facts: &Facts) -> bool {
        let len = self.timeline(facts).len();
        let moved = moving::walk(action, &mut self.timeline, len);
        if moved {
            self.newest = self.timeline.is_at_bottom(len);
        }
        moved
    }

    fn answer(&mut self, answer: Answer, facts: &Facts) -> Vec<Intent> {
        match answer {
            Answer::ReadBack(Ok(page)) => {
                self.take(&page.events);
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

    fn filter(&mut self, wanted: RowFilter) -> Vec<Intent> {
        if wanted.is_none() {
            // There is one filter line: what it no longer says holds nowhere.
            self.error.search("");
            self.taps.search("");
            self.wanted = RowFilter::default();
            self.log.filter(RowFilter::default());
            return Vec::new();
        }
        match TABS[self.tab] {
            Tab::Error => drop(self.error.search(wanted.text())),
            Tab::Records => self.taps.search(wanted.text()),
            Tab::Timeline => self.wanted = wanted,
            Tab::Log => self.log.filter(wanted),
            Tab::Steps | Tab::Checkpoints => {}
        }
        Vec::new()
    }

    fn tab_names(&self, row: &RunRow, facts: &Facts) -> Vec<String> {
        let name = |tab: &Tab| match tab {
            Tab::Steps => "1 Steps".into(),
            Tab::Timeline => format!("2 Timeline {}", self.shown_events(facts)),
            Tab::Error => if row.error.is_some() { "3 Error !" } else { "3 Error" }.into(),
            Tab::Checkpoints => format!("4 Checkpoints {}", row.checkpoints.len()),
            Tab::Log if facts.is_past => "Log".into(),
            Tab::Log => format!("Log {}", self.log.len()),
            Tab::Records => "Records".into(),
        };
        TABS.iter().map(name).collect()
    }
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

    fn filters(&self) -> Filters {
        match TABS[self.tab] {
            Tab::Error | Tab::Records => Filters::Text,
            Tab::Timeline | Tab::Log => Filters::Rows,
            Tab::Steps | Tab::Checkpoints => Filters::Nothing,
        }
    }

    fn update(&mut self, input: Input<'_>, facts: &Facts) -> Vec<Intent> {
        match input {
            Input::Opened => {
                self.follow(facts);
                self.opened(facts)
            }
            Input::Action(action) => self.action(action, facts),
            Input::Filter(wanted) => self.filter(wanted),
            Input::Answer(answer) => self.answer(answer, facts),
            Input::Facts => {
                self.follow(facts);
                Vec::new()
            }
            Input::Moved => self.moved(facts),
            Input::Tick => self.tick(facts),
            Input::Key(_) | Input::Paste(_) => Vec::new(),
        }
    }

    fn view(&self, facts: &Facts, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
        let theme = *theme;
        let look = theme.look();
        let buffer = frame.buffer_mut();
        let Some(row) = self.row(facts) else {
            let text = if facts.is_past {
                "this run was not there: esc returns to now"
            } else {
                "this run is no longer kept: esc goes back"
            };
            Ink::new(buffer, area).text(1, 1, text, look.dim);
            return;
        };
        let head = views::header(row, facts, theme);
        let (top, rest) = parts::above(area, head.len() as u16 + 1);
        let mut ink = Ink::new(buffer, top);
        let next = parts::lines(&mut ink, 0, 1, &head);
        parts::tabs(&mut ink, next, &self.tab_names(row, facts), self.tab, &look);
        match TABS[self.tab] {
            Tab::Steps => steps::view(row, &self.steps, facts, theme, rest, buffer),
            Tab::Timeline => self.view_timeline(row, facts, theme, rest, buffer),
            Tab::Error => self.view_error(row, theme, rest, buffer),
            Tab::Checkpoints => self.view_checkpoints(row, facts, theme, rest, buffer),
            Tab::Log | Tab::Records if facts.is_past => views::unknown(theme, rest, buffer),
            Tab::Log => self.log.view(row, theme, rest, buffer),
            Tab::Records => self.taps.view(row, theme, rest, buffer),
        }
    }
}
