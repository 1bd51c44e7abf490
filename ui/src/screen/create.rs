//! A new pipeline: choose a template, write it in the editor, mend its mistakes, try it on samples, save it as a draft or
//! activate it.

use flexcore_engine::{command::PipelineCommand, pipeline::Definition};
use ratatui::{Frame, buffer::Buffer, layout::Rect};

use super::{
    Filters, Input, Place, Screen,
    draft::{Draft, Stage},
    dry::DryView,
    moving, parts,
};
use crate::{
    effect::{Answer, Change, Intent, Question, Tone},
    keymap::{Action, Scope},
    link::{Checked, Template},
    model::{
        ask,
        facts::Facts,
        sheet::{Confirmation, Grade},
    },
    theme::Theme,
    widget::{
        Window,
        ink::Ink,
        table::{Column, Row, Table},
        text_view::TextView,
    },
};

/// A pipeline in the making.
#[derive(Default)]
pub(super) struct CreateScreen {
    templates: Option<Vec<Template>>,
    window: Window,
    draft: Option<Draft>,
    mistakes: Window,
    preview: TextView,
    dry: Option<DryView>,
    /// What was confirmed is being done: leave when it succeeded.
    saving: bool,
    /// Leaving was asked once while the text is kept nowhere.
    leaving: bool,
}

impl CreateScreen {
    fn template(&self) -> Option<&Template> {
        let templates = self.templates.as_ref()?;
        self.window.selected(templates.len()).map(|index| &templates[index])
    }

    fn refresh_preview(&mut self) {
        let text = match (&self.draft, self.template()) {
            (Some(draft), _) => &draft.text,
            (None, Some(template)) => &template.text,
            (None, None) => return,
        };
        self.preview = TextView::yaml(text);
    }

    fn edit(&mut self) -> Vec<Intent> {
        if self.draft.is_none() {
            let Some(template) = self.template() else { return Vec::new() };
            self.draft = Some(Draft::new("new.pipeline.yaml".into(), template.text.clone(), None));
        }
        self.dry = None;
        self.draft.iter().map(Draft::edit).collect()
    }

    fn checked(&self) -> Result<(&Draft, &Checked), Box<Intent>> {
        let say = |text: &str| Box::new(Intent::Say(Tone::Warn, text.into()));
        match self.draft.as_ref() {
            None => Err(say("choose a template first: enter opens it in your editor")),
            Some(draft) => match &draft.stage {
                Stage::Good(checked) => Ok((draft, checked)),
                Stage::Mistaken(mistakes) => Err(say(&format!("{} mistake(s) to mend first: e edits again", mistakes.len()))),
                Stage::Checking => Err(say("the check has not answered yet")),
                Stage::Unchecked => Err(say("it is not checked yet: c checks it")),
            },
        }
    }

    fn dry_run(&mut self) -> Vec<Intent> {
        match self.checked() {
            Ok((_, checked)) => {
                let params = defaults(&checked.definition);
                let question = Question::DryRun { checked: checked.clone(), params };
                self.dry = Some(DryView::default());
                vec![Intent::Ask(question)]
            }
            Err(why) => vec![*why],
        }
    }

    /// Asks whether it shall be saved, and perhaps activated.
    fn save(&mut self, activate: bool, facts: &Facts) -> Vec<Intent> {
        let (draft, checked) = match self.checked() {
            Ok(both) => both,
            Err(why) => return vec![*why],
        };
        let name = checked.definition.name.clone();
        if facts.models.board.pipelines.contains_key(&name) {
            let text = format!("there is a pipeline `{name}` already: e changes the name, or open it and press E");
            return vec![Intent::Say(Tone::Warn, text)];
        }
        let create = PipelineCommand::Create {
            revision: checked.revision,
            definition: checked.definition.clone(),
            source: draft.source(checked),
        };
        let mut changes = vec![Change::pipeline(&name, create)];
        let steps = checked.definition.steps.len();
        let mut effects = vec![format!("pipeline {name} with {steps} steps, as a draft: its triggers start nothing")];
        if activate {
            changes.push(Change::pipeline(&name, PipelineCommand::Activate));
            effects = vec![format!("pipeline {name} with {steps} steps"), ask::starts(&checked.definition)];
        }
        let title = if activate { format!("Create and activate {name}") } else { format!("Create {name}") };
        self.saving = true;
        vec![Intent::Confirm(Confirmation { title, effects, grade: Grade::Yes, changes })]
    }

    fn action(&mut self, action: Action, facts: &Facts) -> Vec<Intent> {
        match action {
            Action::Edit => self.edit(),
            Action::Open if self.draft.is_none() => self.edit(),
            Action::Check => self.draft.as_mut().map(Draft::check).into_iter().collect(),
            Action::DryRun => self.dry_run(),
            Action::Save => self.save(false, facts),
            Action::Activate => self.save(true, facts),
            action => self.moves(action),
        }
    }

    fn moves(&mut self, action: Action) -> Vec<Intent> {
        if let Some(dry) = &mut self.dry {
            return dry.act(action).unwrap_or_default();
        }
        match &self.draft {
            None => {
                let len = self.templates.as_ref().map_or(0, Vec::len);
                if moving::walk(action, &mut self.window, len) {
                    self.refresh_preview();
                }
            }
            Some(Draft { stage: Stage::Mistaken(mistakes), .. }) => {
                let len = mistakes.len();
                moving::walk(action, &mut self.mistakes, len);
            }
            Some(_) => {
                moving::scroll(action, &mut self.preview);
            }
        }
        Vec::new()
    }

