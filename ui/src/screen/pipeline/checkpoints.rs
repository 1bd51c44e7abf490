//! Where a continuous pipeline stands: versions of its checkpoints, and how two of them differ: the selected one and the one
//! before it, or the marked one.

use flexcore_engine::{
    command::PipelineCommand,
    event::pipeline::CheckpointChange,
    id::StepName,
    pipeline::definition::Mode,
    projection::{
        board::PipelineRow,
        checkpoints::{CheckpointsRow, Difference, Origin, Version},
        runs::RunRow,
    },
};
use ratatui::{buffer::Buffer, layout::Rect};
use serde_json::Value;

use crate::{
    effect::{Change, Intent, Tone},
    keymap::Action,
    model::{
        facts::Facts,
        sheet::{Confirmation, Grade},
    },
    screen::{form_sheet::FormSheet, moving, parts},
    theme::Theme,
    widget::{
        Window, figures,
        form::{Field, Form, Kind},
        table::{Column, Row, Table},
    },
};

const VERSIONS: [Column; 4] =
    [Column::number("#", 5, 9), Column::number("AGE", 5, 7), Column::wide("BY", 12, 1, 6), Column::number("MOVED", 5, 4)];
const DIFFERENCES: [Column; 4] = [
    Column::wide("STEP", 10, 1, 9),
    Column::wide("STREAM", 12, 2, 6),
    Column::wide("FROM", 14, 3, 7),
    Column::wide("TO", 14, 3, 8),
];

const OF_RUN: [Column; 4] = [
    Column::wide("STEP", 10, 1, 9),
    Column::wide("STREAM", 12, 2, 7),
    Column::number("AGE", 5, 6),
    Column::wide("CURSOR", 14, 3, 8),
];

/// The most lines of a question that name what moves.
const NAMED_MAX: usize = 6;

/// The list, newest first, and the difference.
#[derive(Default)]
pub(super) struct Checkpoints {
    window: Window,
    marked: Option<u64>,
}

fn row_of<'a>(row: &PipelineRow, facts: &'a Facts) -> Option<&'a CheckpointsRow> {
    facts.models.checkpoints.pipelines.get(&row.name)
}

fn versions<'a>(row: &PipelineRow, facts: &'a Facts) -> &'a [Version] {
    row_of(row, facts).map_or(&[], |checkpoints| &checkpoints.versions)
}

/// How many there are: versions, or what the last run of a batch kept.
pub(super) fn count(row: &PipelineRow, facts: &Facts) -> usize {
    match versions(row, facts).len() {
        0 => latest(row, facts).map_or(0, |run| run.checkpoints.len()),
        versions => versions,
    }
}

/// The newest run of a batch that kept any.
fn latest<'a>(row: &PipelineRow, facts: &'a Facts) -> Option<&'a RunRow> {
    if row.definition().mode != Mode::Batch {
        return None;
    }
    let runs = facts.models.runs.runs.values().filter(|run| run.pipeline == row.name && !run.checkpoints.is_empty());
    runs.max_by_key(|run| run.number)
}

/// Why nothing can be moved now.
fn why_not(row: &PipelineRow) -> Option<String> {
    let name = &row.name;
    if row.definition().mode != Mode::Continuous {
        return Some(format!("{name} is a batch: each of its runs begins at the beginning"));
    }
    (!row.live.is_empty()).then(|| format!("{name} has {} live run(s): p pauses it first", row.live.len()))
}

