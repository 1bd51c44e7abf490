//! What a file of a step type gives, and what the table makes of it: schema, check, targets and build come from the one
//! typed structure of settings.

use std::sync::OnceLock;

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
use crate::definition::schema_check::SchemaCheck;

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
    /// Whether several may work side by side: they keep nothing from one record to the next.
    const PARALLEL: bool = false;

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
    /// Made at the first check: most processes check few types.
    shape: OnceLock<SchemaCheck>,
    semantics: fn(Value) -> Vec<Mistake>,
    pub(super) targets: fn(&Step) -> Vec<StepName>,
    pub(super) build: fn(&Step, StepContext) -> BoxFuture<'static, Result<BuiltStep, StepError>>,
}

impl Row {
    /// Everything wrong with a step's settings.
    pub(super) fn check(&self, step: &Step) -> Vec<Mistake> {
        let shape = self
            .shape
            .get_or_init(|| SchemaCheck::new(self.step_type.schema.clone()).expect("a schema made from a type is a schema"));
        let mut settings = Value::Object(step.settings.clone());
        let mut found = shape.mistakes(&settings);
        if found.is_empty() {
            return (self.semantics)(settings);
        }
        // What is well-formed is looked at all the same, without the keys that are not; but a sentence about the settings
        // as a whole could be about what was taken away.
        for mistake in &found {
            take_out(&mut settings, &mistake.pointer);
        }
        let more = (self.semantics)(settings);
        found.extend(more.into_iter().filter(|mistake| !mistake.pointer.is_empty()));
        found
    }
}

/// Removes the key that a pointer names; of a list all, since the places of the others would move.
fn take_out(settings: &mut Value, pointer: &str) {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    let key = key.replace("~1", "/").replace("~0", "~");
    match settings.pointer_mut(parent) {
        Some(Value::Object(map)) => drop(map.shift_remove(&key)),
        Some(Value::Array(_)) => take_out(settings, parent),
        _ => {}
    }
}

/// The line of a step type.
pub(super) fn row<S: Spec>() -> Row {
    Row {
        step_type: StepType { name: S::NAME, kind: S::KIND, summary: S::SUMMARY, parallel: S::PARALLEL, schema: schema::<S>() },
        shape: OnceLock::new(),
        semantics: semantics::<S>,
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

fn semantics<S: Spec>(settings: Value) -> Vec<Mistake> {
    match serde_json::from_value::<S::With>(settings) {
        Ok(with) => S::mistakes(&with),
        // The schema said what is wrong, or is weaker than the type: then this sentence is better than none.
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
