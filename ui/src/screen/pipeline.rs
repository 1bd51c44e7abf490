//! One pipeline: what it is doing now, its schedule, its revisions with their difference, its definition and tests, and
//! where it stands.

mod act;
mod checkpoints;
mod header;
mod now;
mod revisions;
mod schedule;
mod wiring;

use flexcore_engine::{
    id::PipelineName,
    projection::{
        board::{PipelineRow, PipelineState},
        runs::RunRow,
    },
};
use jiff::{SignedDuration, Timestamp};
use ratatui::{Frame, layout::Rect};

use super::{Filters, Input, Place, Screen, draft::Draft, moving, parts};
use crate::{
    effect::{Answer, Intent, Question, Tone},
    keymap::{Action, Scope},
    model::{facts::Facts, filter::RowFilter},
    theme::Theme,
    widget::{Window, ink::Ink, text_view::TextView},
};
use checkpoints::Checkpoints;
use revisions::Revisions;

/// The moments shown of a schedule.
const TICKS: usize = 10;
/// How long moments are shown past the first of them, of a pipeline that would have to be activated for them.
const SUPPOSED_FOR: SignedDuration = SignedDuration::from_secs(60);

/// The parts of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Now,
    Schedule,
    Revisions,
    Definition,
    Tests,
    Checkpoints,
}

const TABS: [Tab; 6] = [Tab::Now, Tab::Schedule, Tab::Revisions, Tab::Definition, Tab::Tests, Tab::Checkpoints];

/// One pipeline.
pub(super) struct PipelineScreen {
    name: PipelineName,
    tab: usize,
    runs: Window,
    ticks: Option<Result<Vec<Timestamp>, String>>,
    revisions: Revisions,
    definition: TextView,
    /// Of which revision the definition's text is.
    definition_of: u32,
    tests: Window,
    checkpoints: Checkpoints,
    /// A new text of the definition that is being edited or checked.
    draft: Option<Draft>,
    /// Its mistakes cover the parts; another part may be looked at meanwhile.
    shows_draft: bool,
    draft_window: Window,
    filter: RowFilter,
}

impl PipelineScreen {
    /// The screen of a pipeline.
    pub(super) fn new(name: PipelineName) -> Self {
        Self {
            name,
            tab: 0,
            runs: Window::default(),
            ticks: None,
            revisions: Revisions::default(),
            definition: TextView::default(),
            definition_of: 0,
            tests: Window::default(),
            checkpoints: Checkpoints::default(),
            draft: None,
            shows_draft: false,
            draft_window: Window::default(),
            filter: RowFilter::default(),
        }
    }

