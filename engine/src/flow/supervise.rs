//! Starts the steps of a flow, watches over them, and says how it ended. No step can keep it: after a halt each has its
//! grace, then it is given up.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    event::run::{RunError, StepOutcome},
    id::StepName,
    pipeline::{
        EdgeKind,
        definition::{Mode, WhenFull},
    },
    port::{
        clock::after,
        step::{StepError, StepKind},
    },
    vitals::FlowTotals,
};

use super::{
    Flow, FlowEnd,
    call::{Caller, panic_text},
    edge::{Inlet, Outlet, edge},
    shared::Shared,
    sink::sleep_until,
    step::{self, StepEnd, Wiring},
};

/// Runs a flow to its end.
pub(super) async fn run(flow: Flow) -> FlowEnd {
    let cancel = flow.cancel.clone();
    let mut watcher = Watcher::start(&Arc::new(Shared::of(flow)));
    let cancelled = watcher.watch(&cancel).await;
    let stuck = watcher.stuck();
    let told = watcher.report_stuck(&stuck).await;
    drop(told);
    watcher.end(cancelled, stuck)
}

struct Watcher {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
    by_task: HashMap<tokio::task::Id, usize>,
    ends: Vec<(usize, watch::Receiver<Option<StepOutcome>>)>,
}

/// What is waited for.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Running,
    /// Sources have stopped; until then the rest may go on.
    Draining(Timestamp),
    /// Everything has been told to stop; until then it may let go.
    Halting(Timestamp),
}

impl Watcher {
    fn start(shared: &Arc<Shared>) -> Self {
        let mut watcher = Self { shared: shared.clone(), tasks: JoinSet::new(), by_task: HashMap::new(), ends: Vec::new() };
        let (mut wirings, mut senders) = wire(shared);
        let mut indexes: Vec<_> = wirings.keys().copied().collect();
        indexes.sort_unstable();
        for index in indexes {
            let (Some(wiring), Some(ended)) = (wirings.remove(&index), senders.remove(&index)) else { continue };
            watcher.ends.push((index, ended.subscribe()));
            let task = watcher.tasks.spawn(step::run(Caller::new(shared.clone(), index), wiring, ended));
            watcher.by_task.insert(task.id(), index);
        }
        watcher
    }

    /// Until every step has ended or is given up; says whether the flow was cancelled from outside.
    async fn watch(&mut self, cancel: &CancellationToken) -> bool {
        let shared = self.shared.clone();
        let clock = shared.context.clock.clone();
        let mut stage = Stage::Running;
        let mut report_at = after(clock.now(), shared.definition.checkpoint.every.0);
        let (mut asked, mut cancelled) = (false, false);
        loop {
            let deadline = match stage {
                Stage::Running => None,
                Stage::Draining(at) | Stage::Halting(at) => Some(at),
            };
            let halting = matches!(stage, Stage::Halting(_));
            tokio::select! {
                biased;
                joined = self.tasks.join_next_with_id() => match joined {
                    None => return cancelled,
                    Some(Ok(_)) => {}
                    Some(Err(error)) => self.lost(error),
                },
                () = shared.halt.cancelled(), if !halting => stage = Stage::Halting(after(clock.now(), shared.grace)),
                () = cancel.cancelled(), if !asked => {
                    asked = true;
                    // What failed before it was stopped, failed.
                    cancelled = shared.failure().is_none();
                    stage = self.stop();
                }
                () = sleep_until(&*clock, deadline), if deadline.is_some() => {
                    if halting {
                        return cancelled;
                    }
                    shared.halt.cancel();
                }
                () = clock.sleep_until(report_at), if !halting => {
                    self.report_dead().await;
                    report_at = after(clock.now(), shared.definition.checkpoint.every.0);
                }
            }
        }
    }

    /// A batch halts at once; what is continuous lets what is in flight reach its sinks.
    fn stop(&self) -> Stage {
        let shared = &self.shared;
        let now = shared.context.clock.now();
        if shared.definition.mode == Mode::Continuous && !shared.halt.is_cancelled() {
            shared.stop.cancel();
            return Stage::Draining(after(now, shared.definition.drain.0));
        }
        shared.halt.cancel();
        Stage::Halting(after(now, shared.grace))
    }

    /// A step that ended without saying so: a panic between its calls.
    fn lost(&self, error: tokio::task::JoinError) {
        let (Some(index), Ok(panic)) = (self.by_task.get(&error.id()).copied(), error.try_into_panic()) else { return };
        let caller = Caller::new(self.shared.clone(), index);
        caller.fail(&StepError::permanent(format!("the step panicked: {}", panic_text(&*panic))), 1, None);
    }

    async fn report_dead(&self) {
        for (index, _) in &self.ends {
            // A lost lease halts the flow, which is all that can be done about it.
            if step::report_dead(&Caller::new(self.shared.clone(), *index)).await.is_err() {
                return;
            }
        }
    }

