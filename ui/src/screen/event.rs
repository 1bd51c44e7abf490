//! One event: its envelope, and its data as a tree.

use bytes::Bytes;
use flexcore_engine::{
    event::Envelope,
    id::{PipelineName, Position, QueueName},
    port::store::Filter,
    projection::{
        describe::{Severity, describe},
        why::Subject,
    },
};
use ratatui::{Frame, layout::Rect, text::Line};

use super::{Filters, Input, Place, Screen, moving, parts};
use crate::{
    effect::{Answer, Intent, Question, Tone},
    keymap::{Action, Scope},
    model::{events::EventLine, facts::Facts},
    theme::Theme,
    widget::{
        figures,
        ink::Ink,
        json_tree::JsonTree,
        text_view::{TextLine, TextView, Tone as LineTone},
    },
};

/// One event.
pub(super) struct EventScreen {
    position: Position,
    envelope: Option<Envelope>,
    tree: JsonTree,
    /// The data as it was written, when that is wanted.
    raw: Option<TextView>,
    note: String,
}

impl EventScreen {
    /// The screen of the event at a position.
    pub(super) fn new(position: Position) -> Self {
        Self { position, envelope: None, tree: JsonTree::default(), raw: None, note: "asking for the event".into() }
    }

    /// Shows what is at the position; asks for it when the console does not hold it.
    fn load(&mut self, facts: &Facts) -> Vec<Intent> {
        if let Some(line) = facts.events.get(self.position) {
            self.show(line.envelope.clone());
            return Vec::new();
        }
        let before = self.position.next();
        vec![Intent::Ask(Question::ReadBack { before, filter: Filter::default(), max: 1 })]
    }

    fn show(&mut self, envelope: Envelope) {
        self.position = envelope.position;
        self.tree = JsonTree::new(envelope.event.data.clone());
        self.raw = self.raw.take().map(|_| raw(&envelope.event.data));
        self.envelope = Some(envelope);
    }

    fn go(&mut self, position: Position, facts: &Facts) -> Vec<Intent> {
        let newest = if facts.is_past { facts.models.position } else { facts.models.position.max(self.position) };
        if position.0 == 0 || position > newest {
            let text = match (position.0, facts.is_past) {
                (0, _) => "this is the first event",
                (_, true) => "what came after is not in the past: ] goes one event on",
                (_, false) => "this is the newest event",
            };
            return vec![Intent::Say(Tone::Info, text.into())];
        }
        self.position = position;
        self.load(facts)
    }

    /// To the next failure that the console holds, or the one before.
    fn failure(&mut self, forward: bool, facts: &Facts) -> Vec<Intent> {
        let bad = |line: &&EventLine| line.description.severity == Severity::Error;
        let found = if forward {
            facts.events.iter().find(|line| line.envelope.position > self.position && bad(line))
        } else {
            facts.events.iter().rev().find(|line| line.envelope.position < self.position && bad(line))
        };
        match found.map(|line| line.envelope.position) {
            Some(position) => self.go(position, facts),
            None => vec![Intent::Say(Tone::Info, format!("no failure {} this", if forward { "after" } else { "before" }))],
        }
    }

    /// What the event is about.
    fn subject(&self) -> Option<Place> {
        let (family, name) = self.envelope.as_ref()?.stream.as_str().split_once('/')?;
        match family {
            "run" => name.parse().ok().map(Place::Run),
            "pipeline" => PipelineName::new(name).ok().map(Place::Pipeline),
            "queue" => QueueName::new(name).ok().map(Place::Queue),
            _ => None,
        }
    }

    fn action(&mut self, action: Action, facts: &Facts) -> Vec<Intent> {
        match action {
            Action::EventNext => self.go(self.position.next(), facts),
            Action::EventPrevious => self.go(Position(self.position.0.saturating_sub(1)), facts),
            Action::FailureNext => self.failure(true, facts),
            Action::FailurePrevious => self.failure(false, facts),
            Action::CorrelationSame => {
                let correlation = self.envelope.as_ref().map(|envelope| envelope.event.correlation);
                correlation.map(Intent::ShowCorrelation).into_iter().collect()
            }
            Action::AsItWas => vec![Intent::AsItWas(self.position)],
            Action::Why => match self.envelope.as_ref().and_then(Subject::of) {
                Some(subject) => vec![Intent::Open(Place::Why(subject))],
                None => vec![Intent::Say(Tone::Info, "this event is about nothing that can be asked about".into())],
            },
            Action::Open => match self.subject() {
                Some(place) => vec![Intent::Open(place)],
                None => vec![Intent::Say(Tone::Info, "this event is about nothing that has a view of its own".into())],
            },
            Action::Raw => {
                self.raw =
                    if self.raw.is_some() { None } else { self.envelope.as_ref().map(|envelope| raw(&envelope.event.data)) };
                Vec::new()
            }
            action => self.within(action),
        }
    }

