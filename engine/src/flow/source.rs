//! One source at work: pulls, hands on, and in every pause keeps the progress of what is safe: checkpoint first, then the
//! source is told. It stays until the last of its records is safe.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    pipeline::definition::CheckpointPolicy,
    port::{
        clock::{Clock, after},
        step::{Pull, Record, Source, SourceBatch, StepError},
    },
};

use super::{
    call::{Caller, Halt, guarded},
    edge::bytes_of,
    keep,
    ledger::Ledger,
    meter::StepMeter,
    outlet::{Outlets, Sorted},
    reject::Rejects,
    replay::ReplaySource,
    sink::sleep_until,
    throttle::Throttle,
};

/// What is pulled from.
pub(super) enum Feed {
    Step(Box<dyn Source>),
    Replay(ReplaySource),
}

impl Feed {
    fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Step(source) => &mut **source,
            Self::Replay(replay) => replay,
        }
    }

    fn keep_alive_at(&self) -> Option<Timestamp> {
        match self {
            Self::Step(_) => None,
            Self::Replay(replay) => replay.extend_at(),
        }
    }
}

pub(super) struct SourceRun {
    keeper: Keeper,
    outlets: Outlets,
    throttle: Option<Throttle>,
    rejects: Rejects,
}

/// The source and its progress.
struct Keeper {
    caller: Caller,
    feed: Feed,
    ledger: Arc<Ledger>,
}

/// What is to be done beside pulling.
enum Chore {
    Checkpoint,
    KeepAlive,
    AllSafe,
}

enum Woken {
    Stop,
    Chore(Chore),
    Answer(Result<Pull, StepError>),
}

impl SourceRun {
    pub(super) fn new(caller: Caller, feed: Feed, outlets: Outlets) -> Self {
        let clock = &caller.shared.context.clock;
        Self {
            throttle: Throttle::of(caller.step(), clock),
            rejects: Rejects::new(caller.clone()),
            outlets,
            keeper: Keeper { ledger: Ledger::new(clock.clone(), caller.shared.meters.unacked.clone()), caller, feed },
        }
    }

    pub(super) async fn run(self) -> Result<(), Halt> {
        let Self { mut keeper, outlets, throttle, rejects } = self;
        let ended = flow(&mut keeper, outlets, throttle, rejects).await;
        if ended.is_err() {
            keeper.keep_last().await;
        }
        let closed = guarded(async {
            keeper.feed.source().close().await;
            Ok(())
        });
        if let Err(error) = closed.await {
            keeper.caller.log.warn(&error.message);
        }
        ended
    }
}

async fn flow(keeper: &mut Keeper, outlets: Outlets, mut throttle: Option<Throttle>, mut rejects: Rejects) -> Result<(), Halt> {
    while let Pull::Batch(batch) = keeper.pull().await? {
        pass_on(keeper, &outlets, &mut throttle, &mut rejects, batch).await?;
    }
    rejects.at_end()?;
    drop(outlets);
    keeper.until_all_safe().await
}

async fn pass_on(
    keeper: &mut Keeper,
    outlets: &Outlets,
    throttle: &mut Option<Throttle>,
    rejects: &mut Rejects,
    batch: SourceBatch,
) -> Result<(), Halt> {
    let meter = keeper.caller.clone();
    meter.shared.meters.moved(meter.shared.context.clock.now());
    StepMeter::add(&meter.meter().records_in, batch.records.len() + batch.rejected.len());
    StepMeter::add(&meter.meter().bytes, bytes_of(&batch.records));
    let count = (batch.records.len() + batch.rejected.len()) as u64;
    let token = keeper.ledger.enter(&batch.stream, batch.cursor, count);
    let mut refused = batch.rejected;
    let mut records = batch.records;
    if let Feed::Replay(_) = keeper.feed {
        let sorted = super::replay::sort(records, outlets, &mut refused);
        keeper.during(rejects.handle(sorted.to.len(), refused)).await??;
        keeper.during(outlets.send(sorted, &token)).await??;
        token.settle();
        return Ok(());
    }
    keeper.during(rejects.handle(records.len(), refused)).await??;
    while !records.is_empty() {
        let count = match throttle {
            Some(throttle) => keeper.during(throttle.grant(records.len())).await?,
            None => records.len(),
        };
        let rest = records.split_off(count);
        let portion: Vec<Record> = std::mem::replace(&mut records, rest);
        keeper.during(outlets.send(Sorted { all: portion, ..Sorted::default() }, &token)).await??;
    }
    token.settle();
    Ok(())
}

