//! The list of messages, leases or dead letters, and the body of the one under the cursor. Looking changes nothing.

use flexcore_engine::port::queue::{MessageState, PeekedMessage};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::{PEEK_MAX, QueueScreen, TABS, Tab};
use crate::{
    model::facts::Facts,
    screen::parts,
    theme::Theme,
    widget::{
        Look, figures,
        ink::Ink,
        safe_text,
        table::{Column, Row, Table},
    },
};

/// What a filter looks at: body, error and origin.
pub(super) fn text_of(message: &PeekedMessage) -> String {
    let body = String::from_utf8_lossy(&message.body);
    match &message.state {
        MessageState::Dead { error, origin, .. } => {
            let step = origin.as_ref().map_or("", |origin| origin.step.as_str());
            format!("{error} {step} {body}")
        }
        MessageState::Leased { by, .. } => format!("{by} {body}"),
        MessageState::Ready | MessageState::Delayed { .. } => body.into_owned(),
    }
}

const MESSAGES: [Column; 5] = [
    Column::number("AGE", 5, 9),
    Column::text("STATE", 14, 8),
    Column::number("PRIO", 4, 4),
    Column::number("TRIES", 5, 5),
    Column::wide("BODY", 12, 1, 7),
];
const LEASES: [Column; 5] = [
    Column::number("AGE", 5, 5),
    Column::wide("BY", 16, 1, 9),
    Column::text("ENDS", 10, 8),
    Column::number("TRIES", 5, 6),
    Column::wide("BODY", 12, 2, 7),
];
const DEAD: [Column; 4] =
    [Column::number("AGE", 5, 7), Column::text("STEP", 12, 6), Column::wide("ERROR", 20, 2, 9), Column::wide("FROM", 14, 1, 4)];

impl QueueScreen {
    pub(super) fn view_messages(&self, facts: &Facts, theme: Theme, area: Rect, buffer: &mut Buffer) {
        let look = theme.look();
        let (list, body) =
            if area.width >= 110 { parts::beside(area, area.width / 2) } else { parts::above(area, (area.height / 2).max(4)) };
        let shown = self.shown();
        let inside = parts::framed(buffer, list, theme, &self.list_title(shown.len()), !self.in_body);
        let columns: &[Column] = match TABS[self.tab] {
            Tab::Messages => &MESSAGES,
            Tab::Leases => &LEASES,
            Tab::Dead => &DEAD,
        };
        let table = Table { look: &look, columns, focused: !self.in_body, empty: self.empty() };
        table.render(buffer, inside, &self.window, shown.len(), |index| {
            let message = shown[index];
            row(message, facts, &look).marked(self.marked.contains(&message.id))
        });
        self.view_body(facts, theme, body, buffer);
    }

    fn list_title(&self, shown: usize) -> String {
        let what = match TABS[self.tab] {
            Tab::Messages => "Waiting",
            Tab::Leases => "Leased",
            Tab::Dead => "Dead letters",
        };
        let more = if self.messages.as_ref().is_some_and(|messages| messages.len() >= PEEK_MAX) { " (the first)" } else { "" };
        let marked = if self.marked.is_empty() { String::new() } else { format!(", {} marked", self.marked.len()) };
        format!("{what} {shown}{more}{marked}{}", self.filter.suffix())
    }

    fn empty(&self) -> &'static str {
        match (&self.messages, TABS[self.tab]) {
            (None, _) => "looking",
            (Some(all), _) if !all.is_empty() => "nothing passes the filter: esc clears it",
            (_, Tab::Messages) => "nothing waits: a sends a message",
            (_, Tab::Leases) => "nobody has a message now",
            (_, Tab::Dead) => "no dead letters: everything that came in went through",
        }
    }

    fn view_body(&self, facts: &Facts, theme: Theme, area: Rect, buffer: &mut Buffer) {
        let look = theme.look();
        let Some(message) = self.selected() else {
            parts::framed(buffer, area, theme, "Body", false);
            return;
        };
        let title = format!("Body {} of {}", figures::bytes(message.body.len() as u64), message.id.short());
        let inside = parts::framed(buffer, area, theme, &title, self.in_body);
        let about = about(message, facts, &look);
        let (top, rest) = parts::above(inside, (about.len() as u16).min(inside.height / 2));
        parts::lines(&mut Ink::new(buffer, top), 0, 1, &about);
        self.body.render(buffer, rest, &look, self.in_body);
    }
}

fn row(message: &PeekedMessage, facts: &Facts, look: &Look) -> Row<'static> {
    let body = safe_text::safe_bytes(&message.body[..message.body.len().min(400)]);
    let tries = message.deliveries.to_string();
    let age = figures::age(facts.now, message.sent_at);
    match &message.state {
        MessageState::Ready => Row::new()
            .cell(age, look.text)
            .cell("ready", look.text)
            .cell(message.priority.to_string(), look.dim)
            .cell(tries, look.dim)
            .cell(body, look.text),
        MessageState::Delayed { until } => Row::new()
            .cell(age, look.text)
            .cell(figures::until(facts.now, *until), look.dim)
            .cell(message.priority.to_string(), look.dim)
            .cell(tries, look.dim)
            .cell(body, look.text),
        MessageState::Leased { until, by } => Row::new()
            .cell(age, look.dim)
            .cell(by.clone(), look.accent)
            .cell(figures::until(facts.now, *until), look.text)
            .cell(tries, look.dim)
            .cell(body, look.text),
        MessageState::Dead { at, error, origin } => {
            let (step, source) = origin.as_ref().map_or(("", ""), |origin| (origin.step.as_str(), origin.source.as_str()));
            Row::new()
                .cell(figures::age(facts.now, *at), look.text)
                .cell(step.to_owned(), look.accent)
                .cell(error.clone(), look.bad)
                .cell(source.to_owned(), look.dim)
        }
    }
}

/// Why a dead letter is one, and where it comes from.
fn about(message: &PeekedMessage, facts: &Facts, look: &Look) -> Vec<Line<'static>> {
    let MessageState::Dead { at, error, origin } = &message.state else { return Vec::new() };
    let mut lines = vec![Line::from(Span::styled(error.clone(), look.bad))];
    if let Some(origin) = origin {
        let run = origin.run.get(origin.run.len().saturating_sub(8)..).unwrap_or(&origin.run);
        let revision = origin.revision.get(..8).unwrap_or(&origin.revision);
        lines.push(parts::pairs(
            [
                ("step", origin.step.clone()),
                ("run", run.to_owned()),
                ("revision", revision.to_owned()),
                ("from", origin.source.clone()),
            ],
            look,
        ));
    }
    let when = format!("{} ({})", figures::moment(*at), figures::ago(facts.now, *at));
    lines.push(parts::pairs([("died", when), ("tries", message.deliveries.to_string())], look));
    lines
}