    fn within(&mut self, action: Action) -> Vec<Intent> {
        if self.raw.as_mut().is_some_and(|raw| moving::scroll(action, raw)) {
            return Vec::new();
        }
        moving::climb(action, &mut self.tree).unwrap_or_default()
    }

    fn answer(&mut self, answer: &Answer) -> Vec<Intent> {
        match answer {
            Answer::ReadBack(Ok(page)) => match page.events.last() {
                Some(envelope) => self.show(envelope.clone()),
                None => self.note = "this event is no longer kept: retention dropped it".into(),
            },
            Answer::ReadBack(Err(error)) => self.note = error.to_string(),
            _ => {}
        }
        Vec::new()
    }
}

/// The data as it was written; a long line is broken.
fn raw(data: &Bytes) -> TextView {
    let text = String::from_utf8_lossy(data);
    let mut view = TextView::new(text.lines().map(|line| TextLine::new(line, LineTone::Plain)));
    view.toggle_wrap();
    view
}

fn header(envelope: &Envelope, facts: &Facts, theme: Theme) -> Vec<Line<'static>> {
    let look = theme.look();
    let event = &envelope.event;
    let description = describe(envelope);
    let at = format!("{} ({})", figures::moment(event.at), figures::ago(facts.now, event.at));
    let cause = event.cause.map_or_else(|| look.none().to_owned(), |cause| cause.to_string());
    let told = Line::styled(description.text, parts::severity(description.severity, &look));
    vec![
        told,
        parts::pairs(
            [
                ("type", event.kind.to_string()),
                ("stream", format!("{} version {}", envelope.stream, envelope.version)),
                ("position", figures::exact(envelope.position.0)),
            ],
            &look,
        ),
        parts::pairs([("at", at), ("by", event.actor.to_string()), ("id", event.id.to_string())], &look),
        parts::pairs([("correlation", event.correlation.to_string()), ("cause", cause)], &look),
    ]
}

impl Screen for EventScreen {
    fn place(&self) -> Option<Place> {
        Some(Place::Event(self.position))
    }

    fn title(&self, _: &Facts) -> String {
        format!("event {}", self.position)
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Event, Scope::Tree, Scope::List]
    }

    fn filters(&self) -> Filters {
        Filters::Text
    }

    fn update(&mut self, input: Input<'_>, facts: &Facts) -> Vec<Intent> {
        match input {
            Input::Opened => self.load(facts),
            Input::Action(action) => self.action(action, facts),
            Input::Filter(wanted) => {
                self.tree.search(wanted.text());
                Vec::new()
            }
            Input::Answer(answer) => self.answer(&answer),
            // In the past it is the event as of which everything is shown.
            Input::Facts | Input::Moved if facts.is_past && facts.models.position.0 > 0 => self.go(facts.models.position, facts),
            Input::Facts | Input::Moved | Input::Tick | Input::Key(_) | Input::Paste(_) => Vec::new(),
        }
    }

    fn view(&self, facts: &Facts, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
        let theme = *theme;
        let look = theme.look();
        let buffer = frame.buffer_mut();
        if facts.is_past && self.position > facts.models.position {
            Ink::new(buffer, area).text(1, 1, "this event had not happened yet: ] goes on, esc returns to now", look.dim);
            return;
        }
        let Some(envelope) = &self.envelope else {
            Ink::new(buffer, area).text(1, 1, &self.note, look.dim);
            return;
        };
        let head = header(envelope, facts, theme);
        let (top, rest) = parts::above(area, head.len() as u16);
        parts::lines(&mut Ink::new(buffer, top), 0, 1, &head);
        let bytes = figures::bytes(envelope.event.data.len() as u64);
        let inside = parts::framed(buffer, rest, theme, &format!("Data {bytes}"), true);
        match &self.raw {
            Some(raw) => raw.render(buffer, inside, &look),
            None => self.tree.render(buffer, inside, &look, true),
        }
    }
}
