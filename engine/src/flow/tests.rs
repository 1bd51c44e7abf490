//! Flows on scripted steps and a manual clock: no test here waits for real time.

mod errors;
mod moves;
mod progress;
mod resumes;
mod stops;
mod tried;
mod tries;
mod workers;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Flow, FlowContext, FlowEnd, FlowInput, log::RunLog, meter::FlowMeters};
use crate::{
    event::run::{RunError, StepOutcome},
    id::{PipelineName, QueueName, Revision, RunId, StepName},
    pipeline::{Definition, Plan},
    port::{
        clock::Clock,
        queue::{Peek, Queues},
    },
    queue::memory::MemoryQueues,
    testing::{
        clock::ManualClock,
        steps::{Deed, Diary, DiaryReport, Nothing, Place, ScriptedSteps},
    },
    unit,
};

/// The outside of a flow.
struct World {
    clock: ManualClock,
    diary: Diary,
    report: DiaryReport,
    types: Arc<ScriptedSteps>,
    queues: Arc<MemoryQueues>,
    checkpoints: BTreeMap<StepName, BTreeMap<String, Value>>,
    input: FlowInput,
    log: RunLog,
}

/// A flow that runs.
struct Running {
    cancel: CancellationToken,
    meters: Arc<FlowMeters>,
    end: JoinHandle<FlowEnd>,
}

impl Running {
    async fn end(self) -> FlowEnd {
        self.end.await.unwrap()
    }

    async fn error(self) -> RunError {
        match self.end().await {
            FlowEnd::Failed(error) => error,
            other => panic!("{other:?}"),
        }
    }
}

fn definition(value: Value) -> Definition {
    let mut value = value;
    value["name"] = json!("test");
    serde_json::from_value(value).unwrap()
}

/// A batch pipeline of these steps.
fn batch(steps: Value) -> Definition {
    let mut value = json!({});
    value["steps"] = steps;
    definition(value)
}

/// Retries at once-a-second steps, without jitter.
fn steady(attempts: u32) -> Value {
    json!({"attempts": attempts, "backoff": "1s", "factor": 1.0, "max": "1s", "jitter": 0.0})
}

fn succeeded(records_in: u64, records_out: u64, dead: u64) -> FlowEnd {
    FlowEnd::Succeeded { records_in, records_out, dead }
}

fn name(step: &str) -> StepName {
    StepName::new(step).unwrap()
}

impl World {
    fn new() -> Self {
        let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
        let diary = Diary::default();
        Self {
            queues: Arc::new(MemoryQueues::new(clock.shared())),
            clock,
            report: DiaryReport::new(diary.clone()),
            types: ScriptedSteps::new(diary.clone()),
            diary,
            checkpoints: BTreeMap::new(),
            input: FlowInput::Sources,
            log: RunLog::default(),
        }
    }

    fn start(&self, definition: Definition) -> Running {
        let plan = Plan::of(&definition, &*self.types).expect("the definition of a test is right");
        let meters = FlowMeters::new(&definition, &plan);
        let cancel = CancellationToken::new();
        let flow = Flow {
            definition: Arc::new(definition),
            plan: Arc::new(plan),
            types: self.types.clone(),
            input: self.input.clone(),
            context: self.context(),
            report: Arc::new(self.report.clone()),
            cancel: cancel.clone(),
            meters: meters.clone(),
            log: self.log.clone(),
            seed: 7,
            grace: unit::Duration::from_secs(10),
        };
        Running { cancel, meters, end: tokio::spawn(flow.run()) }
    }

    fn context(&self) -> FlowContext {
        FlowContext {
            pipeline: PipelineName::new("test").unwrap(),
            run: RunId::of_tick(&PipelineName::new("test").unwrap(), Timestamp::UNIX_EPOCH),
            attempt: 1,
            trace: None,
            revision: Revision([7; 32]),
            params: Arc::default(),
            started_at: self.clock.now(),
            checkpoints: self.checkpoints.clone(),
            folder: ".".into(),
            clock: self.clock.shared(),
            queues: self.queues.clone(),
            events: Arc::new(Nothing),
            secrets: Arc::new(Nothing),
        }
    }

    async fn until_at(&self, step: &str, place: Place, times: usize) {
        self.diary.wait_for(times, |deed| *deed == Deed::At(step.into(), place)).await;
    }

    /// Runs to the end, moving the clock on whenever everybody waits for it.
    async fn to_end(&self, running: Running) -> FlowEnd {
        let mut end = running.end;
        loop {
            let idle = async {
                for _ in 0..200 {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                biased;
                end = &mut end => return end.unwrap(),
                () = idle => { self.clock.advance_to_next(); }
            };
        }
    }

    async fn dead_letters(&self) -> Vec<crate::port::queue::PeekedMessage> {
        let queue = QueueName::dead_letters_of(&PipelineName::new("test").unwrap());
        self.queues.peek(&queue, Peek::Dead, 0, 100).await.unwrap_or_default()
    }

    fn outcome(&self, step: &str) -> Option<StepOutcome> {
        self.diary.deeds().into_iter().find_map(|deed| match deed {
            Deed::Ended(name, outcome, _) if name == step => Some(outcome),
            _ => None,
        })
    }

    fn place_of(&self, deed: &Deed) -> usize {
        let deeds = self.diary.deeds();
        deeds.iter().position(|other| other == deed).unwrap_or_else(|| panic!("{deed:?} is not in {deeds:#?}"))
    }
}

const SECOND: Duration = Duration::from_secs(1);
