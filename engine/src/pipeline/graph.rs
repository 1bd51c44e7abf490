//! The graph of a definition: which step feeds which, checked. Every mistake is collected, so that an author mends a file
//! once, not once a mistake.

mod policies;
mod wiring;

use serde::{Deserialize, Serialize};

use crate::{
    id::StepName,
    port::step::{StepKind, StepTypes},
};

use super::{Definition, Mistake};

/// What an edge carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// Records.
    Data,
    /// Nothing: the second step begins when the first has ended.
    Order,
}

/// One edge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Edge {
    /// From this step, by index in the definition.
    pub from: usize,
    /// To this one.
    pub to: usize,
    /// What it carries.
    pub kind: EdgeKind,
}

/// A checked graph; steps by their index in the definition, the disabled ones bridged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// Names, in the definition's order.
    pub steps: Vec<StepName>,
    /// What each step is.
    pub kinds: Vec<StepKind>,
    /// Which steps take part; the others are passed by.
    pub enabled: Vec<bool>,
    /// Edges between enabled steps, in no particular order.
    pub edges: Vec<Edge>,
    /// Enabled steps, each after all that it needs.
    pub order: Vec<usize>,
}

impl Plan {
    /// Checks a definition and draws its graph, or says everything that is wrong with it; the places are JSON pointers
    /// into the definition.
    pub fn of(definition: &Definition, types: &dyn StepTypes) -> Result<Self, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        let plan = wiring::draw(definition, types, &mut mistakes);
        for (index, step) in definition.steps.iter().enumerate() {
            if types.find(&step.uses).is_some() {
                mistakes.extend(types.check(step).into_iter().map(|mistake| below_settings(index, mistake)));
            }
        }
        policies::check(definition, &plan, types, &mut mistakes);
        if mistakes.is_empty() { Ok(plan) } else { Err(mistakes) }
    }

    /// The index of a step.
    pub fn index(&self, name: &StepName) -> Option<usize> {
        self.steps.iter().position(|step| step == name)
    }

    /// Steps that a step's records go to.
    pub fn data_after(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        self.edges.iter().filter(move |edge| edge.from == index && edge.kind == EdgeKind::Data).map(|edge| edge.to)
    }

    /// Steps that must have ended before a step begins.
    pub fn ends_before(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        self.edges.iter().filter(move |edge| edge.to == index && edge.kind == EdgeKind::Order).map(|edge| edge.from)
    }
}

fn below_settings(index: usize, mistake: Mistake) -> Mistake {
    Mistake { pointer: format!("/steps/{index}/with{}", mistake.pointer), ..mistake }
}

#[cfg(test)]
mod tests;
