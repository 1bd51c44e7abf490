//! What the engine refuses, as problems: one exhaustive match, so that a new refusal has a status before it compiles.

use axum::http::StatusCode;
use flexcore_engine::{
    aggregate::Rejection,
    handle::Refusal,
    port::{
        queue::QueueError,
        store::{AppendError, ReadError},
    },
};

use super::problem::Problem;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match &refusal {
            Refusal::Rejected(rejection) => rejection.into(),
            Refusal::Unavailable(_) => Self::unavailable(refusal.to_string()),
            Refusal::Unrecorded(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "unrecorded", refusal.to_string()),
        }
    }
}

impl From<&Rejection> for Problem {
    fn from(rejection: &Rejection) -> Self {
        let (status, name) = match rejection {
            Rejection::NoPipeline(_) => (StatusCode::NOT_FOUND, "no-pipeline"),
            Rejection::NoRevision { .. } => (StatusCode::NOT_FOUND, "no-revision"),
            Rejection::NoVersion { .. } => (StatusCode::NOT_FOUND, "no-version"),
            Rejection::NoRun(_) => (StatusCode::NOT_FOUND, "no-run"),
            Rejection::NoQueue(_) => (StatusCode::NOT_FOUND, "no-queue"),
            Rejection::NoAlert(_) => (StatusCode::NOT_FOUND, "no-alert"),
            Rejection::PipelineExists(_) => (StatusCode::CONFLICT, "pipeline-exists"),
            Rejection::PipelineIs { .. } => (StatusCode::CONFLICT, "pipeline-state"),
            Rejection::Unchanged(_) => (StatusCode::CONFLICT, "unchanged"),
            Rejection::RunsLive { .. } => (StatusCode::CONFLICT, "runs-live"),
            Rejection::BeginsAnew(_) => (StatusCode::CONFLICT, "begins-anew"),
            Rejection::Overlaps { .. } => (StatusCode::CONFLICT, "overlaps"),
            Rejection::TooManyRuns { .. } => (StatusCode::CONFLICT, "too-many-runs"),
            Rejection::RunExists(_) => (StatusCode::CONFLICT, "run-exists"),
            Rejection::RunIs { .. } => (StatusCode::CONFLICT, "run-state"),
            Rejection::Fenced { .. } => (StatusCode::CONFLICT, "fenced"),
            Rejection::NotYet(_) => (StatusCode::CONFLICT, "not-yet"),
            Rejection::QueueRefused(_) => (StatusCode::CONFLICT, "queue-refused"),
            Rejection::CheckpointsMoved { .. } => (StatusCode::CONFLICT, "checkpoints-moved"),
            Rejection::Nothing(_) => (StatusCode::CONFLICT, "nothing"),
            Rejection::RevisionMoved { .. } => (StatusCode::PRECONDITION_FAILED, "revision-moved"),
            Rejection::InternalQueue(_) => (StatusCode::FORBIDDEN, "internal-queue"),
            Rejection::BadParam { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "bad-param"),
            Rejection::Unfit(_) => (StatusCode::UNPROCESSABLE_ENTITY, "unfit"),
        };
        Self::new(status, name, rejection.to_string())
    }
}

impl From<QueueError> for Problem {
    fn from(error: QueueError) -> Self {
        let told = error.to_string();
        match error {
            QueueError::Full { .. } => Self::new(StatusCode::TOO_MANY_REQUESTS, "queue-full", told).retry_after(1),
            QueueError::Unfit { .. } => Self::unfit(told),
            QueueError::Unknown { .. } => Self::not_found("no-queue", told),
            QueueError::Stale { .. } => Self::new(StatusCode::CONFLICT, "stale-receipt", told),
            QueueError::Unavailable { .. } => Self::unavailable(told),
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        let told = error.to_string();
        match error {
            ReadError::Truncated { .. } => Self::new(StatusCode::GONE, "truncated", told),
            ReadError::Unavailable { .. } => Self::unavailable(told),
        }
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        let told = error.to_string();
        match error {
            AppendError::Conflict { .. } => Self::new(StatusCode::PRECONDITION_FAILED, "version-moved", told),
            AppendError::Unfit { .. } => Self::unfit(told),
            AppendError::Unavailable { .. } => Self::unavailable(told),
        }
    }
}