    /// Steps that did not end.
    fn stuck(&self) -> Vec<usize> {
        self.ends.iter().filter(|(_, end)| end.borrow().is_none()).map(|(index, _)| *index).collect()
    }

    async fn report_stuck(&mut self, stuck: &[usize]) -> Result<(), super::call::Halt> {
        self.tasks.abort_all();
        for index in stuck {
            let caller = Caller::new(self.shared.clone(), *index);
            let message = format!("`{}` did not stop in time and was given up", caller.step().name);
            caller.log.warn(&message);
            let error =
                RunError { step: Some(caller.step().name.clone()), message, causes: vec![], record: None, retryable: true };
            let end = StepEnd { outcome: StepOutcome::Cancelled, error: Some(error) };
            step::report_end(&caller, end).await?;
        }
        Ok(())
    }

    fn end(&self, cancelled: bool, stuck: Vec<usize>) -> FlowEnd {
        let shared = &self.shared;
        let stuck: Vec<StepName> = stuck.into_iter().map(|index| shared.step(index).name.clone()).collect();
        let whole = self.ends.iter().all(|(_, end)| *end.borrow() == Some(StepOutcome::Succeeded));
        if shared.is_fenced() {
            return FlowEnd::Fenced;
        }
        match shared.failure() {
            Some(error) if !cancelled => FlowEnd::Failed(error),
            Some(_) => FlowEnd::Cancelled { stuck },
            None if cancelled && (!whole || shared.definition.mode == Mode::Continuous) => FlowEnd::Cancelled { stuck },
            None => self.succeeded(),
        }
    }

    fn succeeded(&self) -> FlowEnd {
        let FlowTotals { records_in, records_out, dead } = self.shared.meters.totals();
        FlowEnd::Succeeded { records_in, records_out, dead }
    }
}

type Ends = HashMap<usize, watch::Sender<Option<StepOutcome>>>;

/// Edges and ends of every step that takes part.
fn wire(shared: &Shared) -> (HashMap<usize, Wiring>, Ends) {
    let plan = &shared.plan;
    let takes_part = |index: &usize| !shared.is_replay() || plan.kinds[*index].takes_records();
    let mut wirings: HashMap<usize, Wiring> =
        plan.order.iter().copied().filter(takes_part).map(|at| (at, Wiring::default())).collect();
    let outlets = inlets(shared, &mut wirings);
    for data in plan.edges.iter().filter(|data| data.kind == EdgeKind::Data) {
        if let (Some(wiring), Some(outlet)) = (wirings.get_mut(&data.from), outlets.get(&data.to)) {
            wiring.outlets.push((plan.steps[data.to].clone(), outlet.clone()));
        }
    }
    if shared.is_replay() {
        wirings.insert(plan.steps.len(), Wiring { outlets: entries(shared, &outlets), ..Wiring::default() });
    }
    let ends: Ends = wirings.keys().map(|index| (*index, watch::Sender::new(None))).collect();
    for order in plan.edges.iter().filter(|order| order.kind == EdgeKind::Order) {
        if let (Some(wiring), Some(end)) = (wirings.get_mut(&order.to), ends.get(&order.from)) {
            wiring.needs.push(end.subscribe());
        }
    }
    (wirings, ends)
}

fn inlets(shared: &Shared, wirings: &mut HashMap<usize, Wiring>) -> HashMap<usize, Outlet> {
    let mut outlets = HashMap::new();
    for (index, wiring) in wirings.iter_mut().filter(|(index, _)| shared.plan.kinds[**index].takes_records()) {
        let (step, meter) = (&shared.definition.steps[*index], shared.meters.step(*index));
        let (outlet, inlet): (Outlet, Inlet) = edge(step.buffer.records_max as usize, meter.backlog.clone());
        // A replayed record is one that somebody wants to see processed.
        let drops = step.buffer.when_full == WhenFull::DropNewest && !shared.is_replay();
        let outlet = if drops {
            outlet.dropping(meter.dropped.clone(), shared.log.of_step(step.name.clone(), shared.context.clock.clone()))
        } else {
            outlet
        };
        wiring.inlet = Some(inlet);
        outlets.insert(*index, outlet);
    }
    outlets
}

/// Where replayed records enter: at their step; those that a source refused, at the steps behind it.
fn entries(shared: &Shared, outlets: &HashMap<usize, Outlet>) -> Vec<(StepName, Outlet)> {
    let plan = &shared.plan;
    let mut entries = Vec::new();
    for (index, name) in plan.steps.iter().enumerate() {
        let at: Vec<usize> = if plan.kinds[index] == StepKind::Source { plan.data_after(index).collect() } else { vec![index] };
        entries.extend(at.iter().filter_map(|at| Some((name.clone(), outlets.get(at)?.clone()))));
    }
    entries
}
