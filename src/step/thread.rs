//! A thread of its own for work that keeps a processor busy or waits for a disk. Not tokio's blocking pool: one of its
//! threads that does not come back would hold up the end of the process, and its stacks are too small for jq.

use std::thread;

use flexcore_engine::port::step::StepError;
use tokio::sync::{mpsc, oneshot};

/// Reserved, not used: the system gives pages as they are touched.
pub(super) const STACK_BYTES: usize = 64 << 20;

/// Does one job after another, in order. It ends when this is dropped and the job at hand is done.
pub(super) struct Thread<I, O> {
    jobs: mpsc::Sender<(I, oneshot::Sender<O>)>,
}

impl<I: Send + 'static, O: Send + 'static> Thread<I, O> {
    /// Starts it.
    pub(super) fn start(name: &str, mut work: impl FnMut(I) -> O + Send + 'static) -> Result<Self, StepError> {
        let (jobs, mut inbox) = mpsc::channel::<(I, oneshot::Sender<O>)>(1);
        spawn(name, move || {
            while let Some((job, answer)) = inbox.blocking_recv() {
                // Nobody waits any more when the run was cancelled; the work is done all the same, in order.
                let _ = answer.send(work(job));
            }
        })?;
        Ok(Self { jobs })
    }

    /// Has one job done. An error means that the thread died, which is a bug.
    pub(super) async fn ask(&self, job: I) -> Result<O, StepError> {
        let (answer, outcome) = oneshot::channel();
        let died = || StepError::permanent("a worker thread of this step died; the log file has the reason");
        self.jobs.send((job, answer)).await.map_err(|_| died())?;
        outcome.await.map_err(|_| died())
    }
}

/// Starts a thread that nobody joins.
pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), StepError> {
    let builder = thread::Builder::new().name(name.into()).stack_size(STACK_BYTES);
    let failed = |error| StepError::transient("cannot start a thread").because(&error);
    builder.spawn(work).map(drop).map_err(failed)
}
