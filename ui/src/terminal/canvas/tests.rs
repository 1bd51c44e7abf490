//! Frames on a real terminal parser: whatever was drawn before and however it moved, the screen is that of one full repaint.

use proptest::prelude::*;
use ratatui::{
    style::{Color, Modifier, Style},
    widgets::Paragraph,
};

use super::*;

fn paragraph(text: &str) -> impl FnOnce(&mut Frame<'_>) + '_ {
    move |frame| frame.render_widget(Paragraph::new(text), frame.area())
}

#[test]
fn a_frame_is_one_piece_and_an_unchanged_one_is_none() {
    let mut canvas = Canvas::new((20, 2), Abilities::default());
    let first = canvas.frame(paragraph("one")).unwrap();
    assert!(first.starts_with(BEGIN) && first.ends_with(END));
    let entered = [BEGIN, ENTER].concat();
    assert!(first.starts_with(&entered));
    assert_eq!(canvas.frame(paragraph("one")), None);
    let next = canvas.frame(paragraph("ore")).unwrap();
    assert_eq!(next.len(), BEGIN.len() + b"\x1b[1;2Hr".len() + END.len());
}

#[test]
fn any_size_is_drawn() {
    for size in [(0, 0), (1, 1), (1_000, 400)] {
        let mut canvas = Canvas::new(size, Abilities::default());
        assert!(canvas.frame(paragraph("x")).is_some());
        canvas.forget((0, 0));
        assert!(canvas.frame(paragraph("x")).is_some());
    }
}

#[test]
fn a_cursor_is_shown_where_it_should_be_and_hidden_when_there_is_none() {
    let mut canvas = Canvas::new((20, 4), Abilities::default());
    let mut terminal = vt100::Parser::new(4, 20, 0);
    let mut show = |canvas: &mut Canvas, at: Option<(u16, u16)>| {
        let frame = canvas.frame(|frame| at.into_iter().for_each(|at| frame.set_cursor_position(at)));
        terminal.process(&frame.unwrap_or_default());
        (!terminal.screen().hide_cursor()).then(|| terminal.screen().cursor_position())
    };
    assert_eq!(show(&mut canvas, Some((5, 2))), Some((2, 5)));
    assert_eq!(show(&mut canvas, Some((6, 2))), Some((2, 6)));
    assert_eq!(show(&mut canvas, None), None);
    assert_eq!(canvas.frame(|_| ()), None);
}

#[test]
fn one_more_line_at_the_end_of_a_tail_costs_that_line() {
    let draw = |from: usize| {
        let line =
            |at| format!("10:00:{at}.{} {} pipeline-{at} {}", at * 7, ["run.ended", "queue.sent"][at % 2], "x".repeat(at % 9));
        let lines: Vec<String> = (from..from + 30).map(line).collect();
        move |frame: &mut Frame<'_>| frame.render_widget(Paragraph::new(lines.join("\n")), Rect::new(0, 10, 120, 30))
    };
    let bytes = |scrolls| {
        let mut canvas = Canvas::new((120, 40), Abilities { scrolls, ..Abilities::default() });
        canvas.frame(draw(10));
        canvas.frame(draw(11)).unwrap().len()
    };
    assert!(bytes(true) < 120, "{}", bytes(true));
    // Only what differs is drawn, and yet it is far more.
    assert!(bytes(false) > 5 * bytes(true), "{} {}", bytes(false), bytes(true));
}

/// Rows of a made-up screen: a text and a style each.
type Rows = Vec<(String, u8)>;

fn style(number: u8) -> Style {
    let colors = [Color::Reset, Color::Cyan, Color::Rgb(200, 30, 40), Color::Indexed(123), Color::LightYellow];
    let modifiers = [Modifier::empty(), Modifier::BOLD, Modifier::REVERSED, Modifier::DIM | Modifier::UNDERLINED];
    let style = Style::new().fg(colors[usize::from(number) % 5]).add_modifier(modifiers[usize::from(number / 5) % 4]);
    if number > 40 { style.bg(Color::Blue) } else { style }
}

fn draw(rows: &Rows) -> impl FnOnce(&mut Frame<'_>) + '_ {
    move |frame| {
        let area = frame.area();
        for (y, (text, number)) in rows.iter().enumerate().take(usize::from(area.height)) {
            frame.buffer_mut().set_stringn(0, y as u16, text, usize::from(area.width), style(*number));
        }
    }
}

/// What a person sees, cell by cell.
fn seen(terminal: &vt100::Parser) -> Vec<String> {
    let screen = terminal.screen();
    let (rows, columns) = screen.size();
    let cell = |row, column| {
        let cell = screen.cell(row, column).expect("within the size");
        let contents = if cell.has_contents() { cell.contents() } else { " " };
        // A blank shows neither colour nor weight of text.
        let ink = (contents != " ").then(|| (cell.fgcolor(), cell.bold(), cell.dim()));
        format!("{contents}{ink:?}{:?}{}{}", cell.bgcolor(), cell.underline(), cell.inverse())
    };
    (0..rows).flat_map(|row| (0..columns).map(move |column| cell(row, column))).collect()
}

fn rows() -> impl Strategy<Value = Rows> {
    let text = prop_oneof![Just(String::new()), "[a-e ─●日]{0,16}", "[a-z0-9 ]{20,40}"];
    prop::collection::vec((text, 0u8..48), 12)
}

/// Rows `.0` to `.1` move by `.2`, then some are others.
type Change = (usize, usize, isize, Vec<(usize, (String, u8))>);

/// What happens to a screen: rows move up or down within a part of it, and some are others.
fn changes() -> impl Strategy<Value = Vec<Change>> {
    let other = (0usize..12, ("[a-z●日 ]{0,24}", 0u8..48));
    prop::collection::vec((0usize..12, 0usize..12, -5isize..=5, prop::collection::vec(other, 0..3)), 1..8)
}

fn moved(rows: &Rows, (from, to, by, others): &Change) -> Rows {
    let (from, to) = (*from.min(to), *from.max(to));
    let mut next = rows.clone();
    for (y, row) in next.iter_mut().enumerate().take(to + 1).skip(from) {
        let source = y.checked_add_signed(*by).filter(|source| (from..=to).contains(source));
        *row = source.map_or_else(|| (format!("new {y} {by}"), y as u8), |source| rows[source].clone());
    }
    for (at, row) in others {
        next[*at] = row.clone();
    }
    next
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_scrolled_screen_is_the_same_as_a_repainted_one(first in rows(), changes in changes(), depth in 0usize..4) {
        let size = (30, 12);
        let depth = [Depth::Mono, Depth::Sixteen, Depth::Many, Depth::True][depth];
        let mut canvas = Canvas::new(size, Abilities { depth, scrolls: true });
        let mut terminal = vt100::Parser::new(size.1, size.0, 0);
        let mut rows = first;
        terminal.process(&canvas.frame(draw(&rows)).unwrap());
        for change in &changes {
            rows = moved(&rows, change);
            terminal.process(&canvas.frame(draw(&rows)).unwrap_or_default());
            let mut repainted = vt100::Parser::new(size.1, size.0, 0);
            let mut fresh = Canvas::new(size, Abilities { depth, scrolls: false });
            repainted.process(&fresh.frame(draw(&rows)).unwrap());
            let (scrolled, whole) = (seen(&terminal), seen(&repainted));
            let other = scrolled.iter().zip(&whole).position(|(one, other)| one != other);
            prop_assert!(other.is_none(), "cell {other:?}: {:?} is not {:?}", other.map(|at| &scrolled[at]), other.map(|at| &whole[at]));
        }
    }
}
