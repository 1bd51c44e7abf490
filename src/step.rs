//! The step types: one file a kind, one table that lists them.

mod child;
mod dedupe;
mod discard;
mod event_append;
mod file_read;
mod file_write;
mod generate;
#[cfg(feature = "http")]
mod http_send;
mod jq;
mod json;
mod map;
mod process_read;
mod process_run;
mod process_transform;
mod queue_receive;
mod queue_send;
mod redact;
mod route;
mod secrets;
mod spec;
mod stdout;
mod thread;
mod throttle;

use std::sync::Arc;

use flexcore_engine::{
    id::StepName,
    pipeline::{Mistake, Step},
    port::{
        BoxFuture,
        step::{BuiltStep, KeyOf, StepContext, StepError, StepType, StepTypes},
    },
};

#[cfg(feature = "http")]
pub(crate) use self::secrets::filled;
use self::spec::{Row, row};
pub use self::{
    child::{MARK, end_strays, keep_in},
    jq::Predicate,
    secrets::EnvFileSecrets,
};

/// Every step type there is: sources, transforms, sinks, tasks.
fn rows<const PRINTS: bool>() -> Vec<Row> {
    vec![
        row::<file_read::FileRead>(),
        row::<generate::Generate>(),
        row::<process_read::ProcessRead>(),
        row::<queue_receive::QueueReceive>(),
        row::<map::Map>(),
        row::<route::Route>(),
        row::<dedupe::Dedupe>(),
        row::<throttle::Throttle>(),
        row::<process_transform::ProcessTransform>(),
        row::<file_write::FileWrite>(),
        #[cfg(feature = "http")]
        row::<http_send::HttpSend>(),
        row::<queue_send::QueueSend>(),
        row::<event_append::EventAppend>(),
        row::<stdout::Stdout<PRINTS>>(),
        row::<discard::Discard>(),
        row::<process_run::ProcessRun>(),
    ]
}

/// The table of step types. `stdout` writes to the step's log, because the process's output is the console's.
pub fn table() -> Arc<dyn StepTypes> {
    table_of(rows::<false>())
}

/// The table for processes whose output is free: `stdout` prints.
pub fn table_printing() -> Arc<dyn StepTypes> {
    table_of(rows::<true>())
}

fn table_of(rows: Vec<Row>) -> Arc<dyn StepTypes> {
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
        self.row(step).map_or_else(|| vec![self.unknown(&step.uses)], |row| row.check(step))
    }

    fn targets(&self, step: &Step) -> Vec<StepName> {
        self.row(step).map(|row| (row.targets)(step)).unwrap_or_default()
    }

    fn key(&self, expression: &str) -> Result<KeyOf, String> {
        jq::key(expression)
    }

    fn build<'a>(&'a self, step: &'a Step, context: StepContext) -> BoxFuture<'a, Result<BuiltStep, StepError>> {
        match self.row(step) {
            Some(row) => (row.build)(step, context),
            None => Box::pin(async { Err(StepError::permanent(self.unknown(&step.uses).to_string())) }),
        }
    }
}
