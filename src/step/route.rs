//! `route`: each record to the first step whose condition holds.

use flexcore_engine::{
    id::StepName,
    pipeline::Mistake,
    port::{
        BoxFuture,
        step::{BuiltStep, Outcome, Record, StepContext, StepError, StepKind},
    },
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    jq::{self, Given, Program, Running},
    map::OnThread,
    spec::Spec,
    thread::Thread,
};

/// Settings of `route`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct With {
    /// Looked at in order; the first that holds takes the record.
    cases: Vec<Case>,
    /// The step for records that fit no case. Without it they are dropped.
    #[serde(default)]
    default: Option<StepName>,
}

/// One way.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// jq: holds unless it gives false, null or nothing.
    when: String,
    /// The step that takes the record.
    to: StepName,
}

/// `route`.
pub(super) struct Route;

impl Spec for Route {
    type With = With;
    const NAME: &'static str = "route";
    const KIND: StepKind = StepKind::Transform;
    const SUMMARY: &'static str = "Send each record to the first step whose condition holds";
    const PARALLEL: bool = true;

    fn mistakes(with: &With) -> Vec<Mistake> {
        let each = |(index, case): (usize, &Case)| jq::mistake(&format!("/cases/{index}/when"), &case.when);
        let mut found: Vec<_> = with.cases.iter().enumerate().filter_map(each).collect();
        if with.cases.is_empty() {
            found.push(Mistake::at("/cases", "`route` has no cases").hint("add `{when: .a > 1, to: a-step}`"));
        }
        found
    }

    fn targets(with: &With) -> Vec<StepName> {
        let mut targets: Vec<StepName> = Vec::new();
        for target in with.cases.iter().map(|case| &case.to).chain(&with.default) {
            if !targets.contains(target) {
                targets.push(target.clone());
            }
        }
        targets
    }

    fn build(with: With, context: StepContext) -> BoxFuture<'static, Result<BuiltStep, StepError>> {
        Box::pin(async move {
            let given = Given::of(&context);
            let compile = |case: Case| Ok((Program::build(&case.when)?, case.to));
            let cases = with.cases.into_iter().map(compile).collect::<Result<Vec<_>, StepError>>()?;
            let ways = Ways { cases, default: with.default };
            let thread = Thread::start("route", move |records: Vec<Record>| {
                let running = given.begin();
                records.into_iter().map(|record| ways.send(record, &running)).collect()
            })?;
            Ok(BuiltStep::Transform(Box::new(OnThread { thread })))
        })
    }
}

struct Ways {
    cases: Vec<(Program, StepName)>,
    default: Option<StepName>,
}

impl Ways {
    fn send(&self, record: Record, running: &Running) -> Result<Outcome, StepError> {
        let input = match jq::parse(&record.json) {
            Ok(input) => input,
            Err(failure) => return failure.split("route").map(Outcome::Reject),
        };
        for (when, to) in &self.cases {
            match when.holds(input.clone(), running) {
                Ok(true) => return Ok(Outcome::To(to.clone(), record)),
                Ok(false) => {}
                Err(failure) => return failure.split(&format!("case `{}`", when.text())).map(Outcome::Reject),
            }
        }
        Ok(self.default.as_ref().map_or(Outcome::Drop, |to| Outcome::To(to.clone(), record)))
    }
}
