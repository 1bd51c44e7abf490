//! Calls a step: bounded by the step's timeout, tried again by its policy, ended by a halt, and survived when it panics.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;

use crate::{
    event::run::RunError,
    pipeline::{Step, definition::ErrorAction},
    port::{
        BoxFuture,
        step::{Record, RecordError, StepError, StepKind},
    },
    retry::backoff,
};

use super::{
    log::{LogLevel, StepLog},
    meter::StepMeter,
    shared::Shared,
};

/// The longest message, cause or record of an error, in bytes.
const ERROR_BYTES_MAX: usize = 4 << 10;
const CAUSE_BYTES_MAX: usize = 1 << 10;

/// Why a step does not go on.
#[derive(Debug)]
pub(super) enum Halt {
    /// The flow halts.
    Cancelled,
    /// The step behind has gone; its own error says why.
    Closed,
    /// The lease is lost.
    Fenced,
    /// The step's own error, kept by the flow already.
    Failed(Box<RunError>),
}

/// Calls one step on behalf of the flow. Cheap to clone.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) shared: Arc<Shared>,
    pub(super) index: usize,
    pub(super) log: StepLog,
}

impl Caller {
    pub(super) fn new(shared: Arc<Shared>, index: usize) -> Self {
        let log = shared.log.of_step(shared.step(index).name.clone(), shared.context.clock.clone());
        Self { shared, index, log }
    }

    pub(super) fn step(&self) -> &Step {
        self.shared.step(self.index)
    }

    /// Whether this is the queue of a replay, which is no step of the definition.
    pub(super) fn is_feeder(&self) -> bool {
        self.index >= self.shared.definition.steps.len()
    }

    pub(super) fn meter(&self) -> &StepMeter {
        self.shared.meters.step(self.index)
    }

    /// Calls until it works, the budget is used up, or the flow halts.
    pub(super) async fn call<S: Send, T: Send>(
        &self,
        state: &mut S,
        mut call: impl for<'a> FnMut(&'a mut S) -> BoxFuture<'a, Result<T, StepError>>,
    ) -> Result<T, Halt> {
        let mut failures = 0;
        loop {
            match self.once(async { call(state).await }).await? {
                Ok(answer) => {
                    if failures > 0 {
                        self.meter().works_again();
                    }
                    return Ok(answer);
                }
                Err(error) => {
                    failures += 1;
                    self.wait_to_retry(failures, &error).await?;
                }
            }
        }
    }

    /// One try.
    pub(super) async fn once<T>(&self, call: impl Future<Output = Result<T, StepError>>) -> Result<Result<T, StepError>, Halt> {
        tokio::select! {
            biased;
            () = self.shared.halt.cancelled() => Err(Halt::Cancelled),
            answer = guarded(call) => Ok(answer),
            () = self.too_long() => Ok(Err(self.timed_out())),
        }
    }

    /// Resolves after the step's timeout; never, if it has none.
    pub(super) async fn too_long(&self) {
        match self.step().timeout {
            Some(timeout) => self.shared.context.clock.sleep(timeout.0).await,
            None => std::future::pending().await,
        }
    }

    pub(super) fn timed_out(&self) -> StepError {
        let timeout = self.step().timeout.unwrap_or_default();
        StepError::transient(format!("`{}` took longer than its timeout of {timeout}", self.step().name))
    }

    /// Waits for the next try; the failure itself when there is none.
    pub(super) async fn wait_to_retry(&self, failures: u32, error: &StepError) -> Result<(), Halt> {
        let wait = self.retry_wait(failures, error)?;
        self.unless_halted(self.shared.context.clock.sleep(wait)).await
    }

    /// How long to wait before the next try; the failure itself when there is none.
    pub(super) fn retry_wait(&self, failures: u32, error: &StepError) -> Result<Duration, Halt> {
        if !error.retryable || self.spent(failures) {
            return Err(self.fail(error, failures, None));
        }
        let wait = backoff(&self.step().retry, failures, self.shared.random());
        self.meter().retrying(self.shared.context.clock.now(), &error.message);
        let text = format!("try {failures} failed, the next one in {} ms: {}", wait.as_millis(), error.message);
        self.log.warn(&text);
        Ok(wait)
    }

    /// Whether the budget of tries is used up; 0 attempts are never used up.
    pub(super) fn spent(&self, failures: u32) -> bool {
        let attempts = self.step().retry.attempts;
        attempts != 0 && failures >= attempts
    }

    pub(super) async fn unless_halted<T>(&self, future: impl Future<Output = T>) -> Result<T, Halt> {
        tokio::select! {
            biased;
            () = self.shared.halt.cancelled() => Err(Halt::Cancelled),
            answer = future => Ok(answer),
        }
    }

    /// Fails the flow by an error of the step.
    pub(super) fn fail(&self, error: &StepError, tries: u32, record: Option<&Record>) -> Halt {
        let error = self.run_error(error, tries, record);
        self.log.line(LogLevel::Error, &error.message);
        self.meter().works_again();
        if !self.is_tolerated() {
            self.shared.fail(error.clone());
        }
        Halt::Failed(Box::new(error))
    }

    /// Whether the run goes on when this step fails: a task may say so.
    fn is_tolerated(&self) -> bool {
        let is_task = self.shared.plan.kinds.get(self.index) == Some(&StepKind::Task);
        is_task && self.step().on_error.policy().action == ErrorAction::Skip
    }

    /// Fails the flow by a record that could not be processed.
    pub(super) fn fail_record(&self, record: &Record, error: &RecordError) -> Halt {
        let place = match record.origin.to_string() {
            place if place.is_empty() => String::new(),
            place => format!(" ({place})"),
        };
        let message = format!("{}{place}", error.message);
        self.fail(&StepError { message, causes: Vec::new(), retryable: error.retryable }, 1, Some(record))
    }

    pub(super) fn run_error(&self, error: &StepError, tries: u32, record: Option<&Record>) -> RunError {
        let mut causes: Vec<_> = error.causes.iter().take(8).map(|cause| cut(cause, CAUSE_BYTES_MAX)).collect();
        if tries > 1 {
            causes.push(format!("tried {tries} times"));
        }
        let record = record.map(|record| cut(&String::from_utf8_lossy(&record.json), ERROR_BYTES_MAX));
        let step = (!self.is_feeder()).then(|| self.step().name.clone());
        RunError { step, message: cut(&error.message, ERROR_BYTES_MAX), causes, record, retryable: error.retryable }
    }
}

fn cut(text: &str, bytes_max: usize) -> String {
    text[..text.floor_char_boundary(bytes_max)].to_owned()
}

/// A call that panics is an error that says so.
pub(super) async fn guarded<T>(call: impl Future<Output = Result<T, StepError>>) -> Result<T, StepError> {
    match AssertUnwindSafe(call).catch_unwind().await {
        Ok(answer) => answer,
        Err(panic) => Err(StepError::permanent(format!("the step panicked: {}", panic_text(&*panic)))),
    }
}

/// What a panic said.
pub(super) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it did not say why")
}
