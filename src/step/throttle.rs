//! `throttle`: records pass no faster than a rate; what comes too early waits, and with it the steps before.

use std::time::Duration;

use flexcore_engine::{
    pipeline::{Mistake, rate::Rate},
    port::{
        BoxFuture,
        clock::after,
        step::{BuiltStep, Outcome, Record, StepContext, StepError, StepKind, Transform},
    },
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::spec::Spec;

/// Settings of `throttle`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct With {
    /// Like `100/s`, `30/m` or `5000/h`.
    rate: String,
    /// So many records may pass at once after a pause.
    #[serde(default = "one")]
    burst: u32,
}

fn one() -> u32 {
    1
}

/// `throttle`.
pub(super) struct Throttle;

impl Spec for Throttle {
    type With = With;
    const NAME: &'static str = "throttle";
    const KIND: StepKind = StepKind::Transform;
    const SUMMARY: &'static str = "Let records pass no faster than a rate";

    fn mistakes(with: &With) -> Vec<Mistake> {
        let mut found: Vec<_> =
            with.rate.parse::<Rate>().err().map(|error| Mistake::at("/rate", error.to_string())).into_iter().collect();
        if with.burst == 0 {
            found.push(Mistake::at("/burst", "a burst of 0 lets nothing pass").hint("1 is the least"));
        }
        found
    }

    fn build(with: With, context: StepContext) -> BoxFuture<'static, Result<BuiltStep, StepError>> {
        Box::pin(async move {
            let rate: Rate = with.rate.parse().map_err(|error| StepError::permanent(format!("{error}")))?;
            let distance = Duration::from_secs_f64(1.0 / rate.per_second);
            let gate = Gate { distance, burst: with.burst, free_at: Timestamp::MIN, context };
            Ok(BuiltStep::Transform(Box::new(gate)))
        })
    }
}

struct Gate {
    /// Between two records.
    distance: Duration,
    burst: u32,
    /// When the next record would pass if all came evenly.
    free_at: Timestamp,
    context: StepContext,
}

impl Transform for Gate {
    /// A batch passes when its last record may.
    fn apply<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, Result<Vec<Outcome>, StepError>> {
        Box::pin(async {
            let saved = self.distance * self.burst;
            let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
            let free_at = after(self.free_at.max(self.context.clock.now()), self.distance * count);
            let due = free_at.checked_sub(saved).unwrap_or(free_at);
            self.context.clock.sleep_until(due).await;
            self.free_at = free_at;
            Ok(records.iter().cloned().map(Outcome::Keep).collect())
        })
    }
}
