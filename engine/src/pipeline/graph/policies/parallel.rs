//! How many of a step may work at once: refused where the step type keeps something from one record to the next, because
//! then two of it would give another answer than one.

use crate::{
    pipeline::{Mistake, Step, definition::ConcurrencyPolicy},
    port::step::{StepKind, StepTypes},
};

/// The most batches of one step under way.
const PARALLELISM_MAX: u32 = 64;

pub(super) fn check(at: &str, step: &Step, types: &dyn StepTypes, mistakes: &mut Vec<Mistake>) {
    let Some(step_type) = types.find(&step.uses) else { return };
    let parallelism = step.parallelism;
    if !(1..=PARALLELISM_MAX).contains(&parallelism) {
        let message = format!("{parallelism} is not from 1 to {PARALLELISM_MAX}");
        mistakes.push(Mistake::at(format!("{at}/parallelism"), message).hint("so many batches are worked on at once"));
    } else if parallelism > 1 && !step_type.parallel {
        let able: Vec<_> = types.list().iter().filter(|other| other.parallel).map(|other| other.name).collect();
        let message = format!("only one `{}` can work at a time", step.uses);
        let hint = format!("leave `parallelism` out; several can work of {}", able.join(", "));
        mistakes.push(Mistake::at(format!("{at}/parallelism"), message).hint(hint));
    }
    if let Some(concurrency) = &step.concurrency {
        let at = format!("{at}/concurrency");
        mistakes.extend(concurrency_mistakes(&at, concurrency, step_type.kind, parallelism));
        if let Err(wrong) = types.key(&concurrency.key) {
            let message = format!("jq `{}` does not compile: {wrong}", concurrency.key);
            mistakes.push(Mistake::at(format!("{at}/key"), message));
        }
    }
}

fn concurrency_mistakes(at: &str, policy: &ConcurrencyPolicy, kind: StepKind, parallelism: u32) -> Option<Mistake> {
    let one = |message: String, hint: &str| Some(Mistake::at(at, message).hint(hint));
    match kind {
        StepKind::Sink if parallelism <= 1 => {
            one("one works at a time here, whatever the key".into(), "say with `parallelism` how many may work at once")
        }
        StepKind::Sink if !(1..=parallelism).contains(&policy.max) => {
            let message = format!("{} is not from 1 to {parallelism}, the step's `parallelism`", policy.max);
            Some(Mistake::at(format!("{at}/max"), message))
        }
        StepKind::Sink => None,
        StepKind::Transform => one("a transform keeps its order as it is".into(), "leave `concurrency` out"),
        StepKind::Source | StepKind::Task => one("no records come in here".into(), "leave `concurrency` out"),
    }
}
