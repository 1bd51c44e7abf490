//! The parts of a definition that are not wiring: triggers, retries, limits, tests. What the type system cannot refuse is
//! refused here.

use crate::{
    pipeline::{
        Definition, Mistake, Step,
        definition::{ErrorAction, Notify, Retry, TestCase},
        rate::Rate,
    },
    port::step::{BATCH_RECORDS_MAX, StepKind, StepTypes},
    runtime::schedule::Schedule,
    unit::Duration,
};

mod parallel;

use super::Plan;

/// Adds everything wrong with triggers, policies and tests.
pub(super) fn check(definition: &Definition, plan: &Plan, types: &dyn StepTypes, mistakes: &mut Vec<Mistake>) {
    // What the scheduler cannot read is refused here by the scheduler's own reading, or a pipeline would pass and never run.
    mistakes.extend(Schedule::mistakes(&definition.triggers).into_iter().map(Mistake::from));
    run_policies(definition, mistakes);
    for (index, step) in definition.steps.iter().enumerate() {
        parallel::check(&format!("/steps/{index}"), step, types, mistakes);
        let known = plan.kinds.get(index).copied().unwrap_or(StepKind::Task);
        step_policies(&format!("/steps/{index}"), step, known, mistakes);
    }
    for (index, case) in definition.tests.iter().enumerate() {
        test_case(&format!("/tests/{index}"), case, plan, mistakes);
    }
}

fn run_policies(definition: &Definition, mistakes: &mut Vec<Mistake>) {
    if let Some(retry) = &definition.retry {
        retry_policy("/retry", retry, mistakes);
        if retry.attempts == 0 {
            let message = "a run is not tried for ever: `attempts: 0` is for steps";
            mistakes.push(Mistake::at("/retry/attempts", message).hint("write how many tries, the first included"));
        }
    }
    let positive = [
        ("/timeout", definition.timeout.unwrap_or(Duration::from_secs(1))),
        ("/checkpoint/every", definition.checkpoint.every),
        ("/drain", definition.drain),
    ];
    mistakes.extend(positive.iter().filter(|(_, length)| length.0.is_zero()).map(|(at, _)| zero(at)));
    mistakes.extend(Notify::mistakes(&definition.notify));
    if definition.checkpoint.records == 0 {
        mistakes.push(zero("/checkpoint/records"));
    }
}

fn zero(at: &str) -> Mistake {
    Mistake::at(at, "must be more than 0")
}

fn retry_policy(at: &str, retry: &Retry, mistakes: &mut Vec<Mistake>) {
    if !(1.0..=100.0).contains(&retry.factor) {
        mistakes.push(Mistake::at(format!("{at}/factor"), format!("{} is not a factor from 1 to 100", retry.factor)));
    }
    if !(0.0..=1.0).contains(&retry.jitter) {
        mistakes.push(Mistake::at(format!("{at}/jitter"), format!("{} is not a share from 0 to 1", retry.jitter)));
    }
    if retry.backoff.0.is_zero() {
        mistakes.push(zero(&format!("{at}/backoff")));
    }
    if retry.max < retry.backoff {
        let message = format!("the longest wait, {}, is shorter than the first, {}", retry.max, retry.backoff);
        mistakes.push(Mistake::at(format!("{at}/max"), message));
    }
}

fn step_policies(at: &str, step: &Step, kind: StepKind, mistakes: &mut Vec<Mistake>) {
    retry_policy(&format!("{at}/retry"), &step.retry, mistakes);
    error_policy(&format!("{at}/on_error"), step, kind, mistakes);
    if step.timeout.is_some_and(|timeout| timeout.0.is_zero()) {
        mistakes.push(zero(&format!("{at}/timeout")));
    }
    if let Some(Err(error)) = step.rate.as_deref().map(str::parse::<Rate>) {
        mistakes.push(Mistake::at(format!("{at}/rate"), error.to_string()));
    }
    if step.rate.is_some() && kind == StepKind::Task {
        mistakes.push(Mistake::at(format!("{at}/rate"), "a task has no records to hold back").hint("leave `rate` out"));
    }
    if step.buffer.records_max == 0 {
        mistakes.push(zero(&format!("{at}/buffer/records_max")));
    }
    let Some(batch) = step.batch else { return };
    if kind != StepKind::Sink {
        mistakes
            .push(Mistake::at(format!("{at}/batch"), "only sinks gather records").hint("write it at the sink after this step"));
    }
    if batch.max == 0 || batch.max as usize > BATCH_RECORDS_MAX {
        mistakes.push(Mistake::at(format!("{at}/batch/max"), format!("{} is not from 1 to {BATCH_RECORDS_MAX}", batch.max)));
    }
}

fn error_policy(at: &str, step: &Step, kind: StepKind, mistakes: &mut Vec<Mistake>) {
    let policy = step.on_error.policy();
    if kind == StepKind::Task && policy.action == ErrorAction::DeadLetter {
        mistakes.push(Mistake::at(at, "a task has no records for the dead letters").hint("write `fail` or `skip`"));
    }
    if !(0.0..=1.0).contains(&policy.ratio_max) {
        mistakes.push(Mistake::at(format!("{at}/ratio_max"), format!("{} is not a share from 0 to 1", policy.ratio_max)));
    } else if policy.ratio_max == 0.0 && policy.action != ErrorAction::Fail {
        let message = "with `ratio_max: 0` the first record that fails ends the run";
        mistakes.push(Mistake::at(format!("{at}/ratio_max"), message).hint("allow a share, like 0.01, or write `fail`"));
    }
    if policy.window == 0 {
        mistakes.push(zero(&format!("{at}/window")));
    }
}

fn test_case(at: &str, case: &TestCase, plan: &Plan, mistakes: &mut Vec<Mistake>) {
    let known = || plan.steps.iter().map(crate::id::StepName::as_str);
    let mut named = |pointer: String, name: &str| {
        if !known().any(|step| step == name) {
            mistakes.push(Mistake::at(pointer, format!("there is no step `{name}`")).did_you_mean(name, known()));
        }
    };
    if let Some(step) = &case.step {
        named(format!("{at}/step"), step.as_str());
    }
    for name in case.mock.keys() {
        named(format!("{at}/mock/{name}"), name.as_str());
    }
    for name in case.expect.keys().filter(|name| *name != "dead_letters") {
        named(format!("{at}/expect/{name}"), name);
    }
    if case.step.is_none() {
        for name in case.input.as_object().into_iter().flat_map(serde_json::Map::keys) {
            named(format!("{at}/input/{name}"), name);
        }
    }
    mistakes.extend(test_shape(at, case));
}

fn test_shape(at: &str, case: &TestCase) -> Option<Mistake> {
    match &case.step {
        Some(_) if !case.input.is_array() => Some(Mistake::at(format!("{at}/input"), "the input of a step is a list of records")),
        Some(_) if case.output.is_none() => {
            Some(Mistake::at(at, "a test of a step needs `output`, the records that it must give").hint("`output: []` for none"))
        }
        None if !case.input.is_object() => Some(
            Mistake::at(format!("{at}/input"), "the input of a whole path is a map from source to a list of records")
                .hint("for one step, name it with `step`"),
        ),
        None if case.expect.is_empty() => {
            Some(Mistake::at(at, "a test of the whole path needs `expect`, how many records reach which step"))
        }
        Some(_) | None => None,
    }
}
