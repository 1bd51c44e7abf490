//! Steps tried outside of a run, one after the other: a single step on given records, and a whole path with answers in
//! place of what reaches outside. Tests of pipeline files and dry runs walk the graph here.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    id::StepName,
    pipeline::{Definition, Plan, Step, definition::ErrorAction},
    port::step::{BuiltStep, Outcome, Record, RecordError, StepError, StepKind, StepTypes, Transform},
};

use super::{FlowContext, call::guarded, log::RunLog};

/// What a whole path did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PathResult {
    /// The records that came to each step; for a source, those that it was said to give.
    pub reached: BTreeMap<StepName, Vec<Record>>,
    /// Records that would be dead letters: where, which, why.
    pub dead_letters: Vec<(StepName, Record, RecordError)>,
    /// What would have failed the run: where and why.
    pub errors: Vec<(StepName, String)>,
}

/// Applies one transform to records, one outcome each, then ends it. Other kinds of steps cannot be applied: that is an error.
pub async fn apply_step(
    types: &dyn StepTypes,
    step: &Step,
    context: &FlowContext,
    records: Vec<Record>,
) -> Result<Vec<Outcome>, StepError> {
    let cancel = CancellationToken::new();
    let ends = cancel.clone().drop_guard();
    let step_context = context.of_step(&step.name, cancel, &RunLog::default());
    let applied = guarded(async {
        match types.build(step, step_context).await? {
            BuiltStep::Transform(mut transform) => {
                let applied = apply(&mut *transform, &records).await;
                transform.close().await;
                applied
            }
            BuiltStep::Source(_) | BuiltStep::Sink(_) | BuiltStep::Task(_) => {
                Err(StepError::permanent(format!("`{}` is no transform: it cannot be tried on records", step.name)))
            }
        }
    });
    let applied = applied.await;
    drop(ends);
    applied
}

async fn apply(transform: &mut dyn Transform, records: &[Record]) -> Result<Vec<Outcome>, StepError> {
    let outcomes = if records.is_empty() { Vec::new() } else { transform.apply(records).await? };
    if outcomes.len() != records.len() {
        let message = format!("it gave {} outcomes for {} records", outcomes.len(), records.len());
        return Err(StepError::permanent(message));
    }
    transform.finish().await?;
    Ok(outcomes)
}

/// Sends records from the sources along the whole path. Transforms work for real unless a mock answers for them: its value
/// takes the place of each record, a list stands for several. Sinks and tasks are not called. Errors do not stop it.
pub async fn path_test(
    definition: &Definition,
    plan: &Plan,
    types: &dyn StepTypes,
    context: &FlowContext,
    inputs: BTreeMap<StepName, Vec<Record>>,
    mocks: &BTreeMap<StepName, Value>,
) -> PathResult {
    let mut result = PathResult::default();
    let mut waiting = Waiting::of(plan, inputs);
    for index in plan.order.iter().copied() {
        let step = &definition.steps[index];
        let records = waiting.take(index);
        result.reached.insert(step.name.clone(), records.clone());
        match plan.kinds[index] {
            StepKind::Source => waiting.pass(index, &records),
            StepKind::Sink | StepKind::Task => {}
            StepKind::Transform => {
                let applied = match mocks.get(&step.name) {
                    Some(answer) => Ok(mocked(answer, &records)),
                    None => apply_step(types, step, context, records.clone()).await,
                };
                match applied {
                    Ok(outcomes) => result.note(step, waiting.spread(index, &records, outcomes)),
                    Err(error) => result.errors.push((step.name.clone(), error.message)),
                }
            }
        }
    }
    result
}

fn mocked(answer: &Value, records: &[Record]) -> Vec<Outcome> {
    let outcome = match answer {
        Value::Array(several) => Outcome::Many(several.iter().map(Record::of).collect()),
        one => Outcome::Keep(Record::of(one)),
    };
    vec![outcome; records.len()]
}

impl PathResult {
    fn note(&mut self, step: &Step, spread: Spread) {
        for (record, error) in spread.rejected {
            match step.on_error.policy().action {
                ErrorAction::DeadLetter => self.dead_letters.push((step.name.clone(), record, error)),
                ErrorAction::Fail => self.errors.push((step.name.clone(), error.message)),
                ErrorAction::Skip => {}
            }
        }
        self.errors.extend(
            spread
                .lost
                .into_iter()
                .map(|target| (step.name.clone(), format!("sends records to `{target}`, which takes none from it"))),
        );
    }
}

/// Records that have come to each step and wait for its turn.
pub(super) struct Waiting<'a> {
    plan: &'a Plan,
    records: BTreeMap<usize, Vec<Record>>,
}

/// What went where from one step.
#[derive(Default)]
pub(super) struct Spread {
    /// All that went on, in order.
    pub(super) output: Vec<Record>,
    pub(super) dropped: usize,
    pub(super) rejected: Vec<(Record, RecordError)>,
    /// Names that records were sent to in vain.
    pub(super) lost: Vec<StepName>,
}

impl<'a> Waiting<'a> {
    pub(super) fn of(plan: &'a Plan, inputs: BTreeMap<StepName, Vec<Record>>) -> Self {
        let records = inputs.into_iter().filter_map(|(name, records)| Some((plan.index(&name)?, records))).collect();
        Self { plan, records }
    }

    pub(super) fn take(&mut self, index: usize) -> Vec<Record> {
        self.records.remove(&index).unwrap_or_default()
    }

    /// To every step behind.
    pub(super) fn pass(&mut self, index: usize, records: &[Record]) {
        for after in self.plan.data_after(index) {
            self.records.entry(after).or_default().extend_from_slice(records);
        }
    }

    pub(super) fn spread(&mut self, index: usize, input: &[Record], outcomes: Vec<Outcome>) -> Spread {
        let mut spread = Spread::default();
        for (record, outcome) in input.iter().zip(outcomes) {
            match outcome {
                Outcome::Keep(kept) => self.go_on(index, vec![kept], &mut spread),
                Outcome::Many(several) => self.go_on(index, several, &mut spread),
                Outcome::To(target, kept) => self.go_to(index, target, kept, &mut spread),
                Outcome::Drop => spread.dropped += 1,
                Outcome::Reject(error) => spread.rejected.push((record.clone(), error)),
            }
        }
        spread
    }

    fn go_on(&mut self, index: usize, records: Vec<Record>, spread: &mut Spread) {
        self.pass(index, &records);
        spread.output.extend(records);
    }

    fn go_to(&mut self, index: usize, target: StepName, record: Record, spread: &mut Spread) {
        let found = self.plan.data_after(index).find(|after| self.plan.steps[*after] == target);
        match found {
            Some(after) => self.records.entry(after).or_default().push(record.clone()),
            None => spread.lost.push(target),
        }
        spread.output.push(record);
    }
}
