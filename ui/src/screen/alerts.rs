//! What somebody should look at: every alert that is raised, the worst first, and those that lately were, with what was seen,
//! since when, and who silenced it for how long.

use std::cmp::Reverse;

use flexcore_engine::{
    alert::{About, AlertId, Severity},
    command::AlertCommand,
    projection::{alerts::AlertRow, why::Subject},
    unit::Duration,
};
use ratatui::{Frame, buffer::Buffer, layout::Rect, style::Style};

use super::{Filters, Input, Place, Screen, form_sheet::FormSheet, parts};
use crate::{
    effect::{Change, Intent, Tone},
    keymap::{Action, Scope},
    model::{
        facts::Facts,
        rows::Rows,
        sheet::{Confirmation, Grade},
    },
    theme::{Glyph, Role, Theme},
    widget::{
        figures,
        form::{Field, Form, Kind},
        ink::Ink,
        table::{Column, Row, Table, wrap},
    },
};

/// What the list is sorted by.
const SORTS: usize = 1;

const COLUMNS: [Column; 5] = [
    Column::text("STATE", 10, 9),
    Column::wide("ALERT", 16, 1, 8),
    Column::number("SINCE", 5, 6),
    Column::number("SILENT", 7, 5),
    Column::wide("WHAT", 20, 2, 7),
];

/// The alerts.
#[derive(Default)]
pub(super) struct AlertsScreen {
    rows: Rows<AlertId>,
}

fn row<'a>(facts: &'a Facts, id: &AlertId) -> Option<&'a AlertRow> {
    facts.models.alerts.rows.get(id)
}

impl AlertsScreen {
    fn refresh(&mut self, facts: &Facts) {
        let filter = self.rows.filter.clone();
        let mut sieve = filter.sieve();
        let all = &facts.models.alerts.rows;
        let mut passing: Vec<(&AlertId, &AlertRow)> = all
            .iter()
            .filter(|(id, row)| sieve.passes_made(|| format!("{id} {} {}", row.severity.word(), row.summary)))
            .collect();
        passing.sort_by_key(|(_, row)| (!row.raised, row.is_silenced(facts.now), Reverse(row.severity), Reverse(row.changed_at)));
        self.rows.set(passing.into_iter().map(|(id, _)| id.clone()).collect(), all.len());
    }

    fn act(&mut self, action: Action, facts: &Facts) -> Vec<Intent> {
        if self.rows.act(action, SORTS) {
            return Vec::new();
        }
        let Some(id) = self.rows.selected() else { return vec![say("there is no alert here")] };
        match action {
            Action::Open => row(facts, id).map(|row| Intent::Open(place(&row.about))).into_iter().collect(),
            Action::Why => row(facts, id).map(|row| why(&row.about)).into_iter().collect(),
            Action::Silence => vec![self.silence()],
            Action::Unsilence => vec![self.unsilence(facts)],
            Action::ShowEvents => vec![Intent::ShowEvents { filter: id.to_string() }],
            Action::CopyName => vec![Intent::Copy { what: "name", text: id.to_string() }],
            _ => Vec::new(),
        }
    }

    fn silence(&self) -> Intent {
        let meant = self.rows.targets();
        let form = Form::new(vec![
            Field::new("for", Kind::Duration).described("at most 30d").default_value(Some("1h".into())),
            Field::new("reason", Kind::Text).described("why, for the others; may stay empty"),
        ]);
        let effects = vec!["meanwhile webhooks are not told of it and the header does not count it; it stays in the list".into()];
        let sheet = FormSheet::new(format!("Silence {}", named(&meant)), effects, form, move |values| {
            let text = |key: &str| values.get(key).and_then(|value| value.as_str()).unwrap_or_default();
            let (length, reason) = (text("for").parse().unwrap_or(Duration::from_secs(3_600)), text("reason").to_owned());
            meant.iter().map(|id| Change::alert(id, AlertCommand::Silence { length, reason: reason.clone() })).collect()
        });
        Intent::Sheet(Box::new(sheet))
    }

    fn unsilence(&self, facts: &Facts) -> Intent {
        let is_silenced = |id: &AlertId| row(facts, id).is_some_and(|row| row.is_silenced(facts.now));
        let meant: Vec<AlertId> = self.rows.targets().into_iter().filter(is_silenced).collect();
        if meant.is_empty() {
            return say("it is not silenced");
        }
        let command = || AlertCommand::Silence { length: Duration::default(), reason: String::new() };
        Intent::Confirm(Confirmation {
            title: format!("End the silence of {}", named(&meant)),
            effects: vec!["webhooks are told again of what is raised or resolved from now on".into()],
            grade: Grade::Yes,
            changes: meant.iter().map(|id| Change::alert(id, command())).collect(),
        })
    }

