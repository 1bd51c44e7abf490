//! What can be done with a pipeline. Everything that changes something asks first.

use std::path::PathBuf;

use flexcore_engine::{
    command::PipelineCommand,
    id::QueueName,
    projection::{
        board::{PipelineRow, PipelineState},
        why::Subject,
    },
};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{PipelineScreen, TABS, Tab};
use crate::{
    effect::{Answer, Change, Intent, Tone},
    keymap::Action,
    model::{
        ask,
        facts::Facts,
        sheet::{Confirmation, Grade},
    },
    screen::{
        Place,
        draft::{Draft, Stage},
        form_sheet::FormSheet,
        parts,
    },
    theme::Theme,
    widget::{
        form::{Field, Form, Kind},
        ink::Ink,
    },
};

impl PipelineScreen {
    pub(super) fn act(&mut self, action: Action, facts: &Facts) -> Vec<Intent> {
        if action == Action::Why {
            return vec![Intent::Open(Place::Why(Subject::Pipeline(self.name.clone())))];
        }
        let Some(row) = self.row(facts) else { return Vec::new() };
        match action {
            Action::Open => self.open(facts),
            Action::PauseResume if row.state == PipelineState::Active => vec![pause(row)],
            Action::Activate | Action::PauseResume | Action::RunNow | Action::CancelRuns | Action::Archive | Action::Restore => {
                vec![self.ask(action, facts)]
            }
            Action::RunWith if row.definition().params.is_empty() => vec![self.ask(Action::RunNow, facts)],
            Action::RunWith => vec![Intent::Open(Place::RunWith(self.name.clone()))],
            Action::Revise => vec![self.revise(row)],
            Action::Rollback if TABS[self.tab] == Tab::Checkpoints => vec![self.checkpoints.roll_back(row, facts)],
            Action::Rollback => vec![self.rollback(row)],
            Action::SetCheckpoint => vec![self.checkpoints.set(row, facts)],
            Action::DeadLetters => vec![Intent::Open(Place::Queue(QueueName::dead_letters_of(&self.name)))],
            Action::ShowEvents => vec![Intent::ShowEvents { filter: self.name.to_string() }],
            Action::CopyName => vec![Intent::Copy { what: "name", text: self.name.to_string() }],
            Action::HitNext | Action::HitPrevious if TABS[self.tab] == Tab::Definition => {
                self.definition.next_hit(action == Action::HitNext);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn ask(&self, action: Action, facts: &Facts) -> Intent {
        match ask::about_pipelines(action, std::slice::from_ref(&self.name), facts) {
            Ok(confirmation) => Intent::Confirm(confirmation),
            Err(why) => Intent::Say(Tone::Warn, why),
        }
    }

    fn open(&self, facts: &Facts) -> Vec<Intent> {
        let runs = self.runs(facts);
        let run = self.runs.selected(runs.len()).map(|index| runs[index].id);
        run.filter(|_| TABS[self.tab] == Tab::Now).map(|run| Intent::Open(Place::Run(run))).into_iter().collect()
    }

    /// The text to the editor; a text that has mistakes goes there again as it is.
    fn revise(&mut self, row: &PipelineRow) -> Intent {
        self.shows_draft = true;
        let draft = self.draft.get_or_insert_with(|| {
            let source = &row.current().source;
            let file = format!("{}.pipeline.yaml", row.name);
            let path =
                source.path.as_ref().map_or_else(|| PathBuf::from(&*source.folder).join(&file), |path| PathBuf::from(&**path));
            Draft::new(file, source.text.to_string(), Some(path))
        });
        draft.edit()
    }

    pub(super) fn take_draft(&mut self, answer: &Answer, facts: &Facts) -> Vec<Intent> {
        let unchanged =
            self.row(facts).is_some_and(|row| matches!(answer, Answer::Edited(Ok(text)) if *text == *row.current().source.text));
        let Some(draft) = &mut self.draft else { return Vec::new() };
        let Some(mut intents) = draft.take(answer) else { return Vec::new() };
        let never_left = matches!(answer, Answer::Edited(Err(_))) && matches!(draft.stage, Stage::Unchecked);
        if unchanged || never_left {
            self.draft = None;
            return if unchanged { vec![Intent::Say(Tone::Info, "nothing was changed".into())] } else { intents };
        }
        self.draft_window.top();
        if let Stage::Good(_) = &draft.stage {
            intents.push(self.save(facts));
        }
        intents
    }

    /// Asks whether the checked text shall be the next revision.
    fn save(&mut self, facts: &Facts) -> Intent {
        let none = || Intent::Say(Tone::Warn, "there is no such pipeline any more".into());
        let (Some(row), Some(draft)) = (self.row(facts), self.draft.take()) else { return none() };
        let Stage::Good(checked) = &draft.stage else { return none() };
        if checked.definition.name != self.name {
            return Intent::Say(Tone::Bad, format!("the text names `{}`: n makes a new pipeline of it", checked.definition.name));
        }
        let current = row.current();
        let difference = crate::widget::diff::Difference::of(&current.source.text, &draft.text);
        let (added, removed) = difference.counts();
        let live = if row.live.is_empty() { String::new() } else { format!("; {} live run(s) keep theirs", row.live.len()) };
        let change = Change::pipeline(
            &self.name,
            PipelineCommand::Revise {
                revision: checked.revision,
                definition: checked.definition.clone(),
                source: draft.source(checked),
                expected: Some(current.revision),
            },
        );
        Intent::Confirm(Confirmation {
            title: format!("Save revision {} of {}", current.number + 1, self.name),
            effects: vec![
                format!("{added} line(s) added, {removed} removed; new runs use it{live}"),
                format!("refused if somebody else changed it since revision {}", current.number),
            ],
            grade: Grade::of(row),
            changes: vec![change],
        })
    }

    /// Asks whether the selected revision shall be the current one again.
    fn rollback(&self, row: &PipelineRow) -> Intent {
        let current = row.current().number;
        let wanted = match TABS[self.tab] {
            Tab::Revisions => self.revisions.selected(row).map(|revision| revision.number).filter(|number| *number != current),
            _ => None,
        };
        let Some(number) = wanted else {
            return Intent::Say(Tone::Info, "choose the revision to go back to first: 3, then B".into());
        };
        let change = Change::pipeline(&self.name, PipelineCommand::Rollback { number });
        let live = if row.live.is_empty() { String::new() } else { format!("{} live run(s) keep theirs", row.live.len()) };
        let mut effects = vec![format!("revision {} is made, with the content of revision {number}", current + 1)];
        effects.extend(Some(live).filter(|live| !live.is_empty()));
        Intent::Confirm(Confirmation {
            title: format!("Roll {} back to revision {number}", self.name),
            effects,
            grade: Grade::of(row),
            changes: vec![change],
        })
    }

    pub(super) fn view_draft(&self, draft: &Draft, theme: Theme, area: Rect, buffer: &mut Buffer) {
        let look = theme.look();
        let title = match &draft.stage {
            Stage::Mistaken(mistakes) => format!("{} mistake(s): E edits again", mistakes.len()),
            _ => "New revision".into(),
        };
        let inside = parts::framed(buffer, area, theme, &title, true);
        let first = self.draft_window.selected(usize::MAX / 2).unwrap_or(0);
        match &draft.stage {
            Stage::Mistaken(mistakes) => {
                draft.render_mistakes(buffer, inside, &look, first.min(mistakes.len().saturating_sub(1)));
            }
            Stage::Checking => drop(Ink::new(buffer, inside).text(1, 0, "checking", look.dim)),
            Stage::Unchecked | Stage::Good(_) => drop(Ink::new(buffer, inside).text(1, 0, "in the editor", look.dim)),
        }
    }
}

fn pause(row: &PipelineRow) -> Intent {
    let live = if row.live.is_empty() { String::new() } else { format!("; {} live run(s) go on", row.live.len()) };
    let name = row.name.clone();
    let form = Form::new(vec![Field::new("reason", Kind::Text).described("why, for the others; may stay empty")]);
    let sheet = FormSheet::new(
        format!("Pause {}", row.name),
        vec![format!("its triggers start nothing until it is resumed{live}")],
        form,
        move |values| {
            let reason = values.get("reason").and_then(|reason| reason.as_str()).unwrap_or_default().to_owned();
            vec![Change::pipeline(&name, PipelineCommand::Pause { reason })]
        },
    );
    Intent::Sheet(Box::new(sheet.graded(Grade::of(row))))
}
