//! Boxes in columns, sources at the left. An edge that passes a column goes through a gap of its own, so that no line runs
//! through a box.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{Graph, GraphStep, lines::Lines};
use crate::widget::{Look, figures, ink::Ink, safe_text, spark};

const BOX_ROWS: u16 = 5;
const PASS_ROWS: u16 = 2;
const GAP_COLUMNS: u16 = 13;
const BOX_COLUMNS: std::ops::RangeInclusive<u16> = 16..=24;

/// What stands in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Step(usize),
    /// An edge on its way to a later column.
    Pass(usize),
}

#[derive(Debug)]
struct Placed {
    slot: Slot,
    row: u16,
}

impl Placed {
    /// The row on which lines come and go.
    fn line(&self) -> u16 {
        match self.slot {
            Slot::Step(_) => self.row + 2,
            Slot::Pass(_) => self.row,
        }
    }
}

/// Where everything stands.
#[derive(Debug)]
pub(super) struct Plan {
    columns: Vec<Vec<Placed>>,
    /// First column and width of each layer's boxes.
    spans: Vec<(u16, u16)>,
}

impl Plan {
    /// A plan, if it fits into so many columns.
    pub(super) fn of(graph: &Graph, columns: u16) -> Option<Self> {
        let layers = layers(graph);
        let mut spans = Vec::new();
        let mut at: u16 = 0;
        for layer in &layers {
            let wide =
                layer.iter().filter_map(|slot| step_of(graph, *slot)).map(columns_of).max().unwrap_or(*BOX_COLUMNS.start());
            spans.push((at, wide));
            at = at.saturating_add(wide + GAP_COLUMNS);
        }
        (at.saturating_sub(GAP_COLUMNS) <= columns).then(|| Self { columns: layers.into_iter().map(stack).collect(), spans })
    }

    /// Rows.
    pub(super) fn height(&self) -> u16 {
        let ends = self.columns.iter().flatten().map(|placed| match placed.slot {
            Slot::Step(_) => placed.row + BOX_ROWS,
            Slot::Pass(_) => placed.row + PASS_ROWS,
        });
        ends.max().unwrap_or(0)
    }

    /// Draws it; the area has the height that it wants.
    pub(super) fn render(&self, graph: &Graph, buffer: &mut Buffer, area: Rect, look: &Look) {
        let mut ink = Ink::new(buffer, area);
        let mut lines = Lines::default();
        let mut arrows = Vec::new();
        for (index, edge) in graph.edges.iter().enumerate() {
            self.connect(index, edge.from, edge.to, &mut lines, &mut arrows);
        }
        lines.render(&mut ink, look, look.border, 0);
        for (column, row, to) in arrows {
            ink.sign(column, row, look.sign('▶', '>'), look.border);
            label(&mut ink, column, row, &graph.steps[to], look);
        }
        for (layer, placed) in
            self.columns.iter().enumerate().flat_map(|(at, column)| column.iter().map(move |placed| (at, placed)))
        {
            if let Slot::Step(step) = placed.slot {
                let (start, wide) = self.spans[layer];
                draw_box(&mut ink, start, placed.row, wide, &graph.steps[step], look);
            }
        }
    }

    /// The lines of one edge, and the arrow at its end.
    fn connect(&self, edge: usize, from: usize, to: usize, lines: &mut Lines, arrows: &mut Vec<(u16, u16, usize)>) {
        let Some((mut layer, mut row)) = self.find(Slot::Step(from)) else { return };
        while let Some((next_layer, next_row, ends)) = self.next(layer, edge, to) {
            let (start, wide) = self.spans[layer];
            let next_start = self.spans[next_layer].0;
            let turn = start + wide + 1;
            lines.across(row, start + wide, turn);
            lines.down(turn, row, next_row);
            lines.across(next_row, turn, next_start - 1);
            if ends {
                arrows.push((next_start - 1, next_row, to));
                return;
            }
            lines.across(next_row, next_start - 1, next_start + self.spans[next_layer].1);
            (layer, row) = (next_layer, next_row);
        }
    }

    /// Where an edge is in the next layer, and whether it ends there.
    fn next(&self, layer: usize, edge: usize, to: usize) -> Option<(usize, u16, bool)> {
        let column = self.columns.get(layer + 1)?;
        let found = column.iter().find(|placed| placed.slot == Slot::Step(to) || placed.slot == Slot::Pass(edge))?;
        Some((layer + 1, found.line(), found.slot == Slot::Step(to)))
    }

    fn find(&self, slot: Slot) -> Option<(usize, u16)> {
        let in_layer = |column: &Vec<Placed>| column.iter().find(|placed| placed.slot == slot).map(Placed::line);
        self.columns.iter().enumerate().find_map(|(layer, column)| in_layer(column).map(|row| (layer, row)))
    }
}

fn step_of(graph: &Graph, slot: Slot) -> Option<&GraphStep> {
    match slot {
        Slot::Step(step) => graph.steps.get(step),
        Slot::Pass(_) => None,
    }
}

fn columns_of(step: &GraphStep) -> u16 {
    let text = safe_text::width(&step.name).max(safe_text::width(&step.uses)) as u16;
    (text.saturating_add(4)).clamp(*BOX_COLUMNS.start(), *BOX_COLUMNS.end())
}

