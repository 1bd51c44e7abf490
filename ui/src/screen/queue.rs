//! One queue: how full, how fast, since when; what waits, who has what, and what failed for good.

mod act;
mod dead;
mod head;
mod messages;

use flexcore_engine::{
    id::{MessageId, PipelineName, QueueName},
    port::queue::{Peek, PeekedMessage, QueueStats},
};
use ratatui::{Frame, layout::Rect};

use super::{Filters, Input, Place, Screen, moving, parts};
use crate::{
    effect::{Answer, Intent, Question, Tone},
    keymap::{Action, Scope},
    link::LinkError,
    model::{facts::Facts, filter::RowFilter},
    theme::Theme,
    widget::{Window, ink::Ink, json_tree::JsonTree},
};
use dead::Trial;

/// The most messages looked at; the footer of the list says when there are more.
pub(super) const PEEK_MAX: usize = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Messages,
    Leases,
    Dead,
}

const TABS: [Tab; 3] = [Tab::Messages, Tab::Leases, Tab::Dead];

impl Tab {
    fn peek(self) -> Peek {
        match self {
            Self::Messages => Peek::Waiting,
            Self::Leases => Peek::Leased,
            Self::Dead => Peek::Dead,
        }
    }
}

/// One queue.
pub(super) struct QueueScreen {
    name: QueueName,
    tab: usize,
    /// What was last seen of the tab that is shown; `None`: not asked yet.
    messages: Option<Vec<PeekedMessage>>,
    /// Of which tab the last question was: an answer to another is old.
    asked: Vec<usize>,
    window: Window,
    marked: Vec<MessageId>,
    /// The body of the message under the cursor.
    body: JsonTree,
    body_of: Option<(MessageId, usize)>,
    /// Keys go to the body.
    in_body: bool,
    /// A dead letter that is tried on the current revision.
    trial: Option<Trial>,
    /// The dead letter that is in the editor.
    editing: Option<MessageId>,
    /// A text that is not JSON yet, for the next time in the editor.
    edited: Option<(MessageId, String)>,
    filter: RowFilter,
}

impl QueueScreen {
    /// The screen of a queue.
    pub(super) fn new(name: QueueName) -> Self {
        // A dead-letter queue is opened for its dead letters.
        let tab = if name.as_str().strip_suffix(".dead").is_some() { 2 } else { 0 };
        Self {
            name,
            tab,
            messages: None,
            asked: Vec::new(),
            window: Window::default(),
            marked: Vec::new(),
            body: JsonTree::default(),
            body_of: None,
            in_body: false,
            trial: None,
            editing: None,
            edited: None,
            filter: RowFilter::default(),
        }
    }

