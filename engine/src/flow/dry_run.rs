//! A definition tried on a few sample records: sources read them, transforms change them, sinks and tasks are left out, so
//! that nothing outside changes.

use std::{collections::BTreeMap, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    id::StepName,
    pipeline::{Definition, Plan, Step},
    port::{
        clock::after,
        step::{BuiltStep, Pull, Record, RecordError, Source, StepError, StepKind, StepTypes},
    },
};

use super::{
    FlowContext,
    call::guarded,
    log::RunLog,
    path::{Spread, Waiting, apply_step},
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

/// How long a source may take to give its samples.
pub const SAMPLE_TIME_MAX: Duration = Duration::from_secs(5);

/// Takes up to [`SAMPLES_MAX`] records from each source, for at most [`SAMPLE_TIME_MAX`] each, and sends them along the
/// path. What fails is said with its step and does not stop the others. Nothing is acked at a source.
pub async fn dry_run(definition: &Definition, plan: &Plan, types: &dyn StepTypes, context: &FlowContext) -> DryRun {
    let mut waiting = Waiting::of(plan, BTreeMap::new());
    let mut steps = BTreeMap::new();
    for index in plan.order.iter().copied() {
        let step = &definition.steps[index];
        let input = waiting.take(index);
        let mut dry = DryStep::of(step, plan.kinds[index], input.len());
        match dry.kind {
            StepKind::Source => {
                sample(types, step, context, &mut dry).await;
                waiting.pass(index, &dry.output);
            }
            StepKind::Transform => match apply_step(types, step, context, input.clone()).await {
                Ok(outcomes) => dry.note(waiting.spread(index, &input, outcomes)),
                Err(error) => dry.error = Some(error.message),
            },
            StepKind::Sink => dry.output = input,
            StepKind::Task => {}
        }
        dry.output.truncate(SAMPLES_MAX);
        dry.rejected.truncate(SAMPLES_MAX);
        steps.insert(index, dry);
    }
    DryRun { steps: steps.into_values().collect() }
}

impl DryStep {
    fn of(step: &Step, kind: StepKind, records_in: usize) -> Self {
        let name = step.name.clone();
        Self { step: name, kind, records_in, output: Vec::new(), dropped: 0, rejected: Vec::new(), error: None }
    }

    fn note(&mut self, spread: Spread) {
        self.output = spread.output;
        self.dropped = spread.dropped;
        self.rejected = spread.rejected;
        if let Some(target) = spread.lost.first() {
            self.error = Some(format!("sends records to `{target}`, which takes none from it"));
        }
    }
}

async fn sample(types: &dyn StepTypes, step: &Step, context: &FlowContext, dry: &mut DryStep) {
    let cancel = CancellationToken::new();
    let step_context =
        FlowContext { checkpoints: BTreeMap::new(), ..context.clone() }.of_step(&step.name, cancel.clone(), &RunLog::default());
    let too_late = after(context.clock.now(), SAMPLE_TIME_MAX);
    let mut built = None;
    let taken = guarded(async {
        match types.build(step, step_context).await? {
            BuiltStep::Source(source) => take(&mut **built.insert(source), dry).await,
            BuiltStep::Transform(_) | BuiltStep::Sink(_) | BuiltStep::Task(_) => {
                Err(StepError::permanent(format!("`{}` was built as another kind than it is listed as", step.name)))
            }
        }
    });
    let taken = tokio::select! {
        taken = taken => taken,
        () = context.clock.sleep_until(too_late) => Ok(()),
    };
    cancel.cancel();
    let closed = guarded(async {
        if let Some(source) = &mut built {
            source.close().await;
        }
        Ok(())
    });
    let closed = closed.await;
    dry.error = taken.and(closed).err().map(|error| error.message);
}

async fn take(source: &mut dyn Source, dry: &mut DryStep) -> Result<(), StepError> {
    while dry.output.len() < SAMPLES_MAX && dry.rejected.len() < SAMPLES_MAX {
        match source.next().await? {
            Pull::Batch(batch) => {
                dry.output.extend(batch.records);
                dry.rejected.extend(batch.rejected);
            }
            Pull::End => break,
        }
    }
    dry.output.truncate(SAMPLES_MAX);
    dry.records_in = dry.output.len() + dry.rejected.len();
    Ok(())
}