impl Checkpoints {
    fn selected<'a>(&self, row: &PipelineRow, facts: &'a Facts) -> Option<&'a Version> {
        let versions = versions(row, facts);
        versions.iter().rev().nth(self.window.selected(versions.len())?)
    }

    /// Moves and marks; false: the action is for somebody else.
    pub(super) fn moves(&mut self, action: Action, row: Option<&PipelineRow>, facts: &Facts) -> bool {
        let Some(row) = row else { return false };
        if action == Action::Mark {
            let selected = self.selected(row, facts).map(|version| version.number);
            self.marked = if self.marked == selected { None } else { selected };
            return true;
        }
        let len = count(row, facts);
        moving::walk(action, &mut self.window, len)
    }

    /// The two versions that are compared, the older one first; 0 is the beginning.
    fn compared(&self, row: &PipelineRow, facts: &Facts) -> Option<(u64, u64)> {
        let selected = self.selected(row, facts)?.number;
        let known = |number: &u64| versions(row, facts).iter().any(|version| version.number == *number);
        let before = || versions(row, facts).iter().rev().map(|version| version.number).find(|number| *number < selected);
        let other = self.marked.filter(|marked| *marked != selected && known(marked)).or_else(before).unwrap_or(0);
        Some((other.min(selected), other.max(selected)))
    }

    /// Asks whether sources and sinks shall stand where they stood in the selected version.
    pub(super) fn roll_back(&self, row: &PipelineRow, facts: &Facts) -> Intent {
        if let Some(why) = why_not(row) {
            return Intent::Say(Tone::Warn, why);
        }
        let (Some(checkpoints), Some(version)) = (row_of(row, facts), self.selected(row, facts)) else {
            return Intent::Say(Tone::Info, "there is no version to go back to".into());
        };
        let (to, changes) = (version.number, checkpoints.way_back(version.number).unwrap_or_default());
        if changes.is_empty() {
            return Intent::Say(Tone::Info, format!("everything stands as in version {to} already: j, then B"));
        }
        let mut effects =
            vec![format!("the next run goes on where sources and sinks stood {}", figures::ago(facts.now, version.at))];
        effects.extend(
            changes
                .iter()
                .take(NAMED_MAX)
                .map(|CheckpointChange { step, stream, cursor }| format!("{step}, {stream}: {}", shown(cursor.as_ref()))),
        );
        if changes.len() > NAMED_MAX {
            effects.push(format!("and {} more", changes.len() - NAMED_MAX));
        }
        Intent::Confirm(Confirmation {
            title: format!("Roll the checkpoints of {} back to version {to}", row.name),
            effects,
            grade: Grade::of(row),
            changes: vec![Change::pipeline(
                &row.name,
                PipelineCommand::RollBackCheckpoints { to, changes, newest: checkpoints.newest() },
            )],
        })
    }

    /// A form for one stream, filled in with the first that the selected version moved.
    pub(super) fn set(&self, row: &PipelineRow, facts: &Facts) -> Intent {
        if let Some(why) = why_not(row) {
            return Intent::Say(Tone::Warn, why);
        }
        let first = self.selected(row, facts).and_then(|version| version.changes.first_key_value());
        let (step, stream) = first.map_or(("", ""), |((step, stream), _)| (step.as_str(), stream.as_str()));
        let cursor = first.and_then(|(_, cursor)| cursor.as_ref()).map(Value::to_string).unwrap_or_default();
        let fields = vec![
            Field::new("step", Kind::Name).described("a source or sink").required().text(step),
            Field::new("stream", Kind::Text).described("such as a file").required().text(stream),
            Field::new("cursor", Kind::Json).described("as the step writes it; empty: its beginning").text(&cursor),
        ];
        let effects = vec![
            "the next run begins there; a sink that is not set with its source gets records twice, or never".into(),
            "B on a version sets all of them together".into(),
        ];
        let name = row.name.clone();
        let sheet = FormSheet::new(format!("Set a checkpoint of {name}"), effects, Form::new(fields), move |values| {
            let text = |field: &str| values.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
            // The field takes nothing else.
            let Ok(step) = StepName::new(&text("step")) else { return Vec::new() };
            let cursor = values.get("cursor").cloned().filter(|cursor| !cursor.is_null());
            let changes = vec![CheckpointChange { step, stream: text("stream"), cursor }];
            vec![Change::pipeline(&name, PipelineCommand::SetCheckpoints { changes })]
        });
        Intent::Sheet(Box::new(sheet.graded(Grade::of(row))))
    }

    /// Draws both.
    pub(super) fn view(&self, row: &PipelineRow, facts: &Facts, theme: Theme, area: Rect, buffer: &mut Buffer) {
        let look = theme.look();
        let versions = versions(row, facts);
        if let Some(run) = latest(row, facts).filter(|_| versions.is_empty()) {
            return view_of_run(run, &self.window, facts, theme, area, buffer);
        }
        let (list, rest) = if area.width >= 100 {
            parts::beside(area, 46)
        } else {
            parts::above(area, (versions.len() as u16 + 3).min(area.height / 2).max(5))
        };
        let title = match why_not(row) {
            Some(_) => format!("Versions {}", versions.len()),
            None => format!("Versions {}: space marks, B goes back, c sets one", versions.len()),
        };
        let inside = parts::framed(buffer, list, theme, &title, true);
        let empty = match row.definition().mode {
            Mode::Batch => "a batch: each run begins at the beginning",
            Mode::Continuous => "none yet: the next run begins at the beginning",
        };
        let table = Table { look: &look, columns: &VERSIONS, focused: true, empty };
        let len = versions.len();
        table.render(buffer, inside, &self.window, len, |index| {
            let version = &versions[len - 1 - index];
            Row::new()
                .cell(version.number.to_string(), look.text)
                .cell(figures::age(facts.now, version.at), look.text)
                .cell(made_by(version), if matches!(version.origin, Origin::Run { .. }) { look.dim } else { look.text })
                .cell(version.changes.len().to_string(), look.dim)
                .marked(self.marked == Some(version.number))
        });
        self.view_difference(row, facts, theme, rest, buffer);
    }

    fn view_difference(&self, row: &PipelineRow, facts: &Facts, theme: Theme, area: Rect, buffer: &mut Buffer) {
        let look = theme.look();
        let compared = self.compared(row, facts);
        let differences = compared.and_then(|(from, to)| row_of(row, facts)?.difference(from, to)).unwrap_or_default();
        let title = match compared {
            None => "Difference".to_owned(),
            Some((0, to)) => format!("From the beginning to version {to}"),
            Some((from, to)) => format!("From version {from} to {to}"),
        };
        let inside = parts::framed(buffer, area, theme, &title, false);
        let table = Table { look: &look, columns: &DIFFERENCES, focused: false, empty: "no difference" };
        table.render(buffer, inside, &Window::default(), differences.len(), |index| {
            let Difference { step, stream, from, to } = &differences[index];
            Row::new()
                .cell(step.to_string(), look.text)
                .cell(stream.as_str(), look.text)
                .cell(shown(from.as_ref()), look.dim)
                .cell(shown(to.as_ref()), look.text)
        });
    }
}

