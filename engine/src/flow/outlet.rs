//! Where the records of one step go: to every step that needs it, or to one that the record was sent to by name.

use crate::{
    id::StepName,
    port::step::{Outcome, Record, RecordError, StepError},
};

use super::{
    call::{Caller, Halt},
    edge::{Batch, Outlet},
    ledger::Token,
    meter::StepMeter,
};

/// The edges out of one step.
#[derive(Clone)]
pub(super) struct Outlets {
    caller: Caller,
    edges: Vec<(StepName, Outlet)>,
}

/// What a step gave, sorted by where it goes.
#[derive(Default)]
pub(super) struct Sorted {
    /// To all.
    pub(super) all: Vec<Record>,
    /// To one, by its edge.
    pub(super) to: Vec<(usize, Record)>,
    /// Ended here.
    pub(super) dropped: usize,
    /// Could not be processed: by index.
    pub(super) refused: Vec<(usize, RecordError)>,
}

impl Outlets {
    pub(super) fn new(caller: Caller, edges: Vec<(StepName, Outlet)>) -> Self {
        Self { caller, edges }
    }

    /// Sorts outcomes, one a record.
    pub(super) fn sort(&self, outcomes: Vec<Outcome>) -> Result<Sorted, StepError> {
        let mut sorted = Sorted { all: Vec::with_capacity(outcomes.len()), ..Sorted::default() };
        for (index, outcome) in outcomes.into_iter().enumerate() {
            match outcome {
                Outcome::Keep(record) => sorted.all.push(record),
                Outcome::Many(records) => sorted.all.extend(records),
                Outcome::To(name, record) => sorted.to.push((self.edge_to(&name)?, record)),
                Outcome::Drop => sorted.dropped += 1,
                Outcome::Reject(error) => sorted.refused.push((index, error)),
            }
        }
        Ok(sorted)
    }

    pub(super) fn edge_to(&self, name: &StepName) -> Result<usize, StepError> {
        self.edges.iter().position(|(to, _)| to == name).ok_or_else(|| {
            let from = &self.caller.step().name;
            StepError::permanent(format!("`{from}` sends a record to `{name}`, which does not take records from it"))
        })
    }

    /// Every edge by which a record enters at a step; `None`: there is none.
    pub(super) fn edges_for(&self, name: &StepName) -> Option<Vec<usize>> {
        let edges: Vec<_> = (0..self.edges.len()).filter(|edge| self.edges[*edge].0 == *name).collect();
        (!edges.is_empty()).then_some(edges)
    }

    /// Hands everything over, each part with a share of the token; the caller settles its own share afterwards.
    pub(super) async fn send(&self, sorted: Sorted, token: &Token) -> Result<(), Halt> {
        let count = sorted.all.len() + sorted.to.len();
        if let Some(last) = sorted.all.last().or_else(|| sorted.to.last().map(|(_, record)| record)) {
            self.caller.meter().show(last);
        }
        let mut named: Vec<Vec<Record>> = vec![Vec::new(); self.edges.len()];
        for (edge, record) in sorted.to {
            named[edge].push(record);
        }
        let last = self.edges.len().saturating_sub(1);
        let mut all = sorted.all;
        for (index, mut records) in named.into_iter().enumerate() {
            let shared = if index == last { std::mem::take(&mut all) } else { all.clone() };
            if records.is_empty() {
                records = shared;
            } else {
                records.extend(shared);
            }
            self.send_to(index, records, token).await?;
        }
        StepMeter::add(&self.caller.meter().records_out, count);
        Ok(())
    }

    async fn send_to(&self, edge: usize, records: Vec<Record>, token: &Token) -> Result<(), Halt> {
        if records.is_empty() {
            return Ok(());
        }
        for piece in Batch::new(records, token.clone()).pieces() {
            let sent = self.caller.unless_halted(self.edges[edge].1.send(piece)).await?;
            sent.map_err(|_| Halt::Closed)?;
        }
        Ok(())
    }
}
