//! What the steps of one flow share: who is told, who must stop, and the first real error.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio_util::sync::CancellationToken;

use crate::{
    event::run::RunError,
    id::QueueName,
    pipeline::{Definition, Plan, Step, definition::Retry},
    port::{
        BoxFuture,
        queue::{QueueError, QueueLimits},
        report::{ReportError, RunReport},
        step::StepTypes,
    },
    retry::backoff,
};

use super::{Flow, FlowContext, FlowInput, call::Halt, log::RunLog, meter::FlowMeters, trail::Trails};

/// Tries of a report while the log cannot be written.
const REPORT_TRIES_MAX: u32 = 5;

/// One for a flow.
pub(super) struct Shared {
    pub(super) definition: Arc<Definition>,
    pub(super) plan: Arc<Plan>,
    pub(super) types: Arc<dyn StepTypes>,
    pub(super) input: FlowInput,
    pub(super) context: FlowContext,
    pub(super) report: Arc<dyn RunReport>,
    pub(super) meters: Arc<FlowMeters>,
    pub(super) log: RunLog,
    /// Sources stop, the rest goes on to its end.
    pub(super) stop: CancellationToken,
    /// Everything stops.
    pub(super) halt: CancellationToken,
    pub(super) grace: std::time::Duration,
    /// The step that feeds a replay: at the index after the definition's steps.
    pub(super) feeder: Step,
    /// How sinks can be gone on with.
    pub(super) trails: Trails,
    failure: Mutex<Option<RunError>>,
    fenced: AtomicBool,
    dead_declared: AtomicBool,
    random: AtomicU64,
}

impl Shared {
    pub(super) fn of(flow: Flow) -> Self {
        Self {
            feeder: super::replay::feeder(),
            trails: Trails::default(),
            definition: flow.definition,
            plan: flow.plan,
            types: flow.types,
            input: flow.input,
            context: flow.context,
            report: flow.report,
            meters: flow.meters,
            log: flow.log,
            stop: CancellationToken::new(),
            halt: CancellationToken::new(),
            grace: flow.grace.0,
            failure: Mutex::default(),
            fenced: AtomicBool::new(false),
            dead_declared: AtomicBool::new(false),
            random: AtomicU64::new(flow.seed),
        }
    }

    pub(super) fn step(&self, index: usize) -> &Step {
        self.definition.steps.get(index).unwrap_or(&self.feeder)
    }

    pub(super) fn is_replay(&self) -> bool {
        matches!(self.input, FlowInput::Replay(_))
    }

    /// Keeps the first real error and halts the flow.
    pub(super) fn fail(&self, error: RunError) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(error);
        drop(failure);
        self.halt.cancel();
    }

    pub(super) fn failure(&self) -> Option<RunError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_fenced(&self) -> bool {
        self.fenced.load(Ordering::Acquire)
    }

    /// From 0 to 1, by the flow's seed (splitmix64).
    pub(super) fn random(&self) -> f64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut word = self.random.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ (word >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Tells the engine. A log that cannot be written is tried again for a while; a lost lease halts everything.
    pub(super) async fn tell<'a>(
        &'a self,
        report: impl Fn(&'a dyn RunReport) -> BoxFuture<'a, Result<(), ReportError>>,
    ) -> Result<(), Halt> {
        let mut failures = 0;
        loop {
            if self.is_fenced() {
                return Err(Halt::Fenced);
            }
            match report(&*self.report).await {
                Ok(()) => return Ok(()),
                Err(ReportError::Fenced) => {
                    self.fenced.store(true, Ordering::Release);
                    self.halt.cancel();
                    return Err(Halt::Fenced);
                }
                Err(ReportError::Unavailable(why)) => {
                    failures += 1;
                    if failures >= REPORT_TRIES_MAX || self.halt.is_cancelled() {
                        return Err(self.unkept(why));
                    }
                }
            }
            let wait = backoff(&Retry::default(), failures, self.random());
            tokio::select! {
                () = self.halt.cancelled() => {}
                () = self.context.clock.sleep(wait) => {}
            }
        }
    }

    fn unkept(&self, why: String) -> Halt {
        let message = "the log could not keep what the run reports".to_owned();
        let error = RunError { step: None, message, causes: vec![why], record: None, retryable: true };
        self.fail(error.clone());
        Halt::Failed(Box::new(error))
    }

    /// The pipeline's dead-letter queue, declared with the limits of the definition.
    pub(super) async fn dead_letters(&self) -> Result<QueueName, QueueError> {
        let queue = QueueName::dead_letters_of(&self.context.pipeline);
        if !self.dead_declared.load(Ordering::Acquire) {
            let policy = self.definition.dead_letters;
            let limits = QueueLimits { dead_retain: policy.retain, dead_bytes_max: policy.bytes_max, ..QueueLimits::default() };
            self.context.queues.declare(&queue, limits).await?;
            self.dead_declared.store(true, Ordering::Release);
        }
        Ok(queue)
    }
}
