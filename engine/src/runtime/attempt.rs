//! One attempt: claim the run, keep the lease alive while its flow moves, report how it ended. The message is acked last,
//! so that a worker that dies anywhere in between leaves it to the next one.

use std::{sync::Arc, time};

use tokio::{sync::OwnedSemaphorePermit, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    HEARTBEAT, LEASE, Shared,
    assignment::{Assignment, Ticket},
    live::LiveRun,
    replay,
    report::LeasedReport,
    runs_queue,
};
use crate::{
    aggregate::Rejection,
    command::{Command, RunCommand},
    event::{pipeline::RunTrigger, run::RunError},
    flow::{Flow, FlowContext, FlowEnd, FlowInput, log::RunLog, meter::FlowMeters},
    handle::{Refusal, replay_queue},
    id::{Actor, RunId},
    pipeline::{Mistake, Plan},
    port::{
        clock::between,
        queue::{Leased, Receipt},
        report::ReportError,
    },
    projection::runs::{RunRow, RunState},
    retry::backoff,
    unit::Duration,
};

/// How long steps may take to let go of a run that was stopped.
const LET_GO: Duration = Duration::from_secs(10);

/// The least time before a run that cannot begin yet is looked at again.
const AGAIN_MIN: time::Duration = time::Duration::from_millis(100);
/// When to look again at a message for a run that is being worked on.
const IN_HAND_AGAIN: Duration = Duration::from_secs(1);

/// Works on one message of the queue of runs, and holds a slot as long as it takes.
pub(super) async fn work(shared: Arc<Shared>, leased: Leased, slot: OwnedSemaphorePermit) {
    let Some(ticket) = Ticket::read(&leased.body) else {
        tracing::error!("a message in the queue of runs is not one of ours; it is dropped");
        return done(&shared, leased.receipt).await;
    };
    // A second message for a run, or a lease that ended without its worker's knowledge: never two attempts at once.
    let Some(in_hand) = shared.live.take(ticket.run) else {
        return give_back(&shared, leased.receipt, IN_HAND_AGAIN).await;
    };
    match claim(&shared, ticket.run).await {
        Claim::Go(assignment) => {
            // Whatever is logged on the way says what it belongs to, as it does for a request.
            let span = tracing::info_span!("run", run = %assignment.run, correlation = %assignment.correlation);
            Attempt::new(shared.clone(), *assignment, leased.receipt).run().instrument(span).await;
        }
        Claim::Later(delay) => give_back(&shared, leased.receipt, delay).await,
        Claim::Moot => done(&shared, leased.receipt).await,
    }
    drop((in_hand, slot));
}

enum Claim {
    Go(Box<Assignment>),
    Later(Duration),
    Moot,
}

async fn claim(shared: &Shared, run: RunId) -> Claim {
    let Some(assignment) = shared.engine.view(move |models| Assignment::of(models, run)).await else {
        return Claim::Moot;
    };
    let start = RunCommand::Start {
        epoch: assignment.epoch,
        worker: shared.settings.node.clone(),
        timeout: assignment.definition.attempt_timeout(),
    };
    let answer = shared.submit_as(Actor::Engine, Command::Run(run, start), assignment.correlation, None).await;
    match answer {
        Ok(_) => Claim::Go(Box::new(Assignment { attempt: attempt_of(shared, run).await, ..assignment })),
        Err(Refusal::Rejected(Rejection::NotYet(_))) => Claim::Later(until_next(shared, run).await),
        Err(Refusal::Rejected(rejection)) => {
            tracing::debug!(%rejection, "a run needs no worker any more");
            end_cancelling(shared, run).await;
            Claim::Moot
        }
        Err(refusal) => {
            tracing::warn!(%refusal, "a run could not be claimed; it is tried again");
            Claim::Later(Duration::from_secs(1))
        }
    }
}

/// A run that was to stop when its worker was lost has stopped: its message would not be here otherwise.
pub(super) async fn end_cancelling(shared: &Shared, run: RunId) {
    let is_cancelling = |row: &&RunRow| row.state == RunState::Cancelling;
    let epoch = shared.engine.view(move |models| models.runs.runs.get(&run).filter(is_cancelling).map(|row| row.epoch)).await;
    if let Some(epoch) = epoch {
        let command = RunCommand::ExpireLease { epoch, backoff: Duration::default() };
        if let Err(refusal) = shared.submit(Command::Run(run, command)).await {
            tracing::debug!(%refusal, "a run that was to stop has ended by itself");
        }
    }
}

