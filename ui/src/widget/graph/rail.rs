//! A line a step, its edges as rails at the left: fits eighty columns whatever the number of steps.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{Graph, GraphStep, boxes::backlog, lines::Lines};
use crate::widget::{Look, figures, ink::Ink, safe_text};

/// The widest column of names and of types.
const NAME_COLUMNS_MAX: usize = 20;

/// What a row shows beside the rails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RailRow {
    /// What flows into a step.
    Edge(usize),
    /// The step.
    Step(usize),
    /// Why it waits or failed.
    Note(usize),
}

/// Rows from top to bottom.
pub(super) fn rows(graph: &Graph) -> Vec<RailRow> {
    let mut rows = Vec::new();
    for step in graph.order() {
        if graph.edges.iter().any(|edge| edge.to == step) {
            rows.push(RailRow::Edge(step));
        }
        rows.push(RailRow::Step(step));
        if graph.steps[step].note.is_some() {
            rows.push(RailRow::Note(step));
        }
    }
    rows
}

/// The rails: lanes that edges take from the step they leave to the step they reach.
struct Rails {
    lines: Lines,
    /// The edge that has each lane.
    lanes: Vec<Option<usize>>,
    /// The lane of each step.
    lane_of: Vec<u16>,
    widest: u16,
}

impl Rails {
    fn of(graph: &Graph, rows: &[RailRow]) -> Self {
        let lane_of = vec![0; graph.steps.len()];
        let mut rails = Self { lines: Lines::default(), lanes: Vec::new(), lane_of, widest: 0 };
        for (row, what) in rows.iter().enumerate() {
            rails.row(graph, row as u16, *what);
        }
        rails
    }

    fn row(&mut self, graph: &Graph, row: u16, what: RailRow) {
        match what {
            RailRow::Edge(step) => self.join(graph, row, step),
            RailRow::Step(step) => {
                if !graph.edges.iter().any(|edge| edge.to == step) {
                    self.lane_of[step] = self.free();
                }
                self.leave(graph, row, step);
            }
            RailRow::Note(_) => {}
        }
        for lane in (0..self.lanes.len()).filter(|lane| self.lanes[*lane].is_some()) {
            self.lines.down(lane as u16 * 2, row, row + 1);
        }
        self.widest = self.widest.max(self.lanes.len() as u16);
    }

    /// Edges that reach a step come together in the first of their lanes.
    fn join(&mut self, graph: &Graph, row: u16, step: usize) {
        let reaches = |lane: &Option<usize>| lane.is_some_and(|edge| graph.edges[edge].to == step);
        let coming: Vec<usize> = (0..self.lanes.len()).filter(|lane| reaches(&self.lanes[*lane])).collect();
        let Some(first) = coming.first().copied() else { return };
        for lane in &coming[1..] {
            self.lines.across(row, first as u16 * 2, *lane as u16 * 2);
            self.lanes[*lane] = None;
        }
        self.lane_of[step] = first as u16;
    }

    /// Edges that leave a step take its lane and free ones.
    fn leave(&mut self, graph: &Graph, row: u16, step: usize) {
        let own = self.lane_of[step];
        if let Some(lane) = self.lanes.get_mut(usize::from(own)) {
            *lane = None;
        }
        for (index, _) in graph.edges.iter().enumerate().filter(|(_, edge)| edge.from == step) {
            let lane = if self.is_free(own) { own } else { self.free() };
            while self.lanes.len() <= usize::from(lane) {
                self.lanes.push(None);
            }
            self.lanes[usize::from(lane)] = Some(index);
            self.lines.across(row, own * 2, lane * 2);
        }
        while self.lanes.last() == Some(&None) {
            self.lanes.pop();
        }
    }

    fn is_free(&self, lane: u16) -> bool {
        self.lanes.get(usize::from(lane)).is_none_or(Option::is_none)
    }

    fn free(&self) -> u16 {
        self.lanes.iter().position(Option::is_none).unwrap_or(self.lanes.len()) as u16
    }
}

/// Draws the rows from `first_row` on.
pub(super) fn render(graph: &Graph, buffer: &mut Buffer, area: Rect, look: &Look, first_row: u16) {
    let rows = rows(graph);
    let rails = Rails::of(graph, &rows);
    let mut ink = Ink::new(buffer, area);
    rails.lines.render(&mut ink, look, look.border, first_row);
    let start = (rails.widest * 2).max(2).min(ink.width() / 3) + 1;
    let widths = Widths::of(graph);
    for (line, what) in rows.iter().skip(usize::from(first_row)).take(usize::from(ink.height())).enumerate() {
        match what {
            RailRow::Edge(step) => draw_edge(&mut ink, start, line as u16, &graph.steps[*step], look),
            RailRow::Step(step) => {
                let style = graph.steps[*step].state.style(look);
                let (sign, ascii) = graph.steps[*step].state.sign();
                ink.sign(rails.lane_of[*step] * 2, line as u16, look.sign(sign, ascii), style);
                draw_step(&mut ink, start, line as u16, &graph.steps[*step], widths, look);
            }
            RailRow::Note(step) => {
                let step = &graph.steps[*step];
                ink.text(start + 2, line as u16, step.note.as_deref().unwrap_or_default(), step.state.style(look));
            }
        }
    }
}

/// Columns of names and of types.
#[derive(Debug, Clone, Copy)]
struct Widths(u16, u16);

impl Widths {
    fn of(graph: &Graph) -> Self {
        let widest = |text: fn(&GraphStep) -> &str| {
            graph.steps.iter().map(|step| safe_text::width(&safe_text::cut(text(step), NAME_COLUMNS_MAX))).max().unwrap_or(0)
                as u16
        };
        Self(widest(|step| &step.name), widest(|step| &step.uses))
    }
}

fn draw_edge(ink: &mut Ink<'_>, start: u16, row: u16, step: &GraphStep, look: &Look) {
    let Some(rate) = step.in_per_s else { return };
    let text = format!("{} {:>6}/s", look.sign('▼', 'v'), figures::rate(rate));
    let column = ink.text(start, row, &text, look.text);
    if let Some((text, style)) = backlog(step, 6, look) {
        ink.text(column + 2, row, &format!("{text} of {} wait", figures::count(step.backlog.1)), style);
    }
}

fn draw_step(ink: &mut Ink<'_>, start: u16, row: u16, step: &GraphStep, widths: Widths, look: &Look) {
    let mut column = start;
    let mut put = |columns: u16, text: &str, style: Style| {
        ink.text_in(column, row, columns, text, style);
        column = column.saturating_add(columns).saturating_add(1);
    };
    put(widths.0, &step.name, look.title);
    put(widths.1, &step.uses, look.dim);
    put(8, step.state.word(), step.state.style(look));
    let flow = format!("{:>6} in {:>6} out", figures::count(step.records_in), figures::count(step.records_out));
    let flow = if step.is_uncounted { "" } else { &flow };
    put(20, flow, if step.records_in + step.records_out == 0 { look.dim } else { look.text });
    if step.dropped > 0 {
        put(14, &format!("{} dropped", figures::count(step.dropped)), look.dim);
    }
    if step.dead > 0 {
        put(11, &format!("{} dead", figures::count(step.dead)), look.bad);
    }
}
