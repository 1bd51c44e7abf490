//! The queues pane, and queues in one line.

use flexcore_engine::{id::QueueName, port::queue::QueueStats};
use ratatui::{Frame, layout::Rect, style::Style};

use super::{
    pane_block,
    pipelines::{limits, place},
};
use crate::{
    model::{
        Model,
        overview::{Pane, QUEUE_SORTS},
    },
    theme::{Glyph, Role},
    widget::{
        figures::{self, Drain},
        ink::Ink,
        table::{Column, Row, Table},
    },
};

const COLUMNS: [Column; 7] = [
    Column::wide("NAME", 10, 1, 9),
    Column::number("DEPTH", 6, 8),
    Column::number("IN/s", 6, 5),
    Column::number("OUT/s", 6, 4),
    Column::text("DRAIN", 9, 6),
    Column::number("OLDEST", 6, 3),
    Column::number("DEAD", 5, 7),
];

fn stats<'a>(model: &'a Model, name: &QueueName) -> Option<&'a QueueStats> {
    model.facts.vitals.as_ref()?.queues.iter().find(|(known, _)| known == name).map(|(_, stats)| stats)
}

fn depth(stats: &QueueStats) -> u64 {
    stats.ready + stats.delayed + stats.leased
}

pub(super) fn pane(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let rows = &model.overview.queues;
    let focused = model.overview.focus == Pane::Queues;
    let known = if model.past.is_some() { " declared" } else { "" };
    let title = format!("3 Queues {}{known}{}", rows.total, limits(rows, &QUEUE_SORTS));
    let block = pane_block(model.theme, focused, &title).title_bottom(place(rows, model.theme));
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let look = model.theme.look();
    let empty = if rows.total > 0 { "nothing passes the filter" } else { "no queue yet: the first message makes one" };
    let empty = if model.past.is_some() { UNKNOWN } else { empty };
    let table = Table { look: &look, columns: &COLUMNS, focused, empty };
    table.render(frame.buffer_mut(), inside, &rows.window, rows.keys.len(), |at| {
        let key = &rows.keys[at];
        stats(model, key).map_or_else(|| unknown(model, key), |stats| queue(model, key, stats)).marked(rows.marks.contains(key))
    });
    if model.past.is_some() && !rows.keys.is_empty() && inside.height > 3 {
        let last = Rect { y: inside.bottom() - 1, height: 1, ..inside };
        Ink::new(frame.buffer_mut(), last).text(2, 0, UNKNOWN, model.theme.style(Role::Dim));
    }
}

/// Messages are no events: the log cannot tell how many there were.
const UNKNOWN: &str = "what was in queues is not in the log";

/// A queue of which nothing but its name is known.
fn unknown<'a>(model: &Model, name: &'a QueueName) -> Row<'a> {
    let none = || model.theme.glyph(Glyph::None);
    let dim = model.theme.style(Role::Dim);
    let row = Row::new().cell(name.as_str(), model.theme.style(Role::Text));
    (0..COLUMNS.len() - 1).fold(row, |row, _| row.cell(none(), dim))
}

fn drain(model: &Model, name: &QueueName, stats: &QueueStats) -> (String, Style) {
    let (rate_in, rate_out) = model.facts.figures.queue(name).map_or((0.0, 0.0), |figures| (figures.in_per_s, figures.out_per_s));
    let drain = Drain::of(depth(stats), rate_in, rate_out);
    let role = match drain {
        Drain::Grows => Role::Warn,
        Drain::In(_) => Role::Good,
        Drain::Empty | Drain::Still | Drain::Steady => Role::Dim,
    };
    let word = drain.word();
    let word = if model.theme.ascii { word.replace('↑', "^").replace('↓', "v") } else { word };
    (word, model.theme.style(role))
}

fn queue<'a>(model: &Model, name: &'a QueueName, stats: &QueueStats) -> Row<'a> {
    let theme = &model.theme;
    let style = |role| theme.style(role);
    let figures = model.facts.figures.queue(name);
    let (rate_in, rate_out) = figures.map_or((0.0, 0.0), |figures| (figures.in_per_s, figures.out_per_s));
    let oldest = stats.oldest.map_or_else(|| theme.glyph(Glyph::None).to_owned(), |at| figures::age(model.facts.now, at));
    let dead = style(if stats.dead > 0 { Role::Danger } else { Role::Dim });
    let (drains, drain_style) = drain(model, name, stats);
    Row::new()
        .cell(name.as_str(), style(Role::Text))
        .cell(figures::count(depth(stats)), style(Role::Text))
        .cell(figures::rate(rate_in), style(Role::Dim))
        .cell(figures::rate(rate_out), style(Role::Dim))
        .cell(drains, drain_style)
        .cell(oldest, style(Role::Dim))
        .cell(figures::count(stats.dead), dead)
}

/// The queues in one line: those with something in them first.
pub(super) fn line(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let theme = &model.theme;
    let mut ink = Ink::new(frame.buffer_mut(), area);
    let rows = &model.overview.queues;
    let title = theme.style(if model.overview.focus == Pane::Queues { Role::BorderFocus } else { Role::Title });
    let mut column = ink.text(1, 0, &format!("3 Queues {}", rows.total), title) + 2;
    if model.past.is_some() {
        ink.text(column, 0, UNKNOWN, theme.style(Role::Dim));
        return;
    }
    let mut known: Vec<_> = rows.keys.iter().filter_map(|name| stats(model, name).map(|stats| (name, stats))).collect();
    known.sort_by_key(|(_, stats)| std::cmp::Reverse((stats.dead > 0, depth(stats))));
    for (name, stats) in known {
        let (drains, style) = drain(model, name, stats);
        let dead = if stats.dead > 0 { format!(" {} dead", figures::count(stats.dead)) } else { String::new() };
        let text = format!("{name} {}", figures::count(depth(stats)));
        if usize::from(column) + text.len() + drains.len() + dead.len() + 2 > usize::from(ink.width()) {
            break;
        }
        column = ink.text(column, 0, &text, theme.style(Role::Text)) + 1;
        column = ink.text(column, 0, &drains, style);
        column = ink.text(column, 0, &dead, theme.style(Role::Danger)) + 2;
    }
}
