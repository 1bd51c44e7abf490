//! One step of a flow from its first need to its last report, whatever kind it is.

use tokio::sync::watch;

use crate::{
    event::run::{RunError, StepOutcome},
    id::StepName,
    pipeline::definition::Mode,
    port::step::{BuiltStep, Sink, Source, StepContext, StepError, StepKind, Task, Transform},
};

use super::{
    FlowInput,
    call::{Caller, Halt, guarded},
    edge::{Inlet, Outlet},
    outlet::Outlets,
    replay::ReplaySource,
    sinks,
    source::{Feed, SourceRun},
    task,
    throttle::{Intake, Throttle},
    transform::TransformRun,
};

/// What a step is connected to.
#[derive(Default)]
pub(super) struct Wiring {
    pub(super) inlet: Option<Inlet>,
    pub(super) outlets: Vec<(StepName, Outlet)>,
    /// The ends of the steps that must have ended before.
    pub(super) needs: Vec<watch::Receiver<Option<StepOutcome>>>,
}

/// How a step ended, and why if it failed.
pub(super) struct StepEnd {
    pub(super) outcome: StepOutcome,
    pub(super) error: Option<RunError>,
}

/// Runs one step and reports its beginning and its end.
pub(super) async fn run(caller: Caller, wiring: Wiring, ended: watch::Sender<Option<StepOutcome>>) {
    let end = match needs_met(&caller, wiring.needs.clone()).await {
        Ok(()) => ended_as(begin(&caller, wiring).await),
        Err(end) => end,
    };
    let outcome = end.outcome;
    // A report that is not taken halts the flow by itself; there is nobody else to tell.
    let told = report_end(&caller, end).await;
    drop(told);
    ended.send_replace(Some(outcome));
}

/// Reports what was not reported yet, and the end.
pub(super) async fn report_end(caller: &Caller, end: StepEnd) -> Result<(), Halt> {
    report_dead(caller).await?;
    if caller.is_feeder() {
        return Ok(());
    }
    let (step, counts) = (&caller.step().name, caller.meter().counts());
    caller.shared.tell(|report| report.step_ended(step, end.outcome, counts, end.error.clone())).await
}

/// Reports the dead letters since the last such report.
pub(super) async fn report_dead(caller: &Caller) -> Result<(), Halt> {
    let Some((count, error)) = caller.meter().take_unreported() else { return Ok(()) };
    let step = &caller.step().name;
    caller.shared.tell(|report| report.dead_lettered(step, count, &error)).await
}

async fn needs_met(caller: &Caller, needs: Vec<watch::Receiver<Option<StepOutcome>>>) -> Result<(), StepEnd> {
    let skipped = StepEnd { outcome: StepOutcome::Skipped, error: None };
    let kind = caller.shared.plan.kinds.get(caller.index).copied();
    let takes_records = kind.is_some_and(StepKind::takes_records);
    for mut need in needs {
        // What is to stop begins nothing new, but what is in flight must get through.
        let stopped = async { if takes_records { std::future::pending().await } else { caller.shared.stop.cancelled().await } };
        let met = tokio::select! {
            biased;
            () = caller.shared.halt.cancelled() => return Err(skipped),
            () = stopped => return Err(skipped),
            ended = need.wait_for(Option::is_some) => ended.is_ok_and(|outcome| *outcome == Some(StepOutcome::Succeeded)),
        };
        if !met && takes_records {
            let message = format!("`{}` cannot begin: a step that must end before it did not succeed", caller.step().name);
            return Err(ended_as(Err(caller.fail(&StepError::permanent(message), 1, None))));
        } else if !met {
            return Err(skipped);
        }
    }
    if caller.shared.halt.is_cancelled() { Err(skipped) } else { Ok(()) }
}

async fn begin(caller: &Caller, wiring: Wiring) -> Result<(), Halt> {
    if let (true, FlowInput::Replay(queue)) = (caller.is_feeder(), &caller.shared.input) {
        let context = &caller.shared.context;
        let by = format!("run {}", context.run.short());
        let replay = ReplaySource::new(context.queues.clone(), queue.clone(), by, context.clock.clone());
        return SourceRun::new(caller.clone(), Feed::Replay(replay), Outlets::new(caller.clone(), wiring.outlets)).run().await;
    }
    let step = &caller.step().name;
    caller.shared.tell(|report| report.step_started(step)).await?;
    let mut built = Vec::new();
    while built.len() < caller.step().parallelism.max(1) as usize {
        match build(caller).await {
            Ok(one) => built.push(one),
            Err(halt) => {
                let_go(caller, built).await;
                return Err(halt);
            }
        }
    }
    work(caller, built, wiring).await
}