    fn row<'a>(&self, facts: &'a Facts) -> Option<&'a PipelineRow> {
        facts.models.board.pipelines.get(&self.name)
    }

    /// Runs that pass the filter, newest first.
    fn runs<'a>(&'a self, facts: &'a Facts) -> Vec<&'a RunRow> {
        let mut sieve = self.filter.sieve();
        let passes = |run: &&RunRow| {
            sieve.passes_made(|| {
                let error = run.error.as_ref().map_or("", |error| error.message.as_str());
                format!("{} {} {error}", run.number, run.state.word())
            })
        };
        facts.models.runs.of(&self.name).filter(passes).collect()
    }

    fn ask_ticks(&self) -> Intent {
        Intent::Ask(Question::Ticks { pipeline: self.name.clone(), count: TICKS })
    }

    /// Takes the current revision's text over when there is a newer one.
    fn refresh(&mut self, facts: &Facts) {
        let Some(row) = self.row(facts) else { return };
        let current = row.current();
        if current.number != self.definition_of {
            self.definition_of = current.number;
            self.definition = TextView::yaml(&current.source.text);
            self.revisions.refresh(row);
        }
    }

    fn go_to(&mut self, tab: usize) {
        self.tab = tab.min(TABS.len() - 1);
        self.shows_draft = false;
    }

    fn action(&mut self, action: Action, facts: &Facts) -> Vec<Intent> {
        match action {
            Action::TabNext | Action::FocusNext => self.go_to(parts::turned(self.tab, 1, TABS.len())),
            Action::TabPrevious | Action::FocusPrevious => self.go_to(parts::turned(self.tab, -1, TABS.len())),
            Action::Pane1 => self.go_to(0),
            Action::Pane2 => self.go_to(1),
            Action::Pane3 | Action::Diff => self.go_to(2),
            Action::Pane4 => self.go_to(3),
            action if self.moves(action, facts) => {}
            action => return self.act(action, facts),
        }
        Vec::new()
    }

    /// Moves within the part that is shown.
    fn moves(&mut self, action: Action, facts: &Facts) -> bool {
        if self.shows_draft {
            return moving::walk(action, &mut self.draft_window, usize::MAX / 2);
        }
        match TABS[self.tab] {
            Tab::Now => {
                let len = self.runs(facts).len();
                moving::walk(action, &mut self.runs, len)
            }
            Tab::Revisions => self.revisions.moves(action, self.row(facts)),
            Tab::Definition => moving::scroll(action, &mut self.definition),
            Tab::Tests => {
                let len = self.row(facts).map_or(0, |row| row.definition().tests.len());
                moving::walk(action, &mut self.tests, len)
            }
            Tab::Checkpoints => {
                let row = facts.models.board.pipelines.get(&self.name);
                self.checkpoints.moves(action, row, facts)
            }
            Tab::Schedule => false,
        }
    }

    fn answer(&mut self, answer: &Answer, facts: &Facts) -> Vec<Intent> {
        if let Answer::Ticks(_, ticks) = answer {
            self.ticks = Some(ticks.clone().map_err(|error| error.to_string()));
            return Vec::new();
        }
        self.take_draft(answer, facts)
    }

    fn filter(&mut self, wanted: RowFilter) -> Vec<Intent> {
        let text = wanted.text();
        if wanted.is_none() {
            // There is one filter line: what it no longer says holds nowhere.
            self.definition.search("");
            self.revisions.search("");
            self.filter = RowFilter::default();
            return Vec::new();
        }
        let found = match TABS[self.tab] {
            Tab::Definition => self.definition.search(text),
            Tab::Revisions => self.revisions.search(text),
            Tab::Now | Tab::Schedule | Tab::Tests | Tab::Checkpoints => {
                self.filter = wanted;
                return Vec::new();
            }
        };
        if found || text.is_empty() { Vec::new() } else { vec![Intent::Say(Tone::Info, format!("`{text}` is not here"))] }
    }

    /// Each second: the schedule is asked again once its first moment has passed.
    fn tick(&self, facts: &Facts) -> Vec<Intent> {
        let is_active = self.row(facts).is_some_and(|row| row.state == PipelineState::Active);
        match &self.ticks {
            Some(Ok(ticks)) if !is_over(ticks, is_active, facts.now) => Vec::new(),
            Some(Ok(ticks)) if ticks.is_empty() && TABS[self.tab] != Tab::Schedule => Vec::new(),
            _ => vec![self.ask_ticks()],
        }
    }

    fn tab_names(row: &PipelineRow, facts: &Facts) -> Vec<String> {
        let tests = row.definition().tests.len();
        let name = |tab: &Tab| match tab {
            Tab::Now => "1 Now".into(),
            Tab::Schedule => "2 Schedule".into(),
            Tab::Revisions => format!("3 Revisions {}", row.revisions.len()),
            Tab::Definition => "4 Definition".into(),
            Tab::Tests => format!("Tests {tests}"),
            Tab::Checkpoints => format!("Checkpoints {}", checkpoints::count(row, facts)),
        };
        TABS.iter().map(name).collect()
    }
}

