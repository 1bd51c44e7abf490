//! Steps that were given secrets, with the secrets taken out of every error they return: a client library, a child process
//! or a server may quote what it was given.

use std::sync::Arc;

use flexcore_engine::port::{
    BoxFuture,
    step::{BuiltStep, Outcome, Pull, Record, RecordError, Resume, Secret, Sink, Source, StepError, Task, Transform, Written},
};
use serde_json::Value;

use super::secrets::redact;

/// A step and the secrets it was given.
pub(super) struct Redacted<T: ?Sized> {
    secrets: Arc<[Secret]>,
    inner: Box<T>,
}

impl Redacted<()> {
    /// Wraps a step.
    pub(super) fn wrap(step: BuiltStep, secrets: Vec<Secret>) -> BuiltStep {
        let secrets = Arc::from(secrets);
        match step {
            BuiltStep::Source(inner) => BuiltStep::Source(Box::new(Redacted { secrets, inner })),
            BuiltStep::Transform(inner) => BuiltStep::Transform(Box::new(Redacted { secrets, inner })),
            BuiltStep::Sink(inner) => BuiltStep::Sink(Box::new(Redacted { secrets, inner })),
            BuiltStep::Task(inner) => BuiltStep::Task(Box::new(Redacted { secrets, inner })),
        }
    }
}

/// An error without the secrets.
pub(super) fn error(error: StepError, secrets: &[Secret]) -> StepError {
    let causes = error.causes.into_iter().map(|cause| redact(cause, secrets)).collect();
    StepError { message: redact(error.message, secrets), causes, retryable: error.retryable }
}

impl<T: ?Sized> Redacted<T> {
    fn record(&self, error: &mut RecordError) {
        error.message = redact(std::mem::take(&mut error.message), &self.secrets);
    }
}

impl Source for Redacted<dyn Source> {
    fn next(&mut self) -> BoxFuture<'_, Result<Pull, StepError>> {
        Box::pin(async {
            let mut pull = self.inner.next().await.map_err(|wrong| error(wrong, &self.secrets))?;
            if let Pull::Batch(batch) = &mut pull {
                batch.rejected.iter_mut().for_each(|(_, wrong)| self.record(wrong));
            }
            Ok(pull)
        })
    }

    fn ack<'a>(&'a mut self, stream: &'a str, cursor: &'a Value) -> BoxFuture<'a, Result<(), StepError>> {
        Box::pin(async { self.inner.ack(stream, cursor).await.map_err(|wrong| error(wrong, &self.secrets)) })
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

impl Transform for Redacted<dyn Transform> {
    fn apply<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, Result<Vec<Outcome>, StepError>> {
        Box::pin(async {
            let mut outcomes = self.inner.apply(records).await.map_err(|wrong| error(wrong, &self.secrets))?;
            for outcome in &mut outcomes {
                if let Outcome::Reject(wrong) = outcome {
                    self.record(wrong);
                }
            }
            Ok(outcomes)
        })
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<(), StepError>> {
        Box::pin(async { self.inner.finish().await.map_err(|wrong| error(wrong, &self.secrets)) })
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

impl Sink for Redacted<dyn Sink> {
    fn write<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, Result<Written, StepError>> {
        Box::pin(async {
            let mut written = self.inner.write(records).await.map_err(|wrong| error(wrong, &self.secrets))?;
            written.rejected.iter_mut().for_each(|(_, wrong)| self.record(wrong));
            Ok(written)
        })
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<bool, StepError>> {
        Box::pin(async { self.inner.flush().await.map_err(|wrong| error(wrong, &self.secrets)) })
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<(), StepError>> {
        Box::pin(async { self.inner.finish().await.map_err(|wrong| error(wrong, &self.secrets)) })
    }

    fn resumes(&self) -> Option<Arc<dyn Resume>> {
        self.inner.resumes()
    }

    fn abort(&mut self) -> BoxFuture<'_, ()> {
        self.inner.abort()
    }
}

impl Task for Redacted<dyn Task> {
    fn run(&mut self) -> BoxFuture<'_, Result<Value, StepError>> {
        Box::pin(async { self.inner.run().await.map_err(|wrong| error(wrong, &self.secrets)) })
    }
}