/// Those that were ready when another one could not be made.
async fn let_go(caller: &Caller, built: Vec<BuiltStep>) {
    for one in built {
        let closed = guarded(async {
            match one {
                BuiltStep::Source(mut source) => source.close().await,
                BuiltStep::Transform(mut transform) => transform.close().await,
                BuiltStep::Sink(mut sink) => sink.abort().await,
                BuiltStep::Task(_) => {}
            }
            Ok(())
        });
        if let Err(error) = closed.await {
            caller.log.warn(&error.message);
        }
    }
}

async fn build(caller: &Caller) -> Result<BuiltStep, Halt> {
    let shared = &caller.shared;
    let mut failures = 0;
    loop {
        let context = shared.context.of_step(&caller.step().name, shared.halt.child_token(), &shared.log);
        let is_continuous = shared.definition.mode == Mode::Continuous;
        let mut context = StepContext { is_replay: shared.is_replay(), is_continuous, ..context };
        if context.is_replay {
            // What is processed again adds to what is there: it goes on with nothing.
            context.checkpoints.clear();
        }
        match caller.once(async { shared.types.build(caller.step(), context).await }).await? {
            Ok(built) => {
                caller.meter().works_again();
                return Ok(built);
            }
            Err(error) => {
                failures += 1;
                caller.wait_to_retry(failures, &error).await?;
            }
        }
    }
}

/// What was built, of one kind.
enum Workers {
    Source(Box<dyn Source>),
    Transforms(Vec<Box<dyn Transform>>),
    Sinks(Vec<Box<dyn Sink>>),
    Task(Box<dyn Task>),
}

impl Workers {
    /// `None`: they are not of this kind, or more than there can be of it.
    fn of(kind: StepKind, built: Vec<BuiltStep>) -> Option<Self> {
        let mut built = built.into_iter();
        match kind {
            StepKind::Source | StepKind::Task => match (built.next(), built.next(), kind) {
                (Some(BuiltStep::Source(source)), None, StepKind::Source) => Some(Self::Source(source)),
                (Some(BuiltStep::Task(task)), None, StepKind::Task) => Some(Self::Task(task)),
                _ => None,
            },
            StepKind::Transform => {
                let one = |one| if let BuiltStep::Transform(one) = one { Some(one) } else { None };
                built.map(one).collect::<Option<_>>().map(Self::Transforms)
            }
            StepKind::Sink => {
                let one = |one| if let BuiltStep::Sink(one) = one { Some(one) } else { None };
                built.map(one).collect::<Option<_>>().map(Self::Sinks)
            }
        }
    }
}

async fn work(caller: &Caller, built: Vec<BuiltStep>, wiring: Wiring) -> Result<(), Halt> {
    let clock = &caller.shared.context.clock;
    let outlets = Outlets::new(caller.clone(), wiring.outlets);
    let intake = wiring.inlet.map(|inlet| Intake::new(inlet, Throttle::of(caller.step(), clock)));
    let kind = caller.shared.plan.kinds[caller.index];
    match (Workers::of(kind, built), intake) {
        (Some(Workers::Source(source)), None) => SourceRun::new(caller.clone(), Feed::Step(source), outlets).run().await,
        (Some(Workers::Transforms(transforms)), Some(intake)) => {
            TransformRun::new(caller.clone(), transforms, intake, outlets).run().await
        }
        (Some(Workers::Sinks(sinks)), Some(intake)) => sinks::run(caller, sinks, intake).await,
        (Some(Workers::Task(task)), None) => task::run(caller, task).await,
        _ => {
            let message = format!("step type `{}` was built as another kind than it is listed as", caller.step().uses);
            Err(caller.fail(&StepError::permanent(message), 1, None))
        }
    }
}

fn ended_as(result: Result<(), Halt>) -> StepEnd {
    let end = |outcome, error| StepEnd { outcome, error };
    match result {
        Ok(()) => end(StepOutcome::Succeeded, None),
        Err(Halt::Cancelled | Halt::Closed | Halt::Fenced) => end(StepOutcome::Cancelled, None),
        Err(Halt::Failed(error)) => end(StepOutcome::Failed, Some(*error)),
    }
}
