//! Going back to a version of checkpoints: what that takes was computed from versions, which the pipeline itself does not
//! know. So they are looked at again, and the decision holds only while nothing has happened to the pipeline since: a run
//! that moves checkpoints begins and ends in its stream.

use super::{
    Accepted, Engine, Refusal,
    append::{CONFLICTS_MAX, Decision},
};
use crate::{
    aggregate::{Pipeline, Rejection},
    command::{PipelineCommand, Request},
    id::{PipelineName, StreamName, Version},
    projection::checkpoints::CheckpointsRow,
};

impl Engine {
    pub(super) async fn roll_back_checkpoints(
        &self,
        name: &PipelineName,
        command: &PipelineCommand,
        expected: u64,
        request: &Request,
    ) -> Result<Accepted, Refusal> {
        let stream = StreamName::pipeline(name);
        for _ in 0..CONFLICTS_MAX {
            let seen = self.inner.store.version(&stream).await?;
            let known = name.clone();
            let newest =
                self.view(move |models| models.checkpoints.pipelines.get(&known).map_or(0, CheckpointsRow::newest)).await;
            let moved = Rejection::CheckpointsMoved { name: name.clone(), expected, newest };
            if newest != expected {
                return Err(moved.into());
            }
            let decide = |pipeline: &Pipeline, version: Version| {
                if version != seen {
                    return Err(moved.clone());
                }
                Ok(Decision { own: pipeline.decide(name, command, request.at)?, beside: Vec::new() })
            };
            match self.change_from(&self.inner.pipelines, &stream, request, decide).await {
                Ok((accepted, _, _)) => return Ok(accepted),
                // Something happened to the pipeline meanwhile, which need not have moved anything.
                Err(Refusal::Rejected(Rejection::CheckpointsMoved { .. })) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Err(Refusal::Unavailable(format!("`{stream}` changes faster than this could be decided; try again")))
    }
}