    fn stats<'a>(&self, facts: &'a Facts) -> Option<&'a QueueStats> {
        facts.vitals.as_ref()?.queues.iter().find(|(name, _)| *name == self.name).map(|(_, stats)| stats)
    }

    /// The pipeline whose dead letters these are.
    fn pipeline(&self, facts: &Facts) -> Option<PipelineName> {
        let head = self.name.as_str().strip_suffix(".dead")?;
        let known = facts.models.board.pipelines.keys().find(|name| QueueName::dead_letters_of(name) == self.name);
        known.cloned().or_else(|| PipelineName::new(head).ok())
    }

    fn ask(&mut self) -> Intent {
        self.asked.push(self.tab);
        Intent::Ask(Question::Peek { queue: self.name.clone(), which: TABS[self.tab].peek(), offset: 0, max: PEEK_MAX })
    }

    fn go_to(&mut self, tab: usize) -> Vec<Intent> {
        if tab >= TABS.len() {
            return Vec::new();
        }
        if tab != self.tab {
            (self.tab, self.messages, self.in_body) = (tab, None, false);
            self.window.top();
            self.marked.clear();
        }
        self.trial = None;
        vec![self.ask()]
    }

    /// Messages that pass the filter.
    fn shown(&self) -> Vec<&PeekedMessage> {
        let mut sieve = self.filter.sieve();
        self.messages.iter().flatten().filter(|message| sieve.passes_made(|| messages::text_of(message))).collect()
    }

    fn selected(&self) -> Option<&PeekedMessage> {
        let shown = self.shown();
        self.window.selected(shown.len()).map(|index| shown[index])
    }

    /// The body follows the cursor.
    fn refresh_body(&mut self) {
        let now = self.selected().map(|message| ((message.id, message.body.len()), message.body.clone()));
        if now.as_ref().map(|(key, _)| *key) != self.body_of {
            self.body_of = now.as_ref().map(|(key, _)| *key);
            self.body = now.map_or_else(JsonTree::default, |(_, body)| JsonTree::new(body));
        }
    }

    fn action(&mut self, action: Action, facts: &Facts) -> Vec<Intent> {
        match action {
            Action::TabNext | Action::FocusNext => self.go_to(parts::turned(self.tab, 1, TABS.len())),
            Action::TabPrevious | Action::FocusPrevious => self.go_to(parts::turned(self.tab, -1, TABS.len())),
            Action::Pane1 => self.go_to(0),
            Action::Pane2 => self.go_to(1),
            Action::Pane3 => self.go_to(2),
            action => {
                if let Some(intents) = self.moves(action) {
                    self.refresh_body();
                    return intents;
                }
                self.act(action, facts)
            }
        }
    }

    fn moves(&mut self, action: Action) -> Option<Vec<Intent>> {
        if let Some(trial) = &mut self.trial {
            return trial.moves(action);
        }
        if self.in_body {
            if action == Action::Open {
                self.in_body = false;
                return Some(Vec::new());
            }
            return moving::climb(action, &mut self.body);
        }
        let len = self.shown().len();
        if moving::walk(action, &mut self.window, len) {
            return Some(Vec::new());
        }
        match action {
            Action::Open | Action::Right => self.in_body = len > 0,
            Action::Mark => self.mark(),
            Action::MarkAll => self.mark_all(),
            _ => return None,
        }
        Some(Vec::new())
    }

    fn mark(&mut self) {
        let Some(id) = self.selected().map(|message| message.id) else { return };
        if let Some(place) = self.marked.iter().position(|marked| *marked == id) {
            self.marked.remove(place);
        } else {
            self.marked.push(id);
        }
        let len = self.shown().len();
        self.window.step(1, len);
    }

    fn mark_all(&mut self) {
        let all: Vec<MessageId> = self.shown().iter().map(|message| message.id).collect();
        self.marked = if self.marked.len() == all.len() { Vec::new() } else { all };
    }

    fn answer(&mut self, answer: Answer, facts: &Facts) -> Vec<Intent> {
        match answer {
            Answer::Peek(result) => {
                let of = if self.asked.is_empty() { self.tab } else { self.asked.remove(0) };
                if of != self.tab {
                    return Vec::new();
                }
                match result {
                    Ok(messages) => self.take(messages),
                    // The head says that it holds nothing yet.
                    Err(LinkError::Refused(_)) if self.stats(facts).is_none() => self.take(Vec::new()),
                    Err(error) => return vec![Intent::Say(Tone::Warn, error.to_string())],
                }
                Vec::new()
            }
            Answer::Submitted(_) => {
                self.marked.clear();
                vec![self.ask()]
            }
            answer => self.take_trial(answer),
        }
    }

    /// Messages are no events: of the past there are none to show.
    fn moved(&mut self, facts: &Facts) -> Vec<Intent> {
        (self.in_body, self.trial) = (false, None);
        if !facts.is_past {
            return vec![self.ask()];
        }
        self.take(Vec::new());
        Vec::new()
    }

    fn take(&mut self, messages: Vec<PeekedMessage>) {
        self.marked.retain(|marked| messages.iter().any(|message| message.id == *marked));
        self.messages = Some(messages);
        self.refresh_body();
    }
}

impl Screen for QueueScreen {
    fn place(&self) -> Option<Place> {
        Some(Place::Queue(self.name.clone()))
    }

    fn title(&self, _: &Facts) -> String {
        format!("queue {}", self.name)
    }

    fn scopes(&self) -> &'static [Scope] {
        if self.in_body || self.trial.is_some() {
            &[Scope::Queue, Scope::Tree, Scope::List]
        } else {
            &[Scope::Queue, Scope::List]
        }
    }

    fn close(&mut self) -> Option<Vec<Intent>> {
        if let Some(trial) = &mut self.trial {
            if !trial.close() {
                self.trial = None;
            }
            return Some(Vec::new());
        }
        std::mem::take(&mut self.in_body).then(Vec::new)
    }

    fn filters(&self) -> Filters {
        if self.in_body { Filters::Text } else { Filters::Rows }
    }

    fn update(&mut self, input: Input<'_>, facts: &Facts) -> Vec<Intent> {
        match input {
            Input::Opened => vec![self.ask()],
            Input::Action(action) => self.action(action, facts),
            Input::Filter(wanted) => {
                if self.in_body {
                    self.body.search(wanted.text());
                } else {
                    self.filter = wanted;
                    self.refresh_body();
                }
                Vec::new()
            }
            Input::Answer(answer) => self.answer(answer, facts),
            // A question that is not answered is not asked again: a slow engine must not be asked ever more.
            Input::Moved => self.moved(facts),
            Input::Tick if self.asked.is_empty() => vec![self.ask()],
            Input::Tick | Input::Facts | Input::Key(_) | Input::Paste(_) => Vec::new(),
        }
    }

    fn view(&self, facts: &Facts, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
        let theme = *theme;
        let look = theme.look();
        let buffer = frame.buffer_mut();
        if facts.is_past {
            return head::view_past(&self.name, facts, theme, area, buffer);
        }
        let stats = self.stats(facts);
        let head = head::lines(self, stats, facts, theme, area.width);
        let (top, rest) = parts::above(area, head.len() as u16 + 1);
        let mut ink = Ink::new(buffer, top);
        let next = parts::lines(&mut ink, 0, 1, &head);
        parts::tabs(&mut ink, next, &head::tab_names(stats), self.tab, &look);
        match &self.trial {
            Some(trial) => trial.view(theme, rest, buffer),
            None => self.view_messages(facts, theme, rest, buffer),
        }
    }
}
