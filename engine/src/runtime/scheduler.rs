//! Time to runs. The schedule is a pure function of the triggers and of the newest tick on record: there is no lock that
//! could stay behind, and a tick that starts nothing is an event with its reason.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use serde_json::Map;

use super::{
    Shared,
    schedule::{Schedule, Tick},
};
use crate::{
    aggregate::Rejection,
    command::{Command, PipelineCommand},
    event::pipeline::{RunTrigger, SkipReason},
    handle::Refusal,
    id::{Actor, CorrelationId, PipelineName, Revision, RunId},
    pipeline::Definition,
    port::clock::{after, between},
    projection::{
        ReadModels,
        board::{PipelineRow, PipelineState},
    },
    unit::Duration,
};

/// A tick that is so late was missed: the engine did not run, or was held up.
const LATE: Duration = Duration::from_secs(15);

/// The task.
pub(super) struct Scheduler {
    shared: Arc<Shared>,
    schedules: HashMap<PipelineName, (Revision, Option<Schedule>)>,
}

/// What the scheduler knows of a pipeline that is due some time.
struct Scheduled {
    name: PipelineName,
    revision: Revision,
    definition: Arc<Definition>,
    anchor: Timestamp,
    /// Ticks up to here are on record, or before the activation.
    handled: Timestamp,
}

impl Scheduler {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, schedules: HashMap::new() }
    }

    pub(super) async fn run(mut self) {
        let shutdown = self.shared.shutdown.clone();
        loop {
            let seen = self.shared.engine.store().head();
            let due = self.shared.engine.view(scheduled).await;
            let is_scheduled = |name: &PipelineName| due.iter().any(|pipeline| pipeline.name == *name);
            self.schedules.retain(|name, _| is_scheduled(name));
            self.shared.punctuality.retain(is_scheduled);
            let mut next = Timestamp::MAX;
            for pipeline in due {
                next = next.min(self.advance(&pipeline).await);
            }
            let shared = self.shared.clone();
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = shared.engine.clock().sleep_until(next) => {}
                () = changed(&shared, seen, next) => {}
            }
        }
    }

    /// Fires what is due and says when to look again.
    async fn advance(&mut self, pipeline: &Scheduled) -> Timestamp {
        let now = self.shared.engine.clock().now();
        let tick = self.schedule(pipeline).and_then(|schedule| schedule.next_after(pipeline.handled, pipeline.anchor));
        self.shared.punctuality.due(&pipeline.name, tick.as_ref().map(|tick| tick.at));
        let Some(tick) = tick else { return Timestamp::MAX };
        if tick.at > now {
            return tick.at;
        }
        if after(tick.at, LATE.0) < now {
            self.make_good(pipeline, now).await;
        } else {
            self.fire(pipeline, &tick).await;
        }
        // What was just recorded wakes the loop again; the floor keeps a refused command from spinning.
        after(now, Duration::from_secs(1).0)
    }

    fn schedule(&mut self, pipeline: &Scheduled) -> Option<&Schedule> {
        let known = self.schedules.get(&pipeline.name).is_some_and(|(revision, _)| *revision == pipeline.revision);
        if !known {
            let schedule = Schedule::of(&pipeline.definition.triggers)
                .inspect_err(|error| tracing::error!(pipeline = %pipeline.name, %error, "a schedule does not parse"));
            self.schedules.insert(pipeline.name.clone(), (pipeline.revision, schedule.ok()));
        }
        self.schedules.get(&pipeline.name).and_then(|(_, schedule)| schedule.as_ref())
    }

    async fn make_good(&mut self, pipeline: &Scheduled, now: Timestamp) {
        let Some(schedule) = self.schedule(pipeline) else { return };
        let missed = schedule.missed(pipeline.handled, now, pipeline.anchor);
        if let Some(last) = missed.last_skipped.filter(|_| missed.skipped > 0) {
            self.skip(&pipeline.name, last, SkipReason::Missed, missed.skipped).await;
        }
        for tick in missed.run {
            self.request(pipeline, tick).await;
        }
    }

    async fn fire(&self, pipeline: &Scheduled, tick: &Tick) {
        match &tick.skipped {
            Some(reason) => self.skip(&pipeline.name, tick.at, reason.clone(), 1).await,
            None => self.request(pipeline, tick.at).await,
        }
    }

    async fn request(&self, pipeline: &Scheduled, tick: Timestamp) {
        let run = RunId::of_tick(&pipeline.name, tick);
        let command = PipelineCommand::RequestRun { run, trigger: RunTrigger::Schedule { tick }, params: Map::new() };
        match self.submit(&pipeline.name, command).await {
            Ok(()) | Err(Refusal::Rejected(Rejection::RunExists(_))) => self.dealt_with(&pipeline.name, tick),
            Err(Refusal::Rejected(Rejection::Overlaps { .. })) => self.skip(&pipeline.name, tick, SkipReason::Overlap, 1).await,
            Err(Refusal::Rejected(Rejection::TooManyRuns { .. })) => {
                self.skip(&pipeline.name, tick, SkipReason::QueueFull, 1).await;
            }
            Err(refusal) => tracing::warn!(pipeline = %pipeline.name, %refusal, "a tick started nothing; it is tried again"),
        }
    }

    async fn skip(&self, name: &PipelineName, tick: Timestamp, reason: SkipReason, count: u64) {
        match self.submit(name, PipelineCommand::SkipTick { tick, reason, count }).await {
            Ok(()) => self.dealt_with(name, tick),
            Err(refusal) => tracing::warn!(pipeline = %name, %refusal, "a skipped tick is not on record"),
        }
    }

    fn dealt_with(&self, name: &PipelineName, tick: Timestamp) {
        self.shared.punctuality.dealt_with(name, tick, self.shared.engine.clock().now());
    }

    async fn submit(&self, name: &PipelineName, command: PipelineCommand) -> Result<(), Refusal> {
        let actor = Actor::Schedule(name.clone());
        let command = Command::Pipeline(name.clone(), command);
        self.shared.submit_as(actor, command, CorrelationId::fresh(), None).await.map(|_| ())
    }
}

/// Resolves when a pipeline may be due earlier than thought: something happened to one. Bursts count once.
async fn changed(shared: &Shared, seen: crate::id::Position, next: Timestamp) {
    shared.engine.store().wait_past(seen).await;
    let clock = shared.engine.clock();
    let pause = Duration::from_millis(100).0.min(between(clock.now(), next));
    clock.sleep(pause).await;
}

fn scheduled(models: &ReadModels) -> Vec<Scheduled> {
    let active = models.board.pipelines.values().filter(|row| row.state == PipelineState::Active);
    active.filter(|row| !row.definition().triggers.is_empty()).filter_map(of_row).collect()
}

fn of_row(row: &PipelineRow) -> Option<Scheduled> {
    let anchor = row.active_since?;
    Some(Scheduled {
        name: row.name.clone(),
        revision: row.current().revision,
        definition: row.definition().clone(),
        anchor,
        handled: row.last_tick.filter(|tick| *tick >= anchor).unwrap_or_else(|| just_before(anchor)),
    })
}

/// The activation itself is the first tick of an interval: who activates a pipeline wants to see it run.
fn just_before(anchor: Timestamp) -> Timestamp {
    anchor.checked_sub(jiff::SignedDuration::from_nanos(1)).unwrap_or(anchor)
}