/// How long a run still waits for its next attempt.
async fn until_next(shared: &Shared, run: RunId) -> Duration {
    let now = shared.engine.clock().now();
    let is_waiting = |row: &&RunRow| row.state == RunState::Retrying;
    let next_at = shared.engine.view(move |models| models.runs.runs.get(&run).filter(is_waiting)?.deadline).await;
    Duration(next_at.map_or_else(Default::default, |at| between(now, at)).max(AGAIN_MIN))
}

async fn attempt_of(shared: &Shared, run: RunId) -> u32 {
    shared.engine.view(move |models| models.runs.runs.get(&run).map_or(1, |row| row.attempt)).await
}

async fn done(shared: &Shared, receipt: Receipt) {
    if let Err(error) = shared.engine.queues().ack(&runs_queue(), &[receipt]).await {
        tracing::debug!(%error, "somebody else has the message by now");
    }
}

async fn give_back(shared: &Shared, receipt: Receipt, delay: Duration) {
    if let Err(error) = shared.engine.queues().release(&runs_queue(), receipt, delay).await {
        tracing::debug!(%error, "somebody else has the message by now");
    }
}

/// A claimed run.
struct Attempt {
    shared: Arc<Shared>,
    assignment: Assignment,
    receipt: Receipt,
    cancel: CancellationToken,
    abandon: CancellationToken,
    report: Arc<LeasedReport>,
}

impl Attempt {
    fn new(shared: Arc<Shared>, assignment: Assignment, receipt: Receipt) -> Self {
        let report = Arc::new(LeasedReport {
            shared: shared.clone(),
            run: assignment.run,
            epoch: assignment.epoch,
            correlation: assignment.correlation,
        });
        // One that is begun while the engine stops is stopped, too.
        let cancel = shared.shutdown.child_token();
        Self { shared, assignment, receipt, cancel, abandon: CancellationToken::new(), report }
    }

    async fn run(self) {
        let end = match Plan::of(&self.assignment.definition, self.shared.types.as_ref()) {
            Ok(plan) => self.flow(plan).await,
            Err(mistakes) => Some(FlowEnd::Failed(unfit(&mistakes))),
        };
        self.shared.live.end(self.assignment.run);
        match end {
            // The engine stops: the lease is given back, so that the run goes on wherever it is started again.
            Some(FlowEnd::Cancelled { .. }) if self.shared.shutdown.is_cancelled() => {
                self.interrupt().await;
                give_back(&self.shared, self.receipt, Duration::default()).await;
            }
            Some(end) => {
                self.tell(end).await;
                self.settle_replay().await;
                done(&self.shared, self.receipt).await;
            }
            None => done(&self.shared, self.receipt).await,
        }
    }

    /// Moves the flow to its end. `None`: it was given up, and everybody knows.
    async fn flow(&self, plan: Plan) -> Option<FlowEnd> {
        let meters = FlowMeters::new(&self.assignment.definition, &plan);
        let live = LiveRun {
            pipeline: self.assignment.pipeline.clone(),
            meters: meters.clone(),
            cancel: self.cancel.clone(),
            abandon: self.abandon.clone(),
        };
        let log = self.shared.live.begin(self.assignment.run, live);
        let flow = self.built(plan, meters, log);
        // A cancel that came between the claim and the registration found nobody to tell.
        if self.is_cancelling().await {
            self.cancel.cancel();
        }
        // A task of its own: a panic ends the task and is an answer here.
        self.watched(tokio::spawn(flow.run().in_current_span())).await
    }

    fn built(&self, plan: Plan, meters: Arc<FlowMeters>, log: RunLog) -> Flow {
        let assignment = &self.assignment;
        let input = match assignment.trigger {
            RunTrigger::Replay => FlowInput::Replay(replay_queue(assignment.run)),
            _ => FlowInput::Sources,
        };
        Flow {
            definition: assignment.definition.clone(),
            plan: Arc::new(plan),
            types: self.shared.types.clone(),
            input,
            context: self.context(),
            report: self.report.clone(),
            cancel: self.cancel.clone(),
            meters,
            log,
            seed: assignment.run.0.as_u64_pair().1,
            grace: LET_GO,
        }
    }