    fn view_details(&self, facts: &Facts, theme: Theme, area: Rect, buffer: &mut Buffer) {
        let look = theme.look();
        let Some((id, row)) = self.rows.selected().and_then(|id| row(facts, id).map(|row| (id, row))) else { return };
        let inside = parts::framed(buffer, area, theme, id.as_str(), false);
        let mut ink = Ink::new(buffer, inside);
        let room = usize::from(ink.width().saturating_sub(2)).max(1);
        let seen = wrap(&row.summary, room);
        for (line, text) in seen.iter().take(2).enumerate() {
            ink.text(1, line as u16, text, state(row, facts, theme).1);
        }
        let since = if row.raised_total == 0 { "never raised".to_owned() } else { parts::when(facts.now, row.since) };
        let times = format!("{} time(s)", row.raised_total);
        let about = match &row.about {
            About::Engine => "the engine: enter shows its health".to_owned(),
            About::Pipeline(name) => format!("pipeline {name}: enter goes there"),
            About::Queue(name) => format!("queue {name}: enter goes there"),
        };
        let mut lines = vec![parts::pairs([("since", since), ("raised", times)], &look), parts::pairs([("about", about)], &look)];
        if let Some(silence) = row.silence.as_ref().filter(|_| row.is_silenced(facts.now)) {
            let until = format!("{} ({})", figures::moment(silence.until), figures::until(facts.now, silence.until));
            let by =
                if silence.reason.is_empty() { silence.by.to_string() } else { format!("{}: {}", silence.by, silence.reason) };
            lines.push(parts::pairs([("silenced until", until)], &look));
            lines.push(parts::pairs([("by", by)], &look));
        }
        parts::lines(&mut ink, seen.len().min(2) as u16, 1, &lines);
    }
}

fn say(text: &str) -> Intent {
    Intent::Say(Tone::Warn, text.into())
}

fn named(meant: &[AlertId]) -> String {
    match meant {
        [one] => one.to_string(),
        many => format!("{} alerts", many.len()),
    }
}

/// Why it is so.
fn why(about: &About) -> Intent {
    match about {
        About::Engine => say("the engine has no why: enter shows what was checked, with its evidence"),
        About::Pipeline(name) => Intent::Open(Place::Why(Subject::Pipeline(name.clone()))),
        About::Queue(name) => Intent::Open(Place::Why(Subject::Queue(name.clone()))),
    }
}

/// Where to look.
fn place(about: &About) -> Place {
    match about {
        About::Engine => Place::Health,
        About::Pipeline(name) => Place::Pipeline(name.clone()),
        About::Queue(name) => Place::Queue(name.clone()),
    }
}

fn state(row: &AlertRow, facts: &Facts, theme: Theme) -> (String, Style) {
    let (glyph, role) = match row.severity {
        _ if !row.raised => (Glyph::Done, Role::Dim),
        Severity::Critical => (Glyph::Failed, Role::Danger),
        Severity::Warning => (Glyph::Warn, Role::Warn),
        Severity::Info => (Glyph::Running, Role::Text),
    };
    let word = if row.raised { row.severity.word() } else { "quiet" };
    let role = if row.is_silenced(facts.now) { Role::Dim } else { role };
    (format!("{} {word}", theme.glyph(glyph)), theme.style(role))
}

impl Screen for AlertsScreen {
    fn place(&self) -> Option<Place> {
        Some(Place::Alerts)
    }

    fn title(&self, _: &Facts) -> String {
        "alerts".into()
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Alerts, Scope::List]
    }

    fn filters(&self) -> Filters {
        Filters::Rows
    }

    fn update(&mut self, input: Input<'_>, facts: &Facts) -> Vec<Intent> {
        match input {
            Input::Action(action) => return self.act(action, facts),
            Input::Filter(filter) => self.rows.filter = filter,
            Input::Opened | Input::Facts | Input::Moved | Input::Tick | Input::Answer(_) | Input::Key(_) | Input::Paste(_) => {}
        }
        self.refresh(facts);
        Vec::new()
    }

    fn view(&self, facts: &Facts, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
        let (theme, look) = (*theme, theme.look());
        let buffer = frame.buffer_mut();
        let details = if self.rows.keys.is_empty() || area.height < 14 { 0 } else { 8 };
        let (list, below) = parts::above(area, area.height - details);
        let raised = facts.models.alerts.raised().count();
        let filter = self.rows.filter.suffix();
        let inside = parts::framed(buffer, list, theme, &format!("Alerts {raised} raised of {}{filter}", self.rows.total), true);
        let empty = match self.rows.total {
            0 => "no alert: nothing was wrong as far as the rules look",
            _ => "nothing passes the filter",
        };
        let table = Table { look: &look, columns: &COLUMNS, focused: true, empty };
        table.render(buffer, inside, &self.rows.window, self.rows.keys.len(), |at| {
            let id = &self.rows.keys[at];
            let Some(row) = row(facts, id) else { return Row::new() };
            let (state, style) = state(row, facts, theme);
            let silence = row.silence.as_ref().filter(|_| row.is_silenced(facts.now));
            let left = silence
                .map_or_else(|| look.none().to_owned(), |silence| figures::duration(figures::between(facts.now, silence.until)));
            let since = if row.raised_total == 0 { look.none().to_owned() } else { figures::age(facts.now, row.since) };
            Row::new()
                .cell(state, style)
                .cell(id.as_str(), if row.raised { look.text } else { look.dim })
                .cell(since, look.dim)
                .cell(left, look.dim)
                .cell(row.summary.as_str(), if row.raised { look.text } else { look.dim })
                .marked(self.rows.marks.contains(id))
        });
        self.view_details(facts, theme, below, buffer);
    }
}
