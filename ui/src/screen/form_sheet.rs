//! A form over a screen: what will happen, the fields, and `enter` to do it.

use flexcore_engine::id::PipelineName;
use ratatui::{Frame, layout::Rect};
use serde_json::{Map, Value};

use super::{Input, Place, Screen};
use crate::{
    effect::{Change, Intent},
    keymap::Scope,
    model::{
        facts::Facts,
        sheet::{Confirmation, Grade},
    },
    terminal::key::Code,
    theme::Theme,
    widget::{form::Form, ink::Ink, table::wrap},
};

/// The columns that a sheet wants.
const COLUMNS: u16 = 76;

/// Makes changes of what was filled in.
type Build = Box<dyn Fn(&Map<String, Value>) -> Vec<Change> + Send>;

/// A form that leads to changes.
pub(super) struct FormSheet {
    title: String,
    effects: Vec<String>,
    form: Form,
    grade: Grade,
    place: Option<Place>,
    build: Build,
}

impl FormSheet {
    /// A sheet; `build` makes changes of what was filled in.
    pub(super) fn new(
        title: impl Into<String>,
        effects: Vec<String>,
        form: Form,
        build: impl Fn(&Map<String, Value>) -> Vec<Change> + Send + 'static,
    ) -> Self {
        Self { title: title.into(), effects, form, grade: Grade::Yes, place: None, build: Box::new(build) }
    }

    /// How surely it must be meant; more than yes is asked after the form.
    pub(super) fn graded(mut self, grade: Grade) -> Self {
        self.grade = grade;
        self
    }

    /// The sheet of the parameters of a run.
    pub(super) fn of_run(mut self, pipeline: &PipelineName) -> Self {
        self.place = Some(Place::RunWith(pipeline.clone()));
        self
    }

    fn send(&mut self) -> Vec<Intent> {
        let Some(values) = self.form.values() else { return Vec::new() };
        let changes = (self.build)(&values);
        if self.grade == Grade::Yes {
            return vec![Intent::Submit(changes), Intent::Back];
        }
        let confirmation =
            Confirmation { title: self.title.clone(), effects: self.effects.clone(), grade: self.grade.clone(), changes };
        vec![Intent::Back, Intent::Confirm(confirmation)]
    }
}

impl Screen for FormSheet {
    fn place(&self) -> Option<Place> {
        self.place.clone()
    }

    fn title(&self, _: &Facts) -> String {
        self.title.clone()
    }

    fn scopes(&self) -> &'static [Scope] {
        &[]
    }

    fn types_text(&self) -> bool {
        true
    }

    fn sheet_size(&self) -> Option<(u16, u16)> {
        let effects: usize = self.effects.iter().map(|effect| wrap(effect, usize::from(COLUMNS) - 4).len()).sum();
        Some((COLUMNS, self.form.height().saturating_add(effects as u16 + 3)))
    }

    fn update(&mut self, input: Input<'_>, _: &Facts) -> Vec<Intent> {
        match input {
            Input::Key(key) if self.form.key(key) => Vec::new(),
            Input::Key(key) if key.code == Code::Enter && !key.repeat => self.send(),
            Input::Key(key) if key.code == Code::Esc => vec![Intent::Back],
            Input::Paste(text) => {
                self.form.paste(text);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn view(&self, _: &Facts, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
        let theme = *theme;
        let look = theme.look();
        let room = usize::from(area.width.saturating_sub(2)).max(1);
        let effects: Vec<String> = self.effects.iter().flat_map(|effect| wrap(effect, room)).collect();
        let mut ink = Ink::new(frame.buffer_mut(), area);
        for (row, line) in effects.iter().enumerate() {
            ink.text(1, row as u16, line, look.text);
        }
        let below = area.height.saturating_sub(2);
        let keys = if self.form.height() > 2 { "enter does it   tab next field   esc no" } else { "enter does it   esc no" };
        ink.text(1, area.height.saturating_sub(1), keys, look.dim);
        let first = effects.len() as u16 + 1;
        let fields = Rect {
            x: area.x + 1.min(area.width),
            y: area.y.saturating_add(first),
            width: area.width.saturating_sub(2),
            height: below.saturating_sub(first),
        };
        if let Some(cursor) = self.form.render(frame.buffer_mut(), fields, &look) {
            frame.set_cursor_position(cursor);
        }
    }
}
