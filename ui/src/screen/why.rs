//! Why something is as it is: the answer in a sentence, the events that led to it, what will happen next, what can be done.
//! The answer is made of the facts that are shown, so in the past it is the answer of then.

mod view;

use std::time::Duration;

use flexcore_engine::{
    id::{PipelineName, Position},
    projection::why::{Deed, Remedy, Subject, Why},
};
use jiff::Timestamp;
use ratatui::{Frame, layout::Rect};

use super::{Input, Place, Screen, moving, run};
use crate::{
    effect::{Answer, Intent, Question, Tone},
    keymap::{Action, Scope},
    model::{ask, facts::Facts},
    theme::Theme,
    widget::{Window, figures},
};

/// How often it is asked again while runs live.
const AGAIN_EVERY: Duration = Duration::from_secs(5);

/// Why something is as it is.
pub(super) struct WhyScreen {
    subject: Subject,
    why: Option<Why>,
    /// In place of an answer.
    note: String,
    facts: Window,
    /// As of which position an answer is on its way: one at a time.
    asked: Option<Position>,
}

impl WhyScreen {
    /// The screen of a question.
    pub(super) fn new(subject: Subject) -> Self {
        Self { subject, why: None, note: "asking for the events that led to it".into(), facts: Window::default(), asked: None }
    }

    fn ask(&mut self, facts: &Facts) -> Vec<Intent> {
        if self.asked.is_some() || !facts.models_told {
            return Vec::new();
        }
        self.asked = Some(facts.models.position);
        vec![Intent::Ask(Question::Why {
            subject: self.subject.clone(),
            models: Box::new(facts.models.clone()),
            now: facts.now,
            vitals: facts.vitals.clone(),
        })]
    }

    /// Whether the answer may be another one by now: something happened, what was to come has come, or, while runs live, what
    /// moves and what stands still may have changed. Where nothing goes on nothing is asked.
    fn is_old(&self, facts: &Facts) -> bool {
        let Some(why) = &self.why else { return true };
        let has_come = |at: Timestamp| why.at < at && at <= facts.now;
        let lives = facts.vitals.as_ref().is_some_and(|vitals| !vitals.runs.is_empty());
        why.position != facts.models.position
            || why.next.iter().filter_map(|next| next.at).any(has_come)
            || (lives && figures::between(why.at, facts.now) >= AGAIN_EVERY)
    }

    /// An answer of another point of the past is not shown: the right one is asked for.
    fn answer(&mut self, answer: Answer, facts: &Facts) -> Vec<Intent> {
        let Answer::Why(position, result) = answer else { return Vec::new() };
        if self.asked.take() != Some(position) || (facts.is_past && position != facts.models.position) {
            return self.ask(facts);
        }
        match result {
            Ok(Some(why)) => self.show(*why),
            Ok(None) => {
                self.why = None;
                self.note = format!("there is no {}, and no event of it is kept", self.subject);
            }
            Err(error) if self.why.is_none() => self.note = error.to_string(),
            Err(error) => return vec![Intent::Say(Tone::Warn, error.to_string())],
        }
        Vec::new()
    }

    /// The cursor stays with its event while newer ones come.
    fn show(&mut self, why: Why) {
        let kept = self.fact().and_then(|position| why.facts.iter().position(|fact| fact.position == Some(position)));
        match kept {
            Some(index) if self.facts.selected(why.facts.len()) != Some(0) => self.facts.select(index),
            _ => self.facts.top(),
        }
        self.why = Some(why);
    }

    /// The event under the cursor.
    fn fact(&self) -> Option<Position> {
        let why = self.why.as_ref()?;
        self.facts.selected(why.facts.len()).and_then(|index| why.facts[index].position)
    }

    fn action(&mut self, action: Action, facts: &Facts) -> Vec<Intent> {
        let len = self.why.as_ref().map_or(0, |why| why.facts.len());
        if moving::walk(action, &mut self.facts, len) {
            return Vec::new();
        }
        match action {
            Action::Open | Action::AsItWas => match self.fact() {
                Some(position) if action == Action::Open => vec![Intent::Open(Place::Event(position))],
                Some(position) => vec![Intent::AsItWas(position)],
                None => vec![say("its event is no longer kept: the read models remember it")],
            },
            Action::GoPipeline => match self.pipeline(facts) {
                Some(name) => vec![Intent::Open(Place::Pipeline(name))],
                None => vec![say("it belongs to no pipeline")],
            },
            Action::CopyName => {
                let text = self.why.as_ref().map_or_else(String::new, |why| why.answer.clone());
                vec![Intent::Copy { what: "answer", text }]
            }
            action => self.remedy(action, facts),
        }
    }