    fn context(&self) -> FlowContext {
        let (assignment, engine) = (&self.assignment, &self.shared.engine);
        FlowContext {
            pipeline: assignment.pipeline.clone(),
            run: assignment.run,
            attempt: assignment.attempt,
            trace: self.shared.settings.traced.then_some(assignment.correlation),
            revision: assignment.revision,
            params: Arc::new(assignment.params.clone()),
            started_at: engine.clock().now(),
            checkpoints: assignment.checkpoints.clone(),
            folder: assignment.folder.clone(),
            clock: engine.clock().clone(),
            queues: engine.queues().clone(),
            events: Arc::new(engine.clone()),
            secrets: self.shared.secrets.clone(),
        }
    }

    async fn is_cancelling(&self) -> bool {
        let run = self.assignment.run;
        let state = self.shared.engine.view(move |models| models.runs.runs.get(&run).map(|row| row.state)).await;
        state == Some(RunState::Cancelling)
    }

    /// Keeps the lease while the flow moves.
    async fn watched(&self, mut flow: JoinHandle<FlowEnd>) -> Option<FlowEnd> {
        let clock = self.shared.engine.clock();
        loop {
            tokio::select! {
                ended = &mut flow => return Some(ended.unwrap_or_else(|error| FlowEnd::Failed(crashed(&error)))),
                () = self.abandon.cancelled() => {
                    flow.abort();
                    return None;
                }
                () = clock.sleep(HEARTBEAT.0) => {
                    let extended = self.shared.engine.queues().extend(&runs_queue(), self.receipt, LEASE).await;
                    if let Err(error) = extended {
                        // Somebody else may hold the run by now: nothing more may be written.
                        tracing::warn!(%error, "the lease was lost; the attempt stops");
                        flow.abort();
                        return Some(FlowEnd::Fenced);
                    }
                }
            }
        }
    }

    async fn tell(&self, end: FlowEnd) {
        let epoch = self.assignment.epoch;
        let command = match end {
            FlowEnd::Succeeded { records_in, records_out, dead } => RunCommand::Succeed { epoch, records_in, records_out, dead },
            FlowEnd::Failed(error) => RunCommand::FailAttempt { epoch, error, backoff: self.backoff() },
            FlowEnd::Cancelled { .. } => RunCommand::ConfirmCancelled { epoch },
            FlowEnd::Fenced => return,
        };
        while let Err(ReportError::Unavailable(reason)) = self.report.submit(command.clone()).await {
            tracing::warn!(reason, "the end of an attempt is not on record yet");
            tokio::select! {
                () = self.shared.shutdown.cancelled() => return,
                () = self.shared.engine.clock().sleep(Duration::from_secs(1).0) => {}
            }
        }
    }

    /// Where the log cannot take it the attempt is found lost at the next start, and counts.
    async fn interrupt(&self) {
        if let Err(error) = self.report.submit(RunCommand::Interrupt { epoch: self.assignment.epoch }).await {
            tracing::warn!(%error, "that an attempt was interrupted is not on record");
        }
    }

    fn backoff(&self) -> Duration {
        let retry = self.assignment.definition.run_retry();
        // The end of a random id is as good a die as any, and the same attempt always waits as long.
        let random = f64::from(self.assignment.run.0.as_u64_pair().1 as u32) / f64::from(u32::MAX);
        Duration(backoff(&retry, self.assignment.attempt, random))
    }

    /// When a replay is over, dead letters that it did not get to go back to where they were.
    async fn settle_replay(&self) {
        let run = self.assignment.run;
        let is_over = |row: &RunRow| row.state.is_ended();
        let ended = self.shared.engine.view(move |models| models.runs.runs.get(&run).is_none_or(is_over)).await;
        if self.assignment.trigger == RunTrigger::Replay && ended {
            replay::settle(&self.shared, &self.assignment).await;
        }
    }
}

fn unfit(mistakes: &[Mistake]) -> RunError {
    RunError {
        step: None,
        message: "the definition does not fit this engine".into(),
        causes: mistakes.iter().take(8).map(ToString::to_string).collect(),
        record: None,
        retryable: false,
    }
}

fn crashed(error: &tokio::task::JoinError) -> RunError {
    RunError {
        step: None,
        message: "the attempt crashed; this is a bug of the engine, not of the pipeline".into(),
        causes: vec![error.to_string()],
        record: None,
        retryable: true,
    }
}
