//! A definition tried on a few sample records: sources read them, transforms change them, sinks and tasks are left out, so
//! that nothing outside changes.

use crate::{
    id::StepName,
    port::step::{Record, RecordError, StepKind},
};

/// The most records that a dry run takes from each source, and shows after each step.
pub const SAMPLES_MAX: usize = 20;

/// What one step did with the samples.
#[derive(Debug, Clone, PartialEq)]
pub struct DryStep {
    /// Which.
    pub step: StepName,
    /// What it is.
    pub kind: StepKind,
    /// Records that came in.
    pub records_in: usize,
    /// Records that went on (for a sink: what it would have been given), at most [`SAMPLES_MAX`].
    pub output: Vec<Record>,
    /// Records filtered out.
    pub dropped: usize,
    /// Records refused, at most [`SAMPLES_MAX`].
    pub rejected: Vec<(Record, RecordError)>,
    /// Why the step could not work at all.
    pub error: Option<String>,
}

/// What every step did with the samples, in the definition's order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DryRun {
    /// One a step.
    pub steps: Vec<DryStep>,
}
