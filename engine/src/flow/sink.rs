//! One sink at work: gathers records, writes them, and settles acknowledgements only when the sink says that they are
//! durable. A sink that is not durable by each write is flushed when a checkpoint is due or nothing more comes for a while.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::port::{
    clock::{after, between},
    step::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX, Record, RecordError, Sink, StepError, Written},
};

use super::{
    call::{Caller, Halt, guarded},
    edge::{Batch, bytes_of},
    keep,
    ledger::{Fate, Token},
    meter::StepMeter,
    reject::Rejects,
    throttle::Intake,
    trail::Trail,
};

/// So many times as long as a flush took is the pause before the next one that is due by records alone: a sync of a disk
/// costs at most a twentieth of the time.
const FLUSH_SHARE: u32 = 19;
/// A sink that holds records is flushed when nothing more came for so long.
const IDLE: Duration = Duration::from_millis(50);

pub(super) struct SinkRun {
    caller: Caller,
    work: Work,
    intake: Intake,
    rejects: Rejects,
    /// Records of one call.
    records_max: usize,
    linger: Duration,
    gathered: Gathered,
    held: Held,
    /// Of a sink that another attempt can go on with.
    trail: Option<Arc<Trail>>,
    /// Not flushed by records alone before.
    flush_after: Option<Timestamp>,
}

/// What a call borrows.
struct Work {
    sink: Box<dyn Sink>,
    records: Vec<Record>,
}

/// What waits for the next write, beside its records.
#[derive(Default)]
struct Gathered {
    tokens: Vec<Token>,
    /// Which source batch the records belong to, and up to which record.
    parts: Vec<(Option<Arc<Fate>>, usize)>,
    bytes: usize,
    since: Option<Timestamp>,
}

/// What was taken and is not durable yet.
#[derive(Default)]
struct Held {
    tokens: Vec<Token>,
    records: usize,
    since: Option<Timestamp>,
    last: Option<Timestamp>,
    /// The sink said that it cannot make it durable before the end.
    declined: bool,
}

enum Next {
    Write,
    Flush,
    End,
}

impl SinkRun {
    /// One of the sinks of a step; `rejects` is common to them.
    pub(super) fn new(caller: Caller, sink: Box<dyn Sink>, intake: Intake, rejects: Rejects) -> Self {
        let batch = caller.step().batch;
        Self {
            records_max: batch.map_or(BATCH_RECORDS_MAX, |batch| batch.max as usize).clamp(1, BATCH_RECORDS_MAX),
            linger: batch.map_or(Duration::ZERO, |batch| batch.linger.0),
            rejects,
            gathered: Gathered::default(),
            held: Held::default(),
            flush_after: None,
            trail: caller.shared.trails.enter(caller.index, sink.resumes()),
            work: Work { sink, records: Vec::new() },
            intake,
            caller,
        }
    }

    pub(super) async fn run(mut self) -> Result<(), Halt> {
        let ended = self.flow().await;
        if ended.is_err() {
            let aborted = guarded(async {
                self.work.sink.abort().await;
                Ok(())
            });
            if let Err(error) = aborted.await {
                self.caller.log.warn(&error.message);
            }
        }
        ended
    }

    async fn flow(&mut self) -> Result<(), Halt> {
        if self.trail.is_some() {
            keep::begin(&self.caller).await?;
        }
        loop {
            match self.gather().await? {
                Next::Write => self.write().await?,
                Next::Flush => self.flush().await?,
                Next::End => break,
            }
        }
        self.rejects.at_end()?;
        self.caller.call(&mut self.work, |work| work.sink.finish()).await?;
        self.settle_held();
        if self.trail.as_ref().is_some_and(|trail| trail.is_whole()) {
            keep::end(&self.caller).await?;
        }
        Ok(())
    }

    /// Takes records in until it is time to do something.
    async fn gather(&mut self) -> Result<Next, Halt> {
        loop {
            while let Some(batch) = self.room().and_then(|room| self.intake.next_now(room)) {
                self.take(batch);
            }
            if !self.work.records.is_empty() && (self.room().is_none() || self.linger.is_zero()) {
                return Ok(Next::Write);
            }
            let clock = self.caller.shared.context.clock.clone();
            let write_at = self.gathered.since.map(|since| after(since, self.linger));
            let flush_at = self.flush_at();
            let halted = self.caller.shared.halt.cancelled();
            let room = self.room().unwrap_or(1);
            tokio::select! {
                biased;
                () = halted => return Err(Halt::Cancelled),
                batch = self.intake.next(room) => match batch {
                    Some(batch) => self.take(batch),
                    None if self.work.records.is_empty() => return Ok(Next::End),
                    None => return Ok(Next::Write),
                },
                () = sleep_until(&*clock, write_at) => return Ok(Next::Write),
                () = sleep_until(&*clock, flush_at) => return Ok(Next::Flush),
            }
        }
    }

    /// How many records more the next write takes; `None`: it is full.
    fn room(&self) -> Option<usize> {
        let room = self.records_max.saturating_sub(self.work.records.len());
        (room > 0 && self.gathered.bytes < BATCH_BYTES_MAX).then_some(room)
    }

