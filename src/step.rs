//! The step types: one file a kind, one table that lists them.

mod file_read;
mod file_write;
mod generate;
mod jq;
mod json;
mod map;
mod redact;
mod secrets;
mod spec;
mod thread;

use std::sync::Arc;

use flexcore_engine::{
    id::StepName,
    pipeline::{Mistake, Step},
    port::{
        BoxFuture,
        step::{BuiltStep, StepContext, StepError, StepType, StepTypes},
    },
};

use self::spec::{Row, row};
pub use self::{jq::Predicate, secrets::EnvFileSecrets};

/// Every step type there is.
fn rows() -> Vec<Row> {
    vec![row::<file_read::FileRead>(), row::<file_write::FileWrite>(), row::<generate::Generate>(), row::<map::Map>()]
}

/// The table of step types.
pub fn table() -> Arc<dyn StepTypes> {
    let rows = rows();
    let list = rows.iter().map(|row| row.step_type.clone()).collect();
    Arc::new(Table { rows, list })
}

struct Table {
    rows: Vec<Row>,
    list: Vec<StepType>,
}

impl Table {
    fn row(&self, step: &Step) -> Option<&Row> {
        self.rows.iter().find(|row| row.step_type.name == step.uses)
    }

    fn unknown(&self, uses: &str) -> Mistake {
        let names = || self.list.iter().map(|step_type| step_type.name);
        let known = names().collect::<Vec<_>>().join(", ");
        let mistake = Mistake::at("", format!("there is no step type `{uses}`"));
        let near = mistake.clone().did_you_mean(uses, names());
        if near.hint.is_some() { near } else { mistake.hint(format!("there are {known}")) }
    }
}

impl StepTypes for Table {
    fn list(&self) -> &[StepType] {
        &self.list
    }

    fn check(&self, step: &Step) -> Vec<Mistake> {
        self.row(step).map_or_else(|| vec![self.unknown(&step.uses)], |row| (row.check)(step))
    }

    fn targets(&self, step: &Step) -> Vec<StepName> {
        self.row(step).map(|row| (row.targets)(step)).unwrap_or_default()
    }

    fn build<'a>(&'a self, step: &'a Step, context: StepContext) -> BoxFuture<'a, Result<BuiltStep, StepError>> {
        match self.row(step) {
            Some(row) => (row.build)(step, context),
            None => Box::pin(async { Err(StepError::permanent(self.unknown(&step.uses).to_string())) }),
        }
    }
}
