//! What can be done with a run.

use flexcore_engine::{
    command::{Command, RunCommand},
    id::{Position, QueueName},
    projection::{
        board::PipelineRow,
        describe::Severity,
        runs::{RunRow, RunState},
        why::Subject,
    },
};

use super::{RunScreen, TABS, Tab, steps};
use crate::{
    effect::{Change, Intent, Tone},
    keymap::Action,
    model::{
        facts::Facts,
        sheet::{Confirmation, Grade},
    },
    screen::{Place, form_sheet::FormSheet},
    widget::form::{Field, Form, Kind},
};

impl RunScreen {
    pub(super) fn act(&mut self, action: Action, facts: &Facts) -> Vec<Intent> {
        if action == Action::Why {
            return vec![Intent::Open(Place::Why(Subject::Run(self.id)))];
        }
        let Some(row) = self.row(facts) else { return Vec::new() };
        match action {
            Action::Open => self.open(row, facts),
            Action::CancelRun => vec![cancel(row, facts)],
            Action::RetryRun => vec![retry(row, facts)],
            Action::GoPipeline => vec![Intent::Open(Place::Pipeline(row.pipeline.clone()))],
            Action::DeadLetters => vec![Intent::Open(Place::Queue(QueueName::dead_letters_of(&row.pipeline)))],
            Action::CorrelationSame => vec![Intent::ShowCorrelation(row.correlation)],
            Action::CopyName => vec![Intent::Copy { what: "id", text: self.id.to_string() }],
            Action::FailureNext | Action::FailurePrevious => self.failure(action == Action::FailureNext, facts),
            Action::AsItWas => self.as_it_was(facts),
            _ => Vec::new(),
        }
    }

    fn open(&mut self, row: &RunRow, facts: &Facts) -> Vec<Intent> {
        match TABS[self.tab] {
            Tab::Timeline => {
                self.selected_event(facts).map(|position| Intent::Open(Place::Event(position))).into_iter().collect()
            }
            Tab::Steps => {
                if let Some(index) = self.steps.selected(row.steps.len()) {
                    let step = steps::ordered(row, facts)[index];
                    let failed = step.error.is_some();
                    self.taps.show(&step.step);
                    self.go_to(if failed { 2 } else { 5 });
                }
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// As of the event under the cursor of the timeline; on another part as of its last one.
    fn as_it_was(&self, facts: &Facts) -> Vec<Intent> {
        let last = || self.events.iter().take(self.shown_events(facts)).next_back().map(|line| line.envelope.position);
        let position = if TABS[self.tab] == Tab::Timeline { self.selected_event(facts) } else { last() };
        position.map(Intent::AsItWas).into_iter().collect()
    }

    fn selected_event(&self, facts: &Facts) -> Option<Position> {
        let lines = self.timeline(facts);
        self.timeline.selected(lines.len()).map(|index| lines[index].envelope.position)
    }

    /// To the next failure in the timeline, or the one before.
    fn failure(&mut self, forward: bool, facts: &Facts) -> Vec<Intent> {
        let lines = self.timeline(facts);
        let len = lines.len();
        let from = self.timeline.selected(len).unwrap_or(0);
        let bad = |index: &usize| lines[*index].description.severity == Severity::Error;
        let here = TABS[self.tab] == Tab::Timeline;
        let found = if forward { (if here { from + 1 } else { 0 }..len).find(bad) } else { (0..from).rev().find(bad) };
        match found {
            Some(index) => {
                self.go_to(1);
                self.newest = false;
                self.timeline.select(index);
                Vec::new()
            }
            None => vec![Intent::Say(Tone::Info, format!("no failure {} here", if forward { "after" } else { "before" }))],
        }
    }
}

fn grade(row: &RunRow, facts: &Facts) -> Grade {
    facts.models.board.pipelines.get(&row.pipeline).map_or(Grade::Yes, Grade::of)
}

pub(in crate::screen) fn cancel(row: &RunRow, facts: &Facts) -> Intent {
    if row.state.is_ended() || row.state == RunState::Cancelling {
        return Intent::Say(Tone::Warn, format!("the run is {} already", row.state.word()));
    }
    let pipeline = facts.models.board.pipelines.get(&row.pipeline);
    let grace = pipeline.map_or_else(|| flexcore_engine::unit::Duration::from_secs(30), |row| row.definition().drain);
    let id = row.id;
    let form = Form::new(vec![Field::new("reason", Kind::Text).described("why, for the others; may stay empty")]);
    let sheet = FormSheet::new(
        format!("Cancel run #{} of {}", row.number, row.pipeline),
        vec![format!("its steps stop; what is in flight has {grace} to reach its sinks, then it is given up")],
        form,
        move |values| {
            let reason = values.get("reason").and_then(|reason| reason.as_str()).unwrap_or_default().to_owned();
            vec![Change::Command(Command::Run(id, RunCommand::Cancel { reason, grace }))]
        },
    );
    Intent::Sheet(Box::new(sheet.graded(grade(row, facts))))
}

pub(in crate::screen) fn retry(row: &RunRow, facts: &Facts) -> Intent {
    if !row.state.is_ended() {
        return Intent::Say(Tone::Warn, format!("the run is {}: X cancels it", row.state.word()));
    }
    let change = Change::Retry { pipeline: row.pipeline.clone(), of: row.id, params: row.params.clone() };
    let revision = facts.models.board.pipelines.get(&row.pipeline).map(PipelineRow::current);
    let which = revision.map_or_else(String::new, |current| {
        let same = if current.revision == row.revision { "the same" } else { "a newer one than this run had" };
        format!(" of revision {} ({same})", current.number)
    });
    Intent::Confirm(Confirmation {
        title: format!("Run #{} of {} again", row.number, row.pipeline),
        effects: vec![format!("one new run{which}, with the same parameters")],
        grade: Grade::Yes,
        changes: vec![change],
    })
}