    fn take(&mut self, batch: Batch) {
        let bytes = bytes_of(&batch.records);
        StepMeter::add(&self.caller.meter().records_in, batch.records.len());
        StepMeter::add(&self.caller.meter().bytes, bytes);
        self.gathered.bytes += bytes;
        self.gathered.since.get_or_insert_with(|| self.caller.shared.context.clock.now());
        if self.work.records.is_empty() {
            self.work.records = batch.records;
        } else {
            self.work.records.extend(batch.records);
        }
        if self.trail.is_some() {
            self.gathered.parts.push((Some(batch.token.fate().clone()), self.work.records.len()));
        }
        hold(&mut self.gathered.tokens, batch.token);
    }

    async fn write(&mut self) -> Result<(), Halt> {
        let mut taken = 0;
        let mut failures = 1;
        let mut refused = Vec::new();
        let durable = loop {
            let written = self.caller.call(&mut self.work, |work| work.sink.write(&work.records)).await?;
            let Written { durable, rejected, ends } = written;
            self.follow(&ends, failures > 1);
            taken += self.work.records.len() - rejected.len();
            self.show(&rejected);
            let again = self.sort_rejected(rejected, self.caller.spent(failures), &mut refused);
            let Some((_, why)) = again.first() else { break durable };
            self.caller.wait_to_retry(failures, &StepError::transient(&why.message)).await?;
            self.work.records = again.into_iter().map(|(record, _)| record).collect();
            failures += 1;
        };
        if failures > 1 {
            self.caller.meter().works_again();
        }
        self.work.records.clear();
        self.rejects.handle(taken, refused).await?;
        self.after_write(taken, durable).await
    }

    /// Remembers what of the output belongs to which source batch. Records that were tried again count to the batch that
    /// is safe first, so that they stay with any of them.
    fn follow(&self, ends: &[u64], again: bool) {
        let (Some(trail), Some(last)) = (&self.trail, ends.last()) else { return };
        let parts = &self.gathered.parts;
        if again {
            return trail.extend(parts.first().and_then(|(fate, _)| fate.as_ref()), *last, ends.len() as u64);
        }
        let mut from = 0;
        for (fate, upto) in parts {
            if let Some(end) = upto.checked_sub(1).and_then(|last| ends.get(last)) {
                trail.extend(fate.as_ref(), *end, (upto - from) as u64);
            }
            from = *upto;
        }
    }

    async fn after_write(&mut self, taken: usize, durable: bool) -> Result<(), Halt> {
        let now = self.caller.shared.context.clock.now();
        self.caller.shared.meters.moved(now);
        for token in std::mem::take(&mut self.gathered).tokens {
            hold(&mut self.held.tokens, token);
        }
        self.held.records += taken;
        if durable {
            self.settle_held();
            return Ok(());
        }
        self.held.since.get_or_insert(now);
        self.held.last = Some(now);
        let many = self.held.records as u64 >= self.caller.shared.definition.checkpoint.records;
        if many && !self.held.declined && self.flush_after.is_none_or(|at| at <= now) {
            self.flush().await?;
        }
        Ok(())
    }

    fn show(&self, rejected: &[(usize, RecordError)]) {
        if rejected.len() < self.work.records.len()
            && let Some(last) = self.work.records.last()
        {
            self.caller.meter().show(last);
        }
    }

    /// Records that another try may mend; the others are added to `refused`.
    fn sort_rejected(
        &self,
        rejected: Vec<(usize, RecordError)>,
        spent: bool,
        refused: &mut Vec<(Record, RecordError)>,
    ) -> Vec<(Record, RecordError)> {
        let records = rejected.into_iter().filter_map(|(index, error)| Some((self.work.records.get(index)?.clone(), error)));
        let (again, given_up): (Vec<_>, Vec<_>) = records.partition(|(_, error)| error.retryable && !spent);
        refused.extend(given_up);
        again
    }

    /// When held records are to be made durable.
    fn flush_at(&self) -> Option<Timestamp> {
        let since = self.held.since?;
        let due = after(since, self.caller.shared.definition.checkpoint.every.0);
        let idle = self.held.last.filter(|_| !self.held.declined).map(|last| after(last, self.linger.max(IDLE)));
        Some(idle.map_or(due, |idle| idle.min(due)))
    }

    async fn flush(&mut self) -> Result<(), Halt> {
        let clock = self.caller.shared.context.clock.clone();
        let before = clock.now();
        let flushed = self.caller.call(&mut self.work, |work| work.sink.flush()).await?;
        let now = clock.now();
        self.flush_after = Some(after(now, between(before, now).saturating_mul(FLUSH_SHARE)));
        if flushed {
            self.settle_held();
        } else {
            self.held.declined = true;
            self.held.since = Some(now);
        }
        Ok(())
    }

    fn settle_held(&mut self) {
        let held = std::mem::take(&mut self.held);
        StepMeter::add(&self.caller.meter().records_out, held.records);
        held.tokens.into_iter().for_each(Token::settle);
    }
}

/// Keeps a share; of two shares of the same batch one is enough.
fn hold(tokens: &mut Vec<Token>, token: Token) {
    match tokens.last() {
        Some(last) if last.same_batch(&token) => token.settle(),
        _ => tokens.push(token),
    }
}

/// Resolves at a moment; never, without one.
pub(super) async fn sleep_until(clock: &dyn crate::port::clock::Clock, at: Option<Timestamp>) {
    match at {
        Some(at) => clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}
