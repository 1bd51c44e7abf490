//! The sinks of one step. Several work side by side, each on batches of its own that it acknowledges by itself; records
//! with the same key go to as few of them as `concurrency` allows, because that needs no locks and keeps their order.

use std::hash::{BuildHasher, RandomState};

use futures_util::future::join_all;

use crate::port::step::{BATCH_RECORDS_MAX, KeyOf, Record, Sink, StepError};

use super::{
    call::{Caller, Halt},
    edge::{Batch, Outlet, edge},
    reject::Rejects,
    sink::SinkRun,
    throttle::Intake,
};

/// Runs them until nothing more comes.
pub(super) async fn run(caller: &Caller, mut sinks: Vec<Box<dyn Sink>>, intake: Intake) -> Result<(), Halt> {
    if sinks.len() == 1
        && let Some(sink) = sinks.pop()
    {
        return SinkRun::new(caller.clone(), sink, intake, Rejects::new(caller.clone())).run().await;
    }
    let rejects = Rejects::of_workers(caller.clone(), sinks.len());
    let sharing = Sharing::of(caller, sinks.len())?;
    let (outlets, runs): (Vec<_>, Vec<_>) = sinks.into_iter().map(|sink| worker(caller, sink, rejects.clone())).unzip();
    let (shared, ends) = futures_util::join!(sharing.share(caller, intake, outlets), join_all(runs));
    first_error(std::iter::once(shared).chain(ends))
}

fn worker(caller: &Caller, sink: Box<dyn Sink>, rejects: Rejects) -> (Outlet, impl Future<Output = Result<(), Halt>>) {
    // What waits here waits before the step as well, and is shown so.
    let (outlet, inlet) = edge(BATCH_RECORDS_MAX, caller.meter().backlog.clone());
    (outlet, SinkRun::new(caller.clone(), sink, Intake::new(inlet, None), rejects).run())
}

/// What failed, before what only came to an end by it.
fn first_error(ends: impl Iterator<Item = Result<(), Halt>>) -> Result<(), Halt> {
    let mut errors: Vec<Halt> = ends.filter_map(Result::err).collect();
    let failed = errors.iter().position(|halt| matches!(halt, Halt::Failed(_))).unwrap_or(0);
    if errors.is_empty() { Ok(()) } else { Err(errors.swap_remove(failed)) }
}

/// Which worker gets which records.
struct Sharing {
    /// The key, and how many may work on records of one.
    key: Option<(KeyOf, usize)>,
    workers: usize,
    turn: usize,
    hasher: RandomState,
}

impl Sharing {
    fn of(caller: &Caller, workers: usize) -> Result<Self, Halt> {
        let policy = caller.step().concurrency.as_ref();
        let key = policy.map(|policy| Ok((caller.shared.types.key(&policy.key)?, policy.max as usize))).transpose();
        let key = key.map_err(|wrong: String| caller.fail(&StepError::permanent(wrong), 1, None))?;
        Ok(Self { key, workers, turn: 0, hasher: RandomState::new() })
    }

    /// Hands on what comes in. Ends when nothing more comes, and with it the workers.
    async fn share(mut self, caller: &Caller, mut intake: Intake, outlets: Vec<Outlet>) -> Result<(), Halt> {
        while let Some(batch) = caller.unless_halted(intake.next(BATCH_RECORDS_MAX)).await? {
            for (at, part) in self.parts(batch, &outlets) {
                let sent = caller.unless_halted(outlets[at].send(part)).await?;
                sent.map_err(|_| Halt::Closed)?;
            }
        }
        Ok(())
    }

    fn parts(&mut self, batch: Batch, outlets: &[Outlet]) -> Vec<(usize, Batch)> {
        let Some((key, max)) = self.key.clone() else { return vec![(self.idlest(outlets), batch)] };
        let Batch { records, token } = batch;
        let mut parts: Vec<Vec<Record>> = vec![Vec::new(); self.workers];
        for record in records {
            let group = self.hasher.hash_one(key(&record)) as usize;
            self.turn = self.turn.wrapping_add(1);
            parts[group.wrapping_add(self.turn % max.max(1)) % self.workers].push(record);
        }
        let parts = parts.into_iter().enumerate().filter(|(_, records)| !records.is_empty());
        let parts = parts.map(|(at, records)| (at, Batch::new(records, token.clone()))).collect();
        token.settle();
        parts
    }

    /// The worker with the most room; of equals the next in turn.
    fn idlest(&mut self, outlets: &[Outlet]) -> usize {
        self.turn = (self.turn + 1) % self.workers;
        let from_here = (0..self.workers).map(|at| (self.turn + at) % self.workers);
        from_here.rev().max_by_key(|at| outlets[*at].room()).unwrap_or_default()
    }
}
