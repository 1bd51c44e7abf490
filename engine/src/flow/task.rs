//! One task at work.

use crate::port::step::Task;

use super::call::{Caller, Halt};

/// A halted task may go on for half of the grace, to end what it started; then it is dropped.
const SHARE_OF_GRACE: u32 = 2;

/// Runs a task by its policies; its answer is a line of its log.
pub(super) async fn run(caller: &Caller, mut task: Box<dyn Task>) -> Result<(), Halt> {
    let shared = &caller.shared;
    let patience = async {
        shared.halt.cancelled().await;
        shared.context.clock.sleep(shared.grace / SHARE_OF_GRACE).await;
    };
    let answer = tokio::select! {
        biased;
        answer = tries(caller, &mut *task) => answer?,
        () = patience => return Err(Halt::Cancelled),
    };
    caller.log.info(&format!("answer: {answer}"));
    Ok(())
}

async fn tries(caller: &Caller, task: &mut dyn Task) -> Result<serde_json::Value, Halt> {
    let mut failures = 0;
    loop {
        let answer = tokio::select! {
            biased;
            answer = super::call::guarded(async { task.run().await }) => answer,
            () = caller.too_long() => Err(caller.timed_out()),
        };
        let error = match answer {
            Ok(answer) => return Ok(answer),
            // What a task says after it was told to stop is no failure of its own.
            Err(_) if caller.shared.halt.is_cancelled() => return Err(Halt::Cancelled),
            Err(error) => error,
        };
        failures += 1;
        caller.wait_to_retry(failures, &error).await?;
        caller.meter().works_again();
    }
}