    fn answer(&mut self, answer: &Answer) -> Vec<Intent> {
        match answer {
            Answer::Templates(templates) => {
                self.templates = Some(templates.clone());
                self.refresh_preview();
                Vec::new()
            }
            Answer::DryRun(result) => {
                if let Some(dry) = &mut self.dry {
                    dry.take(result.clone().map_err(|error| error.to_string()));
                }
                Vec::new()
            }
            Answer::Submitted(results) => self.submitted(results),
            answer => {
                let intents = self.draft.as_mut().and_then(|draft| draft.take(answer)).unwrap_or_default();
                self.mistakes.top();
                self.refresh_preview();
                intents
            }
        }
    }

    /// What was created is opened; the text stays here when it was refused.
    fn submitted(&mut self, results: &[Result<String, String>]) -> Vec<Intent> {
        let created = std::mem::take(&mut self.saving) && results.first().is_some_and(Result::is_ok);
        match self.checked() {
            Ok((_, checked)) if created => vec![Intent::Back, Intent::Open(Place::Pipeline(checked.definition.name.clone()))],
            _ => Vec::new(),
        }
    }

    fn view_templates(&self, theme: Theme, area: Rect, buffer: &mut Buffer) {
        const COLUMNS: [Column; 2] = [Column::wide("TEMPLATE", 18, 1, 9), Column::wide("", 20, 2, 5)];
        let look = theme.look();
        let (left, right) =
            if area.width >= 100 { parts::beside(area, area.width / 2) } else { parts::above(area, area.height / 2) };
        let inside = parts::framed(buffer, left, theme, "New pipeline: enter opens the template in your editor", true);
        let templates = self.templates.as_deref().unwrap_or_default();
        let empty = if self.templates.is_some() { "this engine offers no templates" } else { "asking for templates" };
        let table = Table { look: &look, columns: &COLUMNS, focused: true, empty };
        table.render(buffer, inside, &self.window, templates.len(), |index| {
            Row::new().cell(templates[index].name.as_str(), look.text).cell(templates[index].summary.as_str(), look.dim)
        });
        let inside = parts::framed(buffer, right, theme, "What it begins with", false);
        self.preview.render(buffer, inside, &look);
    }

    fn view_draft(&self, draft: &Draft, theme: Theme, area: Rect, buffer: &mut Buffer) {
        let look = theme.look();
        let (top, rest) = parts::above(area, 1);
        let (text, style) = match &draft.stage {
            Stage::Unchecked => ("not checked yet: c checks it, e edits it".to_owned(), look.dim),
            Stage::Checking => ("checking".to_owned(), look.dim),
            Stage::Mistaken(mistakes) => (format!("{} mistake(s): e edits again", mistakes.len()), look.bad),
            Stage::Good(checked) => {
                let name = &checked.definition.name;
                (format!("{name}: no mistakes   d tries it   w saves a draft   a activates   e edits"), look.good)
            }
        };
        Ink::new(buffer, top).text(1, 0, &text, style);
        if let Stage::Mistaken(mistakes) = &draft.stage {
            let inside = parts::framed(buffer, rest, theme, "Mistakes", true);
            return draft.render_mistakes(buffer, inside, &look, self.mistakes.selected(mistakes.len()).unwrap_or(0));
        }
        if let Some(dry) = self.dry.as_ref() {
            return dry.view("Tried on samples", theme, rest, buffer);
        }
        let inside = parts::framed(buffer, rest, theme, &draft.file, true);
        self.preview.render(buffer, inside, &look);
    }
}

/// Parameters that have a default.
fn defaults(definition: &Definition) -> serde_json::Map<String, serde_json::Value> {
    let given = definition.params.iter().filter_map(|(name, param)| Some((name.clone(), param.default.clone()?)));
    given.collect()
}

impl Screen for CreateScreen {
    fn place(&self) -> Option<Place> {
        Some(Place::Create)
    }

    fn title(&self, _: &Facts) -> String {
        "new pipeline".into()
    }

    fn scopes(&self) -> &'static [Scope] {
        if self.dry.as_ref().is_some_and(DryView::has_steps) {
            &[Scope::Create, Scope::Tree, Scope::List]
        } else {
            &[Scope::Create, Scope::List]
        }
    }

    fn close(&mut self) -> Option<Vec<Intent>> {
        if let Some(dry) = &mut self.dry {
            if !dry.close() {
                self.dry = None;
            }
            return Some(Vec::new());
        }
        if self.draft.is_none() || std::mem::replace(&mut self.leaving, true) {
            return None;
        }
        Some(vec![Intent::Say(Tone::Warn, "this text is kept nowhere: w saves it as a draft; again leaves and drops it".into())])
    }

    fn filters(&self) -> Filters {
        Filters::Text
    }

    fn update(&mut self, input: Input<'_>, facts: &Facts) -> Vec<Intent> {
        if matches!(input, Input::Action(_)) {
            self.leaving = false;
        }
        match input {
            Input::Opened => vec![Intent::Ask(Question::Templates)],
            Input::Action(action) => self.action(action, facts),
            Input::Filter(wanted) => {
                self.preview.search(wanted.text());
                Vec::new()
            }
            Input::Answer(answer) => self.answer(&answer),
            Input::Facts | Input::Moved | Input::Tick | Input::Key(_) | Input::Paste(_) => Vec::new(),
        }
    }

    fn view(&self, _: &Facts, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
        let theme = *theme;
        let buffer = frame.buffer_mut();
        match &self.draft {
            None => self.view_templates(theme, area, buffer),
            Some(draft) => self.view_draft(draft, theme, area, buffer),
        }
    }
}
