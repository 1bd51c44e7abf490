//! How an answer is drawn: the sentence, its facts as rows, and below what comes next and what can be done, with the keys.

use flexcore_engine::projection::why::{Fact, Next, Remedy, Why};
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{WhyScreen, action_of};
use crate::{
    keymap::{Action, Scope},
    model::facts::Facts,
    screen::parts,
    theme::{Role, Theme},
    widget::{
        figures,
        ink::Ink,
        safe_text,
        table::{Column, Row, Table, wrap},
    },
};

/// The most lines of the answer and of a fact that is told in full.
const LINES_MAX: usize = 4;
/// The rows that facts have at least, with their frame and heading.
const FACTS_ROWS_MIN: u16 = 6;

const COLUMNS: [Column; 4] =
    [Column::text("WHEN", 9, 9), Column::number("AGE", 5, 6), Column::text("BY", 10, 5), Column::wide("BECAUSE", 20, 1, 8)];

pub(super) fn view(screen: &WhyScreen, facts: &Facts, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let look = theme.look();
    let Some(why) = &screen.why else {
        Ink::new(buffer, area).text(1, 1, &screen.note, look.dim);
        return;
    };
    let answer = wrap(&why.answer, usize::from(area.width.saturating_sub(2)).max(1));
    let head = answer.len().min(LINES_MAX) as u16;
    let (top, rest) = parts::above(area, head);
    let mut ink = Ink::new(buffer, top);
    for (row, line) in answer.iter().take(LINES_MAX).enumerate() {
        ink.text(1, row as u16, line, parts::severity(why.severity, &look));
    }
    let wanted = (why.next.len() + why.remedies.len()) as u16 + 2;
    let below = wanted.min(rest.height.saturating_sub(FACTS_ROWS_MIN));
    let (above, below) = parts::above(rest, rest.height - below);
    view_facts(screen, why, facts, theme, above, buffer);
    view_rest(why, facts, theme, below, buffer);
}

fn view_facts(screen: &WhyScreen, why: &Why, facts: &Facts, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let look = theme.look();
    let title = format!("Because: {} facts, the newest first; enter opens the event", why.facts.len());
    let inside = parts::framed(buffer, area, theme, &title, true);
    let full = told_in_full(screen, why, inside);
    let (list, below) = parts::above(inside, inside.height - full.len() as u16);
    let table = Table { look: &look, columns: &COLUMNS, focused: true, empty: "no event that led to it is kept" };
    table.render(buffer, list, &screen.facts, why.facts.len(), |index| {
        let fact = &why.facts[index];
        Row::new()
            .cell(when(fact, facts), look.dim)
            .cell(figures::age(facts.now, fact.at), look.dim)
            .cell(fact.actor.to_string(), look.text)
            .cell(fact.text.as_str(), parts::severity(fact.severity, &look))
    });
    let mut ink = Ink::new(buffer, below);
    for (row, line) in full.iter().enumerate() {
        ink.text(2, row as u16, line, look.dim);
    }
}

/// The fact under the cursor, where there is room to say what its row has no room for.
fn told_in_full(screen: &WhyScreen, why: &Why, inside: Rect) -> Vec<String> {
    let room = usize::from(inside.width.saturating_sub(4)).max(1);
    let fact = screen.facts.selected(why.facts.len()).map(|index| &why.facts[index]);
    let spare = usize::from(inside.height).saturating_sub(why.facts.len() + 1);
    let is_cut = |fact: &&Fact| safe_text::width(&fact.text) + 30 > room;
    match fact.filter(is_cut).map(|fact| wrap(&format!("{}: {}", fact.kind, fact.text), room)) {
        Some(mut lines) if spare > 0 => {
            lines.truncate(spare.min(LINES_MAX));
            lines
        }
        _ => Vec::new(),
    }
}

/// Of today its time, of other days its day.
fn when(fact: &Fact, facts: &Facts) -> String {
    let is_recent = figures::between(fact.at, facts.now).as_secs() < 86_400;
    if is_recent { figures::time(fact.at) + "Z" } else { fact.at.strftime("%d %b %y").to_string() }
}

/// A line below the facts: what stands before it, what it says, and what is worth knowing besides.
struct Below<'a> {
    head: String,
    style: Style,
    text: &'a str,
    more: String,
}

/// Columns of what stands before.
const HEAD: u16 = 10;

fn view_rest(why: &Why, facts: &Facts, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let look = theme.look();
    let title = |head: &str| Below { head: head.to_owned(), style: look.title, text: "", more: String::new() };
    let mut lines = vec![title("Next")];
    lines.extend(why.next.iter().map(|Next { at, text }| match at {
        Some(at) => Below { head: figures::until(facts.now, *at), style: look.accent, text, more: figures::moment(*at) },
        None => Below { head: look.none().to_owned(), style: look.dim, text, more: String::new() },
    }));
    if !why.remedies.is_empty() {
        lines.push(title(if facts.is_past {
            "What could be done then: actions are off in the past"
        } else {
            "What can be done"
        }));
    }
    let mut named = Vec::new();
    lines.extend(why.remedies.iter().map(|remedy| Below {
        head: key(remedy, facts, &mut named),
        style: theme.style(Role::Key),
        text: &remedy.text,
        more: remedy.deed.command_line(),
    }));
    let mut ink = Ink::new(buffer, area);
    for (row, Below { head, style, text, more }) in lines.iter().enumerate() {
        let row = row as u16;
        if text.is_empty() {
            ink.text(1, row, head, *style);
            continue;
        }
        ink.text_in(2, row, HEAD, head, *style);
        let end = ink.text(HEAD + 3, row, text, look.text);
        ink.text(end + 2, row, more, look.dim);
    }
}

/// The key that does it from here; a key stands only beside the first of those that it could mean.
fn key(remedy: &Remedy, facts: &Facts, named: &mut Vec<Action>) -> String {
    let action = action_of(remedy);
    if facts.is_past || named.contains(&action) {
        return String::new();
    }
    named.push(action);
    facts.keys.line(&[Scope::Why], action).map_or_else(String::new, crate::keymap::Bound::first_key)
}
