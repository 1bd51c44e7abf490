//! Drill-downs. A screen is a struct with its own state in `screen/<name>.rs`; it is plugged in by a variant of [`Place`] and
//! an arm of [`open`]. The overview is not one of them: it is always there, below everything.

mod alerts;
mod create;
mod draft;
mod dry;
mod event;
mod form_sheet;
mod health;
mod moving;
mod parts;
mod pipeline;
mod queue;
mod run;
mod run_with;
mod why;

use flexcore_engine::{
    id::{PipelineName, Position, QueueName, RunId},
    projection::why::Subject,
};
use ratatui::{Frame, layout::Rect};

use crate::{
    effect::{Answer, Intent},
    keymap::{Action, Scope},
    model::{facts::Facts, filter::RowFilter},
    terminal::key::Key,
    theme::Theme,
};

/// Where one can be: what history, breadcrumbs and the palette remember. It holds names, never state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The four panes.
    Overview,
    /// One pipeline.
    Pipeline(PipelineName),
    /// One run.
    Run(RunId),
    /// One event.
    Event(Position),
    /// One queue.
    Queue(QueueName),
    /// Why something is as it is.
    Why(Subject),
    /// Checks, process, history.
    Health,
    /// What somebody should look at.
    Alerts,
    /// A new pipeline.
    Create,
    /// The parameters of a run to start.
    RunWith(PipelineName),
}

/// What reaches a screen.
pub enum Input<'a> {
    /// It was just opened: the moment to ask for what it needs.
    Opened,
    /// A key or the palette, by the table, in one of the screen's scopes.
    Action(Action),
    /// A key while [`Screen::types_text`]; `esc` too.
    Key(Key),
    /// Pasted text while [`Screen::types_text`].
    Paste(&'a str),
    /// The filter changed. Where [`Screen::filters`] says [`Filters::Text`] its text is what to look for.
    Filter(RowFilter),
    /// An answer to what it asked.
    Answer(Answer),
    /// Events or figures came: the facts are newer. At most ten times a second.
    Facts,
    /// The facts are those of another moment, not only newer: a point of the past, or the present again.
    Moved,
    /// A second has passed: the moment to ask again for what is only to be had by asking.
    Tick,
}

/// What `/` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filters {
    /// Keeps the rows that pass.
    Rows,
    /// Goes to where a text is.
    Text,
    /// Nothing: all there is to see is seen.
    Nothing,
}

/// One drill-down, form or sheet.
pub trait Screen: Send {
    /// Where this is; `None` for a sheet that has no name, which history does not remember.
    fn place(&self) -> Option<Place>;

    /// Its part of the breadcrumbs.
    fn title(&self, facts: &Facts) -> String;

    /// Which bindings hold, innermost first. [`Scope::Global`] always holds and need not be named.
    fn scopes(&self) -> &'static [Scope];

    /// Whether keys are text now, such as in a form: then they come as [`Input::Key`] instead of by the table.
    fn types_text(&self) -> bool {
        false
    }

    /// What `/` does here, now.
    fn filters(&self) -> Filters {
        Filters::Nothing
    }

    /// For a sheet: the columns and rows that it wants; it is drawn in the middle, over what is below. `None`: the whole
    /// screen between header and footer.
    fn sheet_size(&self) -> Option<(u16, u16)> {
        None
    }

    /// Closes what is open within it, such as the part that has the focus, or holds on to what would be lost, and says so.
    /// `None`: nothing of the kind, so it is left itself.
    fn close(&mut self) -> Option<Vec<Intent>> {
        None
    }

    /// Takes an input, says what it wants.
    fn update(&mut self, input: Input<'_>, facts: &Facts) -> Vec<Intent>;

    /// Draws into an area, which may be as small as nothing. Only reads.
    fn view(&self, facts: &Facts, theme: &Theme, area: Rect, frame: &mut Frame<'_>);
}

/// The screen of a place. `None`: the overview, or a place that has no screen.
pub fn open(place: &Place) -> Option<Box<dyn Screen>> {
    match place {
        Place::Pipeline(name) => Some(Box::new(pipeline::PipelineScreen::new(name.clone()))),
        Place::RunWith(name) => Some(Box::new(run_with::RunWith::new(name.clone()))),
        Place::Run(id) => Some(Box::new(run::RunScreen::new(*id))),
        Place::Event(position) => Some(Box::new(event::EventScreen::new(*position))),
        Place::Queue(name) => Some(Box::new(queue::QueueScreen::new(name.clone()))),
        Place::Why(subject) => Some(Box::new(why::WhyScreen::new(subject.clone()))),
        Place::Health => Some(Box::<health::HealthScreen>::default()),
        Place::Alerts => Some(Box::<alerts::AlertsScreen>::default()),
        Place::Create => Some(Box::<create::CreateScreen>::default()),
        Place::Overview => None,
    }
}

#[cfg(test)]
mod tests;