/// What a batch's last run kept: each run has its own.
fn view_of_run(run: &RunRow, window: &Window, facts: &Facts, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let look = theme.look();
    let title =
        format!("Checkpoints as of run #{}, which is {}: the next run begins at the beginning", run.number, run.state.word());
    let inside = parts::framed(buffer, area, theme, &title, true);
    let table = Table { look: &look, columns: &OF_RUN, focused: true, empty: "none" };
    let rows: Vec<_> = run.checkpoints.iter().collect();
    table.render(buffer, inside, window, rows.len(), |index| {
        let ((step, stream), checkpoint) = rows[index];
        Row::new()
            .cell(step.to_string(), look.text)
            .cell(stream.as_str(), look.text)
            .cell(figures::age(facts.now, checkpoint.at), look.dim)
            .cell(checkpoint.cursor.to_string(), look.text)
    });
}

fn shown(cursor: Option<&Value>) -> String {
    cursor.map_or_else(|| "its beginning".into(), Value::to_string)
}

fn made_by(version: &Version) -> String {
    match version.origin {
        Origin::Run { run, attempt } => format!("run {} attempt {attempt}", run.short()),
        Origin::Set => format!("set by {}", version.by),
        Origin::RolledBack { to: 0 } => format!("to the beginning by {}", version.by),
        Origin::RolledBack { to } => format!("back to {to} by {}", version.by),
    }
}