/// Whether the first moment has passed. Of a pipeline that is not active these are told as if it began now, which may be the first of
/// them: told anew each second, a console that is left open here would never rest.
fn is_over(ticks: &[Timestamp], is_active: bool, now: Timestamp) -> bool {
    let good_for = if is_active { SignedDuration::ZERO } else { SUPPOSED_FOR };
    ticks.first().is_none_or(|first| *first + good_for <= now)
}

impl Screen for PipelineScreen {
    fn place(&self) -> Option<Place> {
        Some(Place::Pipeline(self.name.clone()))
    }

    fn title(&self, _: &Facts) -> String {
        self.name.to_string()
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Pipeline, Scope::List]
    }

    fn close(&mut self) -> Option<Vec<Intent>> {
        let text = "the text stays until you leave this pipeline: E edits it again";
        std::mem::take(&mut self.shows_draft).then(|| vec![Intent::Say(Tone::Info, text.into())])
    }

    fn filters(&self) -> Filters {
        match TABS[self.tab] {
            Tab::Now => Filters::Rows,
            Tab::Definition | Tab::Revisions => Filters::Text,
            Tab::Schedule | Tab::Tests | Tab::Checkpoints => Filters::Nothing,
        }
    }

    fn update(&mut self, input: Input<'_>, facts: &Facts) -> Vec<Intent> {
        self.refresh(facts);
        match input {
            Input::Opened => vec![self.ask_ticks()],
            Input::Action(action) => self.action(action, facts),
            Input::Filter(wanted) => self.filter(wanted),
            Input::Answer(answer) => self.answer(&answer, facts),
            Input::Tick => self.tick(facts),
            Input::Moved if !facts.is_past => vec![self.ask_ticks()],
            Input::Facts | Input::Moved | Input::Key(_) | Input::Paste(_) => Vec::new(),
        }
    }

    fn view(&self, facts: &Facts, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
        let theme = *theme;
        let look = theme.look();
        let buffer = frame.buffer_mut();
        let Some(row) = self.row(facts) else {
            let text = if facts.is_past {
                "there was no pipeline of this name: esc returns to now"
            } else {
                "there is no pipeline of this name: esc goes back"
            };
            Ink::new(buffer, area).text(1, 1, text, look.dim);
            return;
        };
        let head = header::lines(row, facts, theme);
        let (top, rest) = parts::above(area, head.len() as u16 + 1);
        let mut ink = Ink::new(buffer, top);
        let next = parts::lines(&mut ink, 0, 1, &head);
        parts::tabs(&mut ink, next, &Self::tab_names(row, facts), self.tab, &look);
        if let Some(draft) = self.draft.as_ref().filter(|_| self.shows_draft) {
            return self.view_draft(draft, theme, rest, buffer);
        }
        match TABS[self.tab] {
            Tab::Now => self.view_now(row, facts, theme, rest, buffer),
            Tab::Schedule => {
                let then = facts.is_past.then(|| Ok(facts.due_then(row, TICKS)));
                schedule::view(row, then.as_ref().or(self.ticks.as_ref()), facts, theme, rest, buffer);
            }
            Tab::Revisions => self.revisions.view(row, facts, theme, rest, buffer),
            Tab::Definition => {
                let title = format!("Definition: revision {} ({})", row.current().number, row.current().revision.short());
                let inside = parts::framed(buffer, rest, theme, &title, true);
                self.definition.render(buffer, inside, &look);
            }
            Tab::Tests => schedule::view_tests(row, &self.tests, theme, rest, buffer),
            Tab::Checkpoints => self.checkpoints.view(row, facts, theme, rest, buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::facts::now;

    #[test]
    fn a_schedule_that_is_only_supposed_is_told_anew_once_a_minute() {
        let after = |secs| now() + SignedDuration::from_secs(secs);
        let told = [now(), after(15)];
        assert!(is_over(&told, true, now()) && !is_over(&told[1..], true, now()));
        assert!(!is_over(&told, false, after(59)) && is_over(&told, false, after(60)));
        assert!(is_over(&[], false, now()), "never due, as far as is known");
    }
}
