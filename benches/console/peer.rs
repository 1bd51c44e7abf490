//! ratatui's `Table` as its examples use it: every row is made for every frame, and the widget picks those it shows.

use std::io::{Sink, sink};

use ratatui::{
    Terminal, TerminalOptions, Viewport,
    backend::CrosstermBackend,
    layout::{Constraint, Rect},
    style::{Color, Style},
    widgets::{Row, Table, TableState},
};

use crate::{FRAMES, PIPELINES, SIZE};

const WIDTHS: [u16; 8] = [42, 11, 6, 6, 6, 8, 6, 10];

pub(crate) struct Screen {
    terminal: Terminal<CrosstermBackend<Sink>>,
    names: Vec<String>,
    state: TableState,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, SIZE.0, SIZE.1)) };
        let terminal = Terminal::with_options(CrosstermBackend::new(sink()), options);
        Self {
            terminal: terminal.expect("a fixed viewport asks no terminal"),
            names: (0..PIPELINES).map(|at| format!("pipe-{at:05}")).collect(),
            state: TableState::new().with_selected(0),
        }
    }

    pub(crate) fn scroll(&mut self, at: usize) {
        if at < FRAMES / 2 {
            self.state.select_next();
        } else {
            self.state.select_previous();
        }
        let (names, state) = (&self.names, &mut self.state);
        let drawn = self.terminal.draw(|frame| {
            let table = Table::new(names.iter().map(|name| row(name)), WIDTHS.map(Constraint::Length));
            let table = table.row_highlight_style(Style::new().bg(Color::Blue));
            frame.render_stateful_widget(table, frame.area(), state);
        });
        drawn.expect("a sink takes everything");
    }
}

fn row(name: &str) -> Row<'_> {
    Row::new([name, "✓ active", "–", "120/s", "–", "✓ 2m", "28s", "▁▂▃▄▅▆▇█"])
}
