//! One transform at work: takes a batch, gives its outcomes on, settles its share of the acknowledgement last.

use crate::port::step::{Outcome, Record, RecordError, StepError, Transform};

use super::{
    call::{Caller, Halt, guarded},
    edge::bytes_of,
    meter::StepMeter,
    outlet::{Outlets, Sorted},
    reject::{Rejects, dropped},
    throttle::Intake,
};

/// The most records of one call.
const CALL_RECORDS_MAX: usize = crate::port::step::BATCH_RECORDS_MAX;

pub(super) struct TransformRun {
    caller: Caller,
    work: Work,
    intake: Intake,
    outlets: Outlets,
    rejects: Rejects,
}

/// What a call borrows.
struct Work {
    transform: Box<dyn Transform>,
    input: Vec<Record>,
}

impl TransformRun {
    pub(super) fn new(caller: Caller, transform: Box<dyn Transform>, intake: Intake, outlets: Outlets) -> Self {
        let work = Work { transform, input: Vec::new() };
        Self { rejects: Rejects::new(caller.clone()), caller, work, intake, outlets }
    }

    pub(super) async fn run(mut self) -> Result<(), Halt> {
        let ended = self.flow().await;
        let closed = guarded(async {
            self.work.transform.close().await;
            Ok(())
        });
        if let Err(error) = closed.await {
            self.caller.log.warn(&error.message);
        }
        ended
    }

    async fn flow(&mut self) -> Result<(), Halt> {
        while let Some(batch) = self.caller.clone().unless_halted(self.intake.next(CALL_RECORDS_MAX)).await? {
            StepMeter::add(&self.caller.meter().records_in, batch.records.len());
            StepMeter::add(&self.caller.meter().bytes, bytes_of(&batch.records));
            self.work.input = batch.records;
            let sorted = self.apply().await?;
            self.outlets.send(sorted, &batch.token).await?;
            batch.token.settle();
        }
        self.rejects.at_end()?;
        self.caller.call(&mut self.work, |work| work.transform.finish()).await
    }

    /// What became of the input; what was refused is dealt with.
    async fn apply(&mut self) -> Result<Sorted, Halt> {
        let outcomes = self.outcomes().await?;
        let mut sorted = self.outlets.sort(outcomes).map_err(|error| self.caller.fail(&error, 1, None))?;
        let refused: Vec<_> = sorted.refused.drain(..).map(|(index, error)| (self.work.input[index].clone(), error)).collect();
        dropped(&self.caller.meter().dropped, sorted.dropped);
        self.rejects.handle(self.work.input.len() - refused.len(), refused).await?;
        Ok(sorted)
    }

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
            let records = again.iter().map(|index| self.work.input[*index].clone()).collect();
            let whole = std::mem::replace(&mut self.work.input, records);
            let answers = self.call().await;
            self.work.input = whole;
            for (index, outcome) in again.into_iter().zip(answers?) {
                outcomes[index] = outcome;
            }
            self.caller.meter().works_again();
            failures += 1;
        }
    }

    async fn call(&mut self) -> Result<Vec<Outcome>, Halt> {
        let outcomes = self.caller.call(&mut self.work, |work| work.transform.apply(&work.input)).await?;
        let (given, wanted) = (outcomes.len(), self.work.input.len());
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
