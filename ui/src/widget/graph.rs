//! A pipeline's steps as a drawing: boxes from left to right where there is room, else a rail with a line a step, as version
//! control draws its history. Each edge shows what flows along it, how much waits at its end, and what went wrong there.

mod boxes;
mod lines;
mod rail;

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::Look;

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// No run has it now.
    #[default]
    Idle,
    /// Works.
    Running,
    /// Waits for another try.
    Retrying,
    /// Did everything.
    Done,
    /// Failed.
    Failed,
    /// Was stopped, or never began.
    Stopped,
    /// Is left out.
    Off,
}

impl State {
    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Off => "off",
        }
    }

    /// The sign and its ASCII stand-in.
    pub fn sign(self) -> (char, char) {
        match self {
            Self::Idle | Self::Off => ('◌', '.'),
            Self::Running => ('●', '*'),
            Self::Retrying => ('◐', 'o'),
            Self::Done => ('✔', '+'),
            Self::Failed => ('✖', 'x'),
            Self::Stopped => ('‖', '='),
        }
    }

    /// The style.
    pub fn style(self, look: &Look) -> Style {
        match self {
            Self::Idle | Self::Stopped | Self::Off => look.dim,
            Self::Running => look.accent,
            Self::Retrying => look.warn,
            Self::Done => look.good,
            Self::Failed => look.bad,
        }
    }
}

/// A step with its figures.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GraphStep {
    /// Its name.
    pub name: String,
    /// Its type.
    pub uses: String,
    /// Where it stands.
    pub state: State,
    /// Records in, a second; `None`: nothing is known, because nothing runs.
    pub in_per_s: Option<f64>,
    /// Records that went in.
    pub records_in: u64,
    /// Records that came out.
    pub records_out: u64,
    /// Records that wait before it, and the most that may.
    pub backlog: (u64, u64),
    /// Records filtered out.
    pub dropped: u64,
    /// Records that went to the dead letters.
    pub dead: u64,
    /// How much went through cannot be told: it works, and the past keeps no figures.
    pub is_uncounted: bool,
    /// Why it waits or failed.
    pub note: Option<String>,
}

/// An edge between two steps, by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GraphEdge {
    /// From.
    pub from: usize,
    /// To.
    pub to: usize,
    /// It carries no records: the second begins when the first has ended.
    pub order: bool,
}

/// The drawing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    steps: Vec<GraphStep>,
    edges: Vec<GraphEdge>,
}

impl Graph {
    /// A drawing. Edges to steps that are not there, and those that lead back, are left out.
    pub fn new(steps: Vec<GraphStep>, mut edges: Vec<GraphEdge>) -> Self {
        edges.retain(|edge| edge.from < steps.len() && edge.to < steps.len() && edge.from != edge.to);
        let mut graph = Self { steps, edges };
        graph.drop_cycles();
        graph
    }

    /// Rows that the drawing wants in so many columns.
    pub fn height(&self, columns: u16) -> u16 {
        match boxes::Plan::of(self, columns) {
            Some(plan) => plan.height(),
            None => rail::rows(self).len() as u16,
        }
    }

    /// Draws it, from a row on when there is no room for all.
    pub fn render(&self, buffer: &mut Buffer, area: Rect, look: &Look, first_row: u16) {
        match boxes::Plan::of(self, area.width).filter(|plan| plan.height() <= area.height) {
            Some(plan) => plan.render(self, buffer, area, look),
            None => rail::render(self, buffer, area, look, first_row),
        }
    }

    /// Steps, each after all that lead to it.
    fn order(&self) -> Vec<usize> {
        let mut missing: Vec<usize> =
            (0..self.steps.len()).map(|step| self.edges.iter().filter(|edge| edge.to == step).count()).collect();
        let mut order = Vec::new();
        // Always the first of the file that is free, so that the drawing follows what the author wrote.
        while let Some(next) = (0..self.steps.len()).find(|step| missing[*step] == 0) {
            missing[next] = usize::MAX;
            order.push(next);
            self.edges.iter().filter(|edge| edge.from == next).for_each(|edge| missing[edge.to] -= 1);
        }
        order
    }

    fn drop_cycles(&mut self) {
        if self.order().len() < self.steps.len() {
            self.edges.retain(|edge| edge.from < edge.to);
        }
    }
}

#[cfg(test)]
mod tests;
