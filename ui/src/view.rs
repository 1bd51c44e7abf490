//! Drawing. It only reads the model, builds only what is visible, and draws into whatever size there is.

mod chrome;
mod events;
mod footer;
mod health;
mod help;
mod layout;
mod menu;
mod palette;
mod past;
mod pipelines;
mod queues;
mod sheet;
pub mod still;
pub mod svg;

use ratatui::{
    Frame,
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::Line,
    widgets::{Block, Clear},
};

use crate::{
    model::{Model, Opened, overlay::Overlay},
    theme::{Role, Theme},
    widget::{ink::Ink, safe_text},
};

/// The smallest terminal that anything can be shown on.
pub const SIZE_MIN: (u16, u16) = (40, 10);

/// Draws everything.
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    let area = frame.area();
    if area.width < SIZE_MIN.0 || area.height < SIZE_MIN.1 {
        return too_small(model, area, frame);
    }
    let parts = [Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)];
    let [header, body, footer] = Layout::vertical(parts).areas(area);
    match &model.past {
        Some(past) => past::band(model, past, header, frame),
        None => chrome::header(model, header, frame),
    }
    place(model, body, frame);
    if model.facts.is_stale() {
        frame.buffer_mut().set_style(body, model.theme.style(Role::Stale));
    }
    footer::footer(model, footer, frame);
    sheets(model, body, frame);
    overlay(model, body, frame);
    model.theme.ground(frame.buffer_mut());
    if model.theme.ascii {
        only_ascii(frame.buffer_mut());
    }
}

/// Signs have stand-ins of their own; what is left comes from text, ours or from outside.
fn only_ascii(buffer: &mut Buffer) {
    for cell in buffer.content.iter_mut().filter(|cell| !cell.symbol().is_ascii()) {
        let stand_in = match cell.symbol() {
            "…" => "~",
            "⟨" => "<",
            "▶" | "⟩" => ">",
            _ => "?",
        };
        cell.set_symbol(stand_in);
    }
}

/// What is not a sheet: the overview, or the topmost whole screen.
fn place(model: &Model, body: Rect, frame: &mut Frame<'_>) {
    let whole = model.screens.iter().rposition(|opened| opened.screen.sheet_size().is_none());
    let Some(at) = whole else { return layout::overview(model, body, frame) };
    let [crumbs, area] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(body);
    chrome::crumbs(model, at, crumbs, frame);
    model.screens[at].screen.view(&model.facts, &model.theme, area, frame);
}

fn sheets(model: &Model, body: Rect, frame: &mut Frame<'_>) {
    let whole = model.screens.iter().rposition(|opened| opened.screen.sheet_size().is_none());
    for Opened { screen, .. } in &model.screens[whole.map_or(0, |at| at + 1)..] {
        let Some((columns, rows)) = screen.sheet_size() else { continue };
        let area = boxed(model, body, (columns, rows), &screen.title(&model.facts), frame);
        screen.view(&model.facts, &model.theme, area, frame);
    }
}

fn overlay(model: &Model, body: Rect, frame: &mut Frame<'_>) {
    match &model.overlay {
        Some(Overlay::Help { scroll }) => help::help(model, *scroll, body, frame),
        Some(Overlay::Messages { scroll }) => help::messages(model, *scroll, body, frame),
        Some(Overlay::Palette(palette)) => palette::palette(model, palette, body, frame),
        Some(Overlay::Menu(menu)) => menu::menu(model, menu, body, frame),
        Some(Overlay::Confirm(asked)) => sheet::confirm(model, asked, body, frame),
        Some(Overlay::Filter { .. } | Overlay::Moment { .. }) | None => {}
    }
}

/// An empty frame in the middle of an area, for so much content; gives the room inside.
fn boxed(model: &Model, body: Rect, (columns, rows): (u16, u16), title: &str, frame: &mut Frame<'_>) -> Rect {
    let (width, height) = ((columns.saturating_add(2)).min(body.width), (rows.saturating_add(2)).min(body.height));
    let area = Rect { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 3, width, height };
    frame.render_widget(Clear, area);
    let block = pane_block(model.theme, true, title);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    inside
}

/// The frame of a pane; its title may come from outside.
fn pane_block<'a>(theme: Theme, focused: bool, title: &str) -> Block<'a> {
    let border = theme.style(if focused { Role::BorderFocus } else { Role::Border });
    let title_style = if focused { theme.style(Role::Title).patch(border) } else { theme.style(Role::Text) };
    let title = Line::styled(format!(" {} ", safe_text::safe(title)), title_style);
    Block::bordered().border_set(theme.border()).border_style(border).title(title)
}

fn too_small(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let (columns, rows) = SIZE_MIN;
    let lines = [format!("needs {columns}x{rows}, has {}x{}", area.width, area.height), chrome::connection(model).1];
    let mut ink = Ink::new(frame.buffer_mut(), area);
    for (row, line) in lines.iter().enumerate() {
        ink.text(0, row as u16, line, Style::new());
    }
}
