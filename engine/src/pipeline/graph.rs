//! The graph of a definition: which step feeds which, checked. Every mistake is collected.

use crate::id::StepName;

/// What an edge carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EdgeKind {
    /// Records.
    Data,
    /// Nothing: the second step begins when the first has ended.
    Order,
}

/// One edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// From this step, by index in the definition.
    pub from: usize,
    /// To this one.
    pub to: usize,
    /// What it carries.
    pub kind: EdgeKind,
}

/// A checked graph; steps by their index in the definition, the disabled ones bridged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Names, in the definition's order.
    pub steps: Vec<StepName>,
    /// Edges, in no particular order.
    pub edges: Vec<Edge>,
}
