//! One transform at work: takes batches, gives their outcomes on, settles its share of each acknowledgement last.
//!
//! With `parallelism` several workers hold a batch each. Their answers are handed on in the order of the batches, so what
//! comes out does not depend on how many they are.

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesOrdered};

use crate::port::step::{Outcome, Record, RecordError, StepError, Transform};

use super::{
    call::{Caller, Halt, guarded},
    edge::{Batch, bytes_of},
    ledger::Token,
    meter::StepMeter,
    outlet::{Outlets, Sorted},
    reject::{Rejects, dropped},
    throttle::Intake,
};

/// The most records of one call.
const CALL_RECORDS_MAX: usize = crate::port::step::BATCH_RECORDS_MAX;

pub(super) struct TransformRun {
    caller: Caller,
    idle: Vec<Worker>,
    /// Batches under way, in their order.
    busy: FuturesOrdered<BoxFuture<'static, Done>>,
    intake: Intake,
    outlets: Outlets,
    rejects: Rejects,
}

/// One of the transforms, and what a call of it borrows.
struct Worker {
    caller: Caller,
    transform: Box<dyn Transform>,
    input: Vec<Record>,
}

/// A batch that a worker is done with; its records are still with the worker.
struct Done {
    worker: Worker,
    token: Token,
    outcomes: Result<Vec<Outcome>, Halt>,
}

enum Next {
    Taken(Batch),
    Done(Box<Done>),
    End,
}

impl TransformRun {
    /// Takes one transform for each batch that may be under way.
    pub(super) fn new(caller: Caller, transforms: Vec<Box<dyn Transform>>, intake: Intake, outlets: Outlets) -> Self {
        let worker = |transform| Worker { caller: caller.clone(), transform, input: Vec::new() };
        Self {
            idle: transforms.into_iter().map(worker).collect(),
            busy: FuturesOrdered::new(),
            rejects: Rejects::new(caller.clone()),
            caller,
            intake,
            outlets,
        }
    }

    pub(super) async fn run(mut self) -> Result<(), Halt> {
        let ended = self.flow().await;
        // The flow halts, so the calls that are under way come back at once.
        while let Some(done) = self.busy.next().await {
            self.idle.push(done.worker);
        }
        for worker in &mut self.idle {
            let closed = guarded(async {
                worker.transform.close().await;
                Ok(())
            });
            if let Err(error) = closed.await {
                self.caller.log.warn(&error.message);
            }
        }
        ended
    }

    async fn flow(&mut self) -> Result<(), Halt> {
        loop {
            match self.next().await? {
                Next::Taken(batch) => self.begin(batch),
                Next::Done(done) => self.hand_on(*done).await?,
                Next::End => break,
            }
        }
        self.rejects.at_end()?;
        for worker in &mut self.idle {
            self.caller.call(worker, |worker| worker.transform.finish()).await?;
        }
        Ok(())
    }

    /// What is to be done next: first what is done, then more, as long as somebody is idle.
    async fn next(&mut self) -> Result<Next, Halt> {
        let Self { caller, idle, busy, intake, .. } = self;
        let taken = caller.unless_halted(intake.next(CALL_RECORDS_MAX));
        tokio::select! {
            biased;
            Some(done) = busy.next(), if !busy.is_empty() => Ok(Next::Done(Box::new(done))),
            taken = taken, if !idle.is_empty() => match taken? {
                Some(batch) => Ok(Next::Taken(batch)),
                None => Ok(busy.next().await.map_or(Next::End, |done| Next::Done(Box::new(done)))),
            },
        }
    }

    fn begin(&mut self, batch: Batch) {
        StepMeter::add(&self.caller.meter().records_in, batch.records.len());
        StepMeter::add(&self.caller.meter().bytes, bytes_of(&batch.records));
        let mut worker = self.idle.pop().expect("a batch is taken only while somebody is idle");
        self.busy.push_back(Box::pin(async move {
            worker.input = batch.records;
            let outcomes = worker.outcomes().await;
            Done { worker, token: batch.token, outcomes }
        }));
    }

    async fn hand_on(&mut self, Done { mut worker, token, outcomes }: Done) -> Result<(), Halt> {
        let input = std::mem::take(&mut worker.input);
        self.idle.push(worker);
        let sorted = self.sort(&input, outcomes?).await?;
        self.outlets.send(sorted, &token).await?;
        token.settle();
        Ok(())
    }

    /// What became of the input; what was refused is dealt with.
    async fn sort(&mut self, input: &[Record], outcomes: Vec<Outcome>) -> Result<Sorted, Halt> {
        let mut sorted = self.outlets.sort(outcomes).map_err(|error| self.caller.fail(&error, 1, None))?;
        let refused: Vec<_> = sorted.refused.drain(..).map(|(index, error)| (input[index].clone(), error)).collect();
        dropped(&self.caller.meter().dropped, sorted.dropped);
        self.rejects.handle(input.len() - refused.len(), refused).await?;
        Ok(sorted)
    }
}

impl Worker {
    /// One outcome for each record of the input. Records that another try may mend are tried again, in their places.
    async fn outcomes(&mut self) -> Result<Vec<Outcome>, Halt> {
        let mut outcomes = self.call().await?;
        let mut failures = 1;
        loop {
            let again: Vec<usize> = (0..outcomes.len()).filter(|index| is_retryable(&outcomes[*index])).collect();
            if again.is_empty() || self.caller.spent(failures) {
                return Ok(outcomes);
            }
            if let Outcome::Reject(why) = &outcomes[again[0]] {
                self.caller.wait_to_retry(failures, &StepError::transient(&why.message)).await?;
            }
            let records = again.iter().map(|index| self.input[*index].clone()).collect();
            let whole = std::mem::replace(&mut self.input, records);
            let answers = self.call().await;
            self.input = whole;
            for (index, outcome) in again.into_iter().zip(answers?) {
                outcomes[index] = outcome;
            }
            self.caller.meter().works_again();
            failures += 1;
        }
    }

    async fn call(&mut self) -> Result<Vec<Outcome>, Halt> {
        let caller = self.caller.clone();
        let outcomes = caller.call(self, |worker| worker.transform.apply(&worker.input)).await?;
        let (given, wanted) = (outcomes.len(), self.input.len());
        if given == wanted {
            return Ok(outcomes);
        }
        let message = format!("`{}` gave {given} outcomes for {wanted} records", self.caller.step().name);
        Err(self.caller.fail(&StepError::permanent(message), 1, None))
    }
}

fn is_retryable(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Reject(RecordError { retryable: true, .. }))
}
