//! What a file of a step type gives, and what the table makes of it: schema, check, targets and build come from the one
//! typed structure of settings.

use flexcore_engine::{
    id::StepName,
    pipeline::{Mistake, Step},
    port::{
        BoxFuture,
        step::{BuiltStep, StepContext, StepError, StepKind, StepType},
    },
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{redact::Redacted, secrets};
use crate::definition::schema_mistakes;

/// One step type.
pub(super) trait Spec: 'static {
    /// Its settings.
    type With: DeserializeOwned + JsonSchema + Send + 'static;
    /// Like `file.read`.
    const NAME: &'static str;
    /// What it is.
    const KIND: StepKind;
    /// One line for people.
    const SUMMARY: &'static str;

    /// What is wrong with settings that have the right shape.
    fn mistakes(_with: &Self::With) -> Vec<Mistake> {
        Vec::new()
    }

    /// The steps that it names as targets of records.
    fn targets(_with: &Self::With) -> Vec<StepName> {
        Vec::new()
    }

    /// Makes it ready to work.
    fn build(with: Self::With, context: StepContext) -> BoxFuture<'static, Result<BuiltStep, StepError>>;
}

/// A line of the table.
pub(super) struct Row {
    pub(super) step_type: StepType,
    pub(super) check: fn(&Step) -> Vec<Mistake>,
    pub(super) targets: fn(&Step) -> Vec<StepName>,
    pub(super) build: fn(&Step, StepContext) -> BoxFuture<'static, Result<BuiltStep, StepError>>,
}

/// The line of a step type.
pub(super) fn row<S: Spec>() -> Row {
    Row {
        step_type: StepType { name: S::NAME, kind: S::KIND, summary: S::SUMMARY, schema: schema::<S>() },
        check: check::<S>,
        targets: targets::<S>,
        build: build::<S>,
    }
}

fn schema<S: Spec>() -> Value {
    let mut schema = schemars::schema_for!(S::With).to_value();
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("$schema");
        schema.remove("title");
    }
    schema
}

fn read<S: Spec>(step: &Step) -> Result<S::With, serde_json::Error> {
    serde_json::from_value(Value::Object(step.settings.clone()))
}

/// All that the schema refuses, each at its place; what only the type itself knows is asked when the shape is right.
fn check<S: Spec>(step: &Step) -> Vec<Mistake> {
    let misshapen = schema_mistakes(&schema::<S>(), &Value::Object(step.settings.clone()));
    match read::<S>(step) {
        _ if !misshapen.is_empty() => misshapen,
        Ok(with) => S::mistakes(&with),
        Err(error) => vec![Mistake::at("", error.to_string())],
    }
}

fn targets<S: Spec>(step: &Step) -> Vec<StepName> {
    read::<S>(step).map(|with| S::targets(&with)).unwrap_or_default()
}

fn build<S: Spec>(step: &Step, context: StepContext) -> BoxFuture<'static, Result<BuiltStep, StepError>> {
    let with = secrets::fill(&step.settings, &*context.secrets).and_then(|(settings, used)| {
        // The error may quote a value, which may be a secret.
        let unfit = |error: serde_json::Error| StepError::permanent(secrets::redact(error.to_string(), &used));
        Ok((serde_json::from_value(settings).map_err(unfit)?, used))
    });
    Box::pin(async move {
        let (with, used) = with?;
        match S::build(with, context).await {
            Ok(built) if used.is_empty() => Ok(built),
            Ok(built) => Ok(Redacted::wrap(built, used)),
            Err(error) => Err(super::redact::error(error, &used)),
        }
    })
}
