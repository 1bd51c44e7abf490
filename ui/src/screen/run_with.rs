//! A run by hand with parameters: the form comes from the definition, so that what is wrong is said before anything starts.

use std::collections::BTreeMap;

use flexcore_engine::{
    id::PipelineName,
    pipeline::definition::{Param, ParamFormat, ParamType},
};
use ratatui::{Frame, layout::Rect};

use super::{Input, Place, Screen, form_sheet::FormSheet};
use crate::{
    effect::{Change, Intent, Tone},
    keymap::Scope,
    model::{facts::Facts, sheet::Grade},
    theme::Theme,
    widget::form::{Field, Form, Kind},
};

/// The sheet, made when it is opened: only then the definition is at hand.
pub(super) struct RunWith {
    pipeline: PipelineName,
    sheet: FormSheet,
}

impl RunWith {
    /// The sheet of a pipeline.
    pub(super) fn new(pipeline: PipelineName) -> Self {
        let sheet = FormSheet::new(format!("Run {pipeline}"), Vec::new(), Form::default(), |_| Vec::new()).of_run(&pipeline);
        Self { pipeline, sheet }
    }

    fn open(&mut self, facts: &Facts) -> Vec<Intent> {
        let Some(row) = facts.models.board.pipelines.get(&self.pipeline) else {
            return vec![Intent::Back, Intent::Say(Tone::Warn, format!("there is no pipeline {}", self.pipeline))];
        };
        let revision = row.current();
        let effects = vec![format!("one run of revision {} ({})", revision.number, revision.revision.short())];
        let pipeline = self.pipeline.clone();
        let form = Form::new(fields(&row.definition().params));
        let run = move |params: &serde_json::Map<_, _>| vec![Change::Run { pipeline: pipeline.clone(), params: params.clone() }];
        let title = format!("Run {} with parameters", self.pipeline);
        self.sheet = FormSheet::new(title, effects, form, run).graded(Grade::of(row)).of_run(&self.pipeline);
        Vec::new()
    }
}

/// A field a parameter.
fn fields(params: &BTreeMap<String, Param>) -> Vec<Field> {
    let field = |(name, param): (&String, &Param)| {
        let kind = match (param.kind, param.format) {
            (ParamType::String, None) => Kind::Text,
            (ParamType::String, Some(ParamFormat::DateTime)) => Kind::DateTime,
            (ParamType::String, Some(ParamFormat::Date)) => Kind::Date,
            (ParamType::Number, _) => Kind::Number,
            (ParamType::Integer, _) => Kind::Integer,
            (ParamType::Boolean, _) => Kind::Boolean,
        };
        Field::new(name, kind).described(&param.description).default_value(param.default.clone()).required()
    };
    params.iter().map(field).collect()
}

impl Screen for RunWith {
    fn place(&self) -> Option<Place> {
        self.sheet.place()
    }

    fn title(&self, facts: &Facts) -> String {
        self.sheet.title(facts)
    }

    fn scopes(&self) -> &'static [Scope] {
        self.sheet.scopes()
    }

    fn types_text(&self) -> bool {
        true
    }

    fn sheet_size(&self) -> Option<(u16, u16)> {
        self.sheet.sheet_size()
    }

    fn update(&mut self, input: Input<'_>, facts: &Facts) -> Vec<Intent> {
        match input {
            Input::Opened => self.open(facts),
            input => self.sheet.update(input, facts),
        }
    }

    fn view(&self, facts: &Facts, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
        self.sheet.view(facts, theme, area, frame);
    }
}
