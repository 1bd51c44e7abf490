//! What its steps said.

use std::collections::VecDeque;

use flexcore_engine::{
    flow::log::{LINES_MAX, LogLevel, LogLine},
    id::RunId,
    projection::runs::RunRow,
};
use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    effect::{Intent, Question},
    keymap::Action,
    model::filter::RowFilter,
    screen::{moving, parts},
    theme::Theme,
    widget::{
        figures,
        ink::Ink,
        safe_text,
        text_view::{TextLine, TextView, Tone},
    },
};

/// The lines of one question.
pub(super) const LINES_ASKED: usize = 500;

/// The log, and what of it is shown.
pub(super) struct RunLogView {
    /// At most [`LINES_MAX`], as the engine keeps.
    lines: VecDeque<LogLine>,
    view: TextView,
    only_bad: bool,
    filter: RowFilter,
}

/// What a filter looks at.
fn text_of(line: &LogLine) -> String {
    format!("{} {}", line.step, line.text)
}

impl Default for RunLogView {
    fn default() -> Self {
        Self { lines: VecDeque::new(), view: TextView::following(), only_bad: false, filter: RowFilter::default() }
    }
}

impl RunLogView {
    /// Asks for what came after the last line here.
    pub(super) fn ask(&self, run: RunId) -> Intent {
        let after = self.lines.back().map_or(0, |line| line.number);
        Intent::Ask(Question::RunLog { run, after, max: LINES_ASKED })
    }

    /// Adds lines; those that are here already are left out.
    pub(super) fn take(&mut self, lines: Vec<LogLine>) {
        let filter = self.filter.clone();
        let mut sieve = filter.sieve();
        for line in lines {
            if self.lines.back().is_none_or(|last| last.number < line.number) {
                if self.is_level(&line) && sieve.passes_made(|| text_of(&line)) {
                    self.view.push(shown(&line));
                }
                self.lines.push_back(line);
            }
            if self.lines.len() > LINES_MAX {
                self.lines.pop_front();
            }
        }
    }

    /// Lines.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Only lines that pass.
    pub(super) fn filter(&mut self, wanted: RowFilter) {
        self.filter = wanted;
        self.refill();
    }

    /// Scrolls, follows, chooses levels; false: the action is for somebody else.
    pub(super) fn moves(&mut self, action: Action) -> bool {
        match action {
            Action::Follow => self.view.toggle_follow(),
            Action::LogLevel => {
                self.only_bad = !self.only_bad;
                self.refill();
            }
            action => return moving::scroll(action, &mut self.view),
        }
        true
    }

    fn is_level(&self, line: &LogLine) -> bool {
        !self.only_bad || line.level > LogLevel::Info
    }

    fn refill(&mut self) {
        let mut view = TextView::following();
        let mut sieve = self.filter.sieve();
        let passes = |line: &&LogLine| self.is_level(line) && sieve.passes_made(|| text_of(line));
        self.lines.iter().filter(passes).for_each(|line| view.push(shown(line)));
        self.view = view;
    }

    /// Draws it.
    pub(super) fn view(&self, row: &RunRow, theme: Theme, area: Rect, buffer: &mut Buffer) {
        let following = if self.view.follows() { "FOLLOW" } else { "PAUSED: f follows" };
        let level = if self.only_bad { ", warnings and failures only" } else { "" };
        let inside = parts::framed(buffer, area, theme, &format!("Log: {following}{level}{}", self.filter.suffix()), true);
        if self.view.is_empty() {
            let text = match (self.lines.is_empty(), row.state.is_ended()) {
                (false, _) => "no line passes: i shows all levels, / filters by text",
                (true, true) => "its steps said nothing that is still kept",
                (true, false) => "its steps have said nothing yet",
            };
            Ink::new(buffer, inside).text(1, 0, text, theme.look().dim);
        }
        self.view.render(buffer, inside, &theme.look());
    }
}

fn shown(line: &LogLine) -> TextLine {
    let tone = match line.level {
        LogLevel::Info => Tone::Plain,
        LogLevel::Warn => Tone::Warn,
        LogLevel::Error => Tone::Bad,
    };
    let step = safe_text::fit(line.step.as_str(), 10);
    TextLine { head: format!("{} {step} ", figures::time_ms(line.at)), text: line.text.clone(), tone }
}