    /// Does what is suggested, and nothing else.
    fn remedy(&self, action: Action, facts: &Facts) -> Vec<Intent> {
        let remedies = self.why.iter().flat_map(|why| &why.remedies);
        let Some(remedy) = remedies.into_iter().find(|remedy| action_of(remedy) == action) else {
            return match action {
                Action::Activate
                | Action::PauseResume
                | Action::RunNow
                | Action::CancelRun
                | Action::RetryRun
                | Action::Restore
                | Action::FailureNext
                | Action::DeadLetters => vec![say("that is nothing that would help here")],
                _ => Vec::new(),
            };
        };
        let row = |run| facts.models.runs.runs.get(run);
        let intent = match &remedy.deed {
            Deed::Activate(name) | Deed::Resume(name) | Deed::Pause(name) | Deed::Run(name) | Deed::Restore(name) => {
                match ask::about_pipelines(action, std::slice::from_ref(name), facts) {
                    Ok(confirmation) => Intent::Confirm(confirmation),
                    Err(why) => Intent::Say(Tone::Warn, why),
                }
            }
            Deed::Cancel(id) => row(id).map_or_else(|| say("the run is no longer kept"), |row| run::cancel(row, facts)),
            Deed::Retry(id) => row(id).map_or_else(|| say("the run is no longer kept"), |row| run::retry(row, facts)),
            Deed::ShowRun(id) => Intent::Open(Place::Run(*id)),
            Deed::ShowQueue(name) => Intent::Open(Place::Queue(name.clone())),
            Deed::Revise(name) => Intent::Open(Place::Pipeline(name.clone())),
        };
        vec![intent]
    }

    fn pipeline(&self, facts: &Facts) -> Option<PipelineName> {
        match &self.subject {
            Subject::Pipeline(name) => Some(name.clone()),
            Subject::Run(run) => facts.models.runs.runs.get(run).map(|row| row.pipeline.clone()),
            Subject::Queue(name) => {
                let owns = |pipeline: &&PipelineName| flexcore_engine::id::QueueName::dead_letters_of(pipeline) == *name;
                facts.models.board.pipelines.keys().find(owns).cloned()
            }
        }
    }
}

fn say(text: &str) -> Intent {
    Intent::Say(Tone::Warn, text.into())
}

/// The action whose key does it.
fn action_of(remedy: &Remedy) -> Action {
    match remedy.deed {
        Deed::Activate(_) => Action::Activate,
        Deed::Resume(_) | Deed::Pause(_) => Action::PauseResume,
        Deed::Run(_) => Action::RunNow,
        Deed::Restore(_) => Action::Restore,
        Deed::Revise(_) => Action::GoPipeline,
        Deed::Cancel(_) => Action::CancelRun,
        Deed::Retry(_) => Action::RetryRun,
        Deed::ShowRun(_) => Action::FailureNext,
        Deed::ShowQueue(_) => Action::DeadLetters,
    }
}

impl Screen for WhyScreen {
    fn place(&self) -> Option<Place> {
        Some(Place::Why(self.subject.clone()))
    }

    fn title(&self, facts: &Facts) -> String {
        match &self.subject {
            Subject::Pipeline(name) => format!("why {name}"),
            Subject::Run(run) => match facts.models.runs.runs.get(run) {
                Some(row) => format!("why {} #{}", row.pipeline, row.number),
                None => format!("why run {}", run.short()),
            },
            Subject::Queue(name) => format!("why {name}"),
        }
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Why, Scope::List]
    }

    fn update(&mut self, input: Input<'_>, facts: &Facts) -> Vec<Intent> {
        match input {
            Input::Opened | Input::Moved => self.ask(facts),
            Input::Action(action) => self.action(action, facts),
            Input::Answer(answer) => self.answer(answer, facts),
            Input::Tick if !facts.is_past && self.is_old(facts) => self.ask(facts),
            Input::Facts if facts.is_past => self.ask(facts),
            Input::Facts | Input::Tick | Input::Filter(_) | Input::Key(_) | Input::Paste(_) => Vec::new(),
        }
    }

    fn view(&self, facts: &Facts, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
        view::view(self, facts, *theme, area, frame.buffer_mut());
    }
}
