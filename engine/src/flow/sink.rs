//! One sink at work: gathers records, writes them, and settles acknowledgements only when the sink says that they are
//! durable. A sink that is not durable by each write is flushed when a checkpoint is due or nothing more comes for a while.

use std::time::Duration;

use jiff::Timestamp;

use crate::port::{
    clock::after,
    step::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX, Record, RecordError, Sink, StepError, Written},
};

use super::{
    call::{Caller, Halt, guarded},
    edge::{Batch, bytes_of},
    ledger::Token,
    meter::StepMeter,
    reject::Rejects,
    throttle::Intake,
};

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
    pub(super) fn new(caller: Caller, sink: Box<dyn Sink>, intake: Intake) -> Self {
        let batch = caller.step().batch;
        Self {
            records_max: batch.map_or(BATCH_RECORDS_MAX, |batch| batch.max as usize).clamp(1, BATCH_RECORDS_MAX),
            linger: batch.map_or(Duration::ZERO, |batch| batch.linger.0),
            rejects: Rejects::new(caller.clone()),
            work: Work { sink, records: Vec::new() },
            gathered: Gathered::default(),
            held: Held::default(),
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
        if let Some(token) = batch.token {
            hold(&mut self.gathered.tokens, token);
        }
    }

    async fn write(&mut self) -> Result<(), Halt> {
        let mut taken = 0;
        let mut failures = 1;
        let mut refused = Vec::new();
        let durable = loop {
            let Written { durable, rejected } = self.caller.call(&mut self.work, |work| work.sink.write(&work.records)).await?;
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
        if !self.held.declined && self.held.records as u64 >= self.caller.shared.definition.checkpoint.records {
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
        if self.caller.call(&mut self.work, |work| work.sink.flush()).await? {
            self.settle_held();
        } else {
            self.held.declined = true;
            self.held.since = Some(self.caller.shared.context.clock.now());
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