/// Steps and passing edges by layer; each layer in the order of what leads to it.
fn layers(graph: &Graph) -> Vec<Vec<Slot>> {
    let mut layer_of = vec![0_usize; graph.steps.len()];
    for step in graph.order() {
        let before = graph.edges.iter().filter(|edge| edge.to == step).map(|edge| layer_of[edge.from] + 1);
        layer_of[step] = before.max().unwrap_or(0);
    }
    let mut layers = vec![Vec::new(); layer_of.iter().max().map_or(0, |last| last + 1)];
    for step in graph.order() {
        layers[layer_of[step]].push(Slot::Step(step));
    }
    for (index, edge) in graph.edges.iter().enumerate() {
        for layer in &mut layers[(layer_of[edge.from] + 1).min(layer_of[edge.to])..layer_of[edge.to]] {
            layer.push(Slot::Pass(index));
        }
    }
    for layer in 1..layers.len() {
        let before = layers[layer - 1].clone();
        layers[layer].sort_by_key(|slot| height_before(graph, &before, *slot));
    }
    layers
}

/// The mean place, in thousandths, of what leads to a slot in the layer before.
fn height_before(graph: &Graph, before: &[Slot], slot: Slot) -> usize {
    let leads = |other: &Slot| match (other, slot) {
        (Slot::Pass(a), Slot::Pass(b)) => *a == b,
        (Slot::Step(step), Slot::Pass(edge)) => graph.edges[edge].from == *step,
        (Slot::Pass(edge), Slot::Step(step)) => graph.edges[*edge].to == step,
        (Slot::Step(from), Slot::Step(to)) => graph.edges.iter().any(|edge| edge.from == *from && edge.to == to),
    };
    let places: Vec<usize> = before.iter().enumerate().filter(|(_, other)| leads(other)).map(|(place, _)| place).collect();
    places.iter().sum::<usize>() * 1_000 / places.len().max(1)
}

fn stack(layer: Vec<Slot>) -> Vec<Placed> {
    let mut row = 0;
    let mut placed = Vec::new();
    for slot in layer {
        placed.push(Placed { slot, row });
        row += if matches!(slot, Slot::Step(_)) { BOX_ROWS } else { PASS_ROWS };
    }
    placed
}

/// What flows into a step, written above and below the arrow that ends at `column`.
fn label(ink: &mut Ink<'_>, column: u16, row: u16, step: &GraphStep, look: &Look) {
    let room = GAP_COLUMNS - 3;
    let counted = || if step.is_uncounted { String::new() } else { figures::count(step.records_in) };
    let rate = step.in_per_s.map_or_else(counted, |rate| format!("{}/s", figures::rate(rate)));
    ink.text_right(column, row - 1, room, &rate, if step.in_per_s.is_some() { look.text } else { look.dim });
    if let Some((text, style)) = backlog(step, 3, look) {
        ink.text_right(column, row + 1, room, &text, style);
    }
}

/// How much waits before a step, when something runs.
pub(super) fn backlog(step: &GraphStep, columns: usize, look: &Look) -> Option<(String, Style)> {
    let (waits, most) = step.backlog;
    if most == 0 {
        return None;
    }
    let style = if waits * 10 >= most * 9 { look.warn } else { look.dim };
    Some((format!("{} {}", spark::bar(waits, most, columns, look.ascii), figures::count(waits)), style))
}

fn draw_box(ink: &mut Ink<'_>, start: u16, row: u16, wide: u16, step: &GraphStep, look: &Look) {
    let style = step.state.style(look);
    let (across, upright) = if look.ascii { ('-', '|') } else { ('─', '│') };
    let corners = if look.ascii { ['+'; 4] } else { ['╭', '╮', '╰', '╯'] };
    for column in start..start + wide {
        ink.sign(column, row, across, style);
        ink.sign(column, row + BOX_ROWS - 1, across, style);
    }
    for line in row..row + BOX_ROWS {
        ink.sign(start, line, upright, style);
        ink.sign(start + wide - 1, line, upright, style);
    }
    let places = [(start, row), (start + wide - 1, row), (start, row + BOX_ROWS - 1), (start + wide - 1, row + BOX_ROWS - 1)];
    places.iter().zip(corners).for_each(|((column, row), corner)| ink.sign(*column, *row, corner, style));
    let inside = wide - 4;
    let name = format!(" {} ", safe_text::cut(&step.name, usize::from(inside)));
    ink.text_in(start + 1, row, wide - 2, &name, look.title);
    ink.text_in(start + 2, row + 1, inside, &step.uses, look.dim);
    let (sign, ascii) = step.state.sign();
    ink.text_in(start + 2, row + 2, inside, &format!("{} {}", look.sign(sign, ascii), step.state.word()), style);
    let out = if step.is_uncounted { String::new() } else { format!("{} out", figures::count(step.records_out)) };
    ink.text_in(start + 2, row + 3, inside, &out, look.text);
    if step.dead > 0 {
        ink.text_in(start + 2, row + 4, inside, &format!(" {} dead ", figures::count(step.dead)), look.bad);
    }
}
