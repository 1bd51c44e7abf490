//! The tests that stand in pipeline files. Transforms work for real; sources, sinks and tasks are not called, so a test
//! changes nothing outside and needs nothing from there.

mod difference;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use flexcore_engine::{
    flow::{
        FlowContext,
        path::{PathResult, apply_step, path_test},
    },
    id::{RunId, StepName},
    pipeline::{
        Step,
        definition::{ErrorAction, TestCase},
    },
    port::{
        BoxFuture,
        clock::SystemClock,
        step::{CustomEvent, EventAppender, Outcome, Record, Secret, Secrets, StepError, StepTypes},
    },
    queue::memory::MemoryQueues,
};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Loaded;
use difference::{of_count, of_records};

/// The longest one test may take.
pub const TEST_TIME_MAX: Duration = Duration::from_secs(30);

/// Runs one test. Gives what is not as expected, a line each; nothing: it passes. `now` in jq is the beginning of 2000, so
/// that a test gives the same every day.
pub async fn run(loaded: &Loaded, case: &TestCase, types: &dyn StepTypes) -> Vec<String> {
    let trial = async {
        match &case.step {
            Some(step) => of_step(loaded, case, step, types).await,
            None => of_path(loaded, case, types).await,
        }
    };
    let too_long = || vec![format!("took longer than {} s", TEST_TIME_MAX.as_secs())];
    tokio::time::timeout(TEST_TIME_MAX, trial).await.unwrap_or_else(|_| too_long())
}

async fn of_step(loaded: &Loaded, case: &TestCase, name: &StepName, types: &dyn StepTypes) -> Vec<String> {
    let Some(step) = loaded.definition.steps.iter().find(|step| step.name == *name) else {
        return vec![format!("there is no step `{name}`")];
    };
    match apply_step(types, step, &context(loaded, case), records(&case.input)).await {
        Ok(outcomes) => {
            let (found, mut wrong) = kept(step, outcomes);
            wrong.extend(of_records(case.output.as_deref().unwrap_or_default(), &found));
            wrong
        }
        Err(error) => vec![failure(&error)],
    }
}

fn failure(error: &StepError) -> String {
    error.causes.iter().fold(error.message.clone(), |text, cause| format!("{text}: {cause}"))
}

/// The records that a step gave, and what it refused although its policy does not allow that.
fn kept(step: &Step, outcomes: Vec<Outcome>) -> (Vec<Value>, Vec<String>) {
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for (index, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Outcome::Keep(record) | Outcome::To(_, record) => found.push(record.value()),
            Outcome::Many(records) => found.extend(records.iter().map(Record::value)),
            Outcome::Reject(error) if step.on_error.policy().action == ErrorAction::Fail => {
                wrong.push(format!("input {} fails: {}", index + 1, error.message));
            }
            Outcome::Drop | Outcome::Reject(_) => {}
        }
    }
    (found, wrong)
}

async fn of_path(loaded: &Loaded, case: &TestCase, types: &dyn StepTypes) -> Vec<String> {
    let inputs = case.input.as_object().into_iter().flatten();
    let inputs = inputs.filter_map(|(name, list)| Some((StepName::new(name).ok()?, records(list)))).collect();
    let context = context(loaded, case);
    let result = path_test(&loaded.definition, &loaded.plan, types, &context, inputs, &case.mock).await;
    let mut wrong: Vec<String> = result.errors.iter().map(|(step, message)| format!("`{step}` fails: {message}")).collect();
    wrong.extend(case.expect.iter().flat_map(|(name, expected)| of_expectation(name, expected, &result)));
    wrong
}

fn of_expectation(name: &str, expected: &Value, result: &PathResult) -> Vec<String> {
    let found: Vec<Value> = match name {
        "dead_letters" => result.dead_letters.iter().map(|(_, record, _)| record.value()).collect(),
        _ => result.reached.get(name).into_iter().flatten().map(Record::value).collect(),
    };
    let mut wrong = match expected {
        Value::Array(records) => of_records(records, &found),
        count => of_count(count, &found),
    };
    if name == "dead_letters" && !wrong.is_empty() {
        wrong.extend(result.dead_letters.iter().map(|(step, _, error)| format!("refused by `{step}`: {}", error.message)));
    }
    wrong.into_iter().map(|line| format!("{name}: {line}")).collect()
}

fn records(list: &Value) -> Vec<Record> {
    list.as_array().into_iter().flatten().map(Record::of).collect()
}

fn context(loaded: &Loaded, case: &TestCase) -> FlowContext {
    FlowContext {
        pipeline: loaded.definition.name.clone(),
        run: RunId::fresh(),
        attempt: 1,
        trace: None,
        revision: loaded.revision,
        params: Arc::new(params(loaded, case)),
        started_at: Timestamp::constant(946_684_800, 0),
        checkpoints: BTreeMap::new(),
        folder: PathBuf::from(&*loaded.source.folder),
        clock: SystemClock::shared(),
        queues: Arc::new(MemoryQueues::new(SystemClock::shared())),
        events: Arc::new(Outside),
        secrets: Arc::new(Outside),
    }
}

/// Those of the test, then the defaults.
fn params(loaded: &Loaded, case: &TestCase) -> Map<String, Value> {
    let defaults = loaded.definition.params.iter().filter_map(|(name, param)| Some((name.clone(), param.default.clone()?)));
    defaults.chain(case.params.clone()).collect()
}

/// What a test does not reach.
struct Outside;

impl EventAppender for Outside {
    fn append_custom<'a>(&'a self, _: &'a StepName, _: Vec<CustomEvent>) -> BoxFuture<'a, Result<(), StepError>> {
        Box::pin(async { Err(StepError::permanent("a test appends no events")) })
    }
}

impl Secrets for Outside {
    fn resolve(&self, path: &str) -> Result<Secret, String> {
        Err(format!("a test looks up no secrets, and the step needs `{path}`: give the step an answer with `mock`"))
    }
}