impl Keeper {
    /// The next of the source. The end, when sources are to stop.
    async fn pull(&mut self) -> Result<Pull, Halt> {
        let caller = self.caller.clone();
        let clock = &*caller.shared.context.clock;
        let timeout = caller.step().timeout;
        let mut failures = 0;
        let mut retry_at = None;
        let mut too_late = timeout.map(|timeout| after(clock.now(), timeout.0));
        loop {
            match self.woken(retry_at, too_late).await? {
                Woken::Stop => return Ok(Pull::End),
                Woken::Chore(chore) => self.do_chore(&chore).await?,
                Woken::Answer(Ok(pull)) => {
                    if failures > 0 {
                        caller.meter().works_again();
                    }
                    return Ok(pull);
                }
                Woken::Answer(Err(error)) => {
                    failures += 1;
                    let at = after(clock.now(), caller.retry_wait(failures, &error)?);
                    retry_at = Some(at);
                    too_late = timeout.map(|timeout| after(at, timeout.0));
                }
            }
        }
    }

    /// Pulls once it is time to, until something else comes up; the source loses nothing by that.
    async fn woken(&mut self, retry_at: Option<Timestamp>, too_late: Option<Timestamp>) -> Result<Woken, Halt> {
        let Self { caller, feed, ledger } = self;
        let shared = &caller.shared;
        let clock = &*shared.context.clock;
        let keep_alive_at = feed.keep_alive_at();
        let answer = async {
            if let Some(at) = retry_at {
                clock.sleep_until(at).await;
            }
            guarded(async { feed.source().next().await }).await
        };
        tokio::select! {
            biased;
            () = shared.halt.cancelled() => Err(Halt::Cancelled),
            () = shared.stop.cancelled() => Ok(Woken::Stop),
            chore = chore(ledger, clock, shared.definition.checkpoint, keep_alive_at, false) => Ok(Woken::Chore(chore)),
            answer = answer => Ok(Woken::Answer(answer)),
            () = sleep_until(clock, too_late) => Ok(Woken::Answer(Err(caller.timed_out()))),
        }
    }

    /// Waits for something else and does the chores meanwhile.
    async fn during<T>(&mut self, other: impl Future<Output = T>) -> Result<T, Halt> {
        let mut other = std::pin::pin!(other);
        let shared = self.caller.shared.clone();
        loop {
            let keep_alive_at = self.feed.keep_alive_at();
            let chore = tokio::select! {
                biased;
                () = shared.halt.cancelled() => return Err(Halt::Cancelled),
                chore = chore(&self.ledger, &*shared.context.clock, shared.definition.checkpoint, keep_alive_at, false) => chore,
                answer = &mut other => return Ok(answer),
            };
            self.do_chore(&chore).await?;
        }
    }

    /// Nothing more comes from the source: waits until all its records are safe, and says so.
    async fn until_all_safe(&mut self) -> Result<(), Halt> {
        let shared = self.caller.shared.clone();
        loop {
            let keep_alive_at = self.feed.keep_alive_at();
            let chore = chore(&self.ledger, &*shared.context.clock, shared.definition.checkpoint, keep_alive_at, true);
            let chore = self.caller.unless_halted(chore).await?;
            if let Chore::AllSafe = chore {
                return self.checkpoint().await;
            }
            self.do_chore(&chore).await?;
        }
    }

    async fn do_chore(&mut self, chore: &Chore) -> Result<(), Halt> {
        match (chore, &mut self.feed) {
            (Chore::KeepAlive, Feed::Replay(replay)) => replay.extend().await.map_err(|error| self.caller.fail(&error, 1, None)),
            (Chore::KeepAlive, Feed::Step(_)) => Ok(()),
            (Chore::Checkpoint | Chore::AllSafe, _) => self.checkpoint().await,
        }
    }

    /// Makes the new safe points durable, then tells the source.
    async fn checkpoint(&mut self) -> Result<(), Halt> {
        let ready = self.ledger.take_ready();
        keep::progress(&self.caller, &ready).await?;
        for progress in ready {
            let caller = self.caller.clone();
            let mut told = (&mut self.feed, &progress);
            caller.call(&mut told, |(feed, progress)| feed.source().ack(&progress.stream, &progress.cursor)).await?;
        }
        Ok(())
    }

    /// The flow halts: what is safe by now is kept, so that the next attempt does not do it again. Tried once.
    async fn keep_last(&mut self) {
        let ready = self.ledger.take_ready();
        if keep::progress(&self.caller, &ready).await.is_err() {
            return;
        }
        for progress in ready {
            if let Err(error) = guarded(async { self.feed.source().ack(&progress.stream, &progress.cursor).await }).await {
                self.caller.log.warn(&error.message);
            }
        }
    }
}

/// Resolves when there is something to do beside pulling.
async fn chore(
    ledger: &Ledger,
    clock: &dyn Clock,
    policy: CheckpointPolicy,
    keep_alive_at: Option<Timestamp>,
    ends: bool,
) -> Chore {
    loop {
        if ends && ledger.all_safe() {
            return Chore::AllSafe;
        }
        let due = match ledger.ready() {
            Some((records, _)) if records >= policy.records => return Chore::Checkpoint,
            ready => ready.map(|(_, since)| after(since, policy.every.0)),
        };
        tokio::select! {
            biased;
            () = sleep_until(clock, due) => return Chore::Checkpoint,
            () = sleep_until(clock, keep_alive_at) => return Chore::KeepAlive,
            () = ledger.changed() => {}
        }
    }
}
