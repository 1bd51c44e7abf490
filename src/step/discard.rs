//! `drop`: records end here. For trying a pipeline without its outside.

use flexcore_engine::port::{
    BoxFuture,
    step::{BuiltStep, Record, Sink, StepContext, StepError, StepKind, Written},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::spec::Spec;

/// Settings of `drop`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct With {}

/// `drop`.
pub(super) struct Discard;

impl Spec for Discard {
    type With = With;
    const NAME: &'static str = "drop";
    const KIND: StepKind = StepKind::Sink;
    const SUMMARY: &'static str = "Take records and keep none";
    const PARALLEL: bool = true;

    fn build(_: With, _: StepContext) -> BoxFuture<'static, Result<BuiltStep, StepError>> {
        Box::pin(async { Ok(BuiltStep::Sink(Box::new(Nowhere))) })
    }
}

struct Nowhere;

impl Sink for Nowhere {
    fn write<'a>(&'a mut self, _: &'a [Record]) -> BoxFuture<'a, Result<Written, StepError>> {
        Box::pin(async { Ok(Written::all(true)) })
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<bool, StepError>> {
        Box::pin(async { Ok(true) })
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<(), StepError>> {
        Box::pin(async { Ok(()) })
    }
}
