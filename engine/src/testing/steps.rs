//! Steps that do what a test says, and a diary of what they did: in which order things became durable, were kept in
//! checkpoints, and were told to sources, is the promise that flows are tested for.
//!
//! Each scripted step type reads its [`Script`] from `with`, so that a test is a definition like any other.

mod acting;
mod diary;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::{
    id::StepName,
    pipeline::{Mistake, Step},
    port::{
        BoxFuture,
        step::{
            BuiltStep, CustomEvent, EventAppender, KeyOf, Secret, Secrets, StepContext, StepError, StepKind, StepType, StepTypes,
        },
    },
};

pub use self::diary::{Deed, Diary, DiaryReport};

/// What a scripted step does. Everything is optional.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    /// Source: its records, batch by batch. The cursor after a batch is the number of batches so far.
    pub batches: Vec<Vec<Value>>,
    /// Source: records of the first batch that it could not read.
    pub unreadable: Vec<Value>,
    /// Source: after its batches it waits for ever instead of ending.
    pub waits_at_end: bool,
    /// Source: it cannot resume.
    pub no_cursor: bool,
    /// Transform, sink: records equal to this are refused.
    pub poison: Option<Value>,
    /// Transform, sink: so many times the refusal may be mended by another try; then the record is taken.
    pub poison_mends_after: Option<u32>,
    /// Transform: each record becomes so many; 1 unless said.
    pub copies: Option<usize>,
    /// Transform: sends each record to the step that the record's `to` names.
    pub targets: Vec<StepName>,
    /// Sink: its output is a list that another attempt goes on with: its mark is the number of records in it.
    pub resumes: bool,
    /// Sink: when its records are durable.
    pub durable: Durable,
    /// The first so many calls fail.
    pub fails: u32,
    /// They fail for good.
    pub permanent: bool,
    /// Each pull, apply, write or run waits until its gate is opened for it.
    pub gated: bool,
    /// There it waits for ever.
    pub hangs_in: Option<Place>,
    /// There it panics.
    pub panics_in: Option<Place>,
}

/// When a sink's records are durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durable {
    /// By each write.
    #[default]
    Write,
    /// By a flush.
    Flush,
    /// At the end only.
    Finish,
}

/// Where in its life a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// It is being made ready.
    Build,
    /// It does its work: pull, apply, write, run.
    Work,
    /// Sink: it makes durable what it took.
    Flush,
    /// Transform, sink: nothing more comes.
    Finish,
    /// Sink: it gives up.
    Abort,
    /// Source, transform: it is closed.
    Close,
}

/// The step types `test.source`, `test.transform`, `test.sink` and `test.task`; `test.alone` is a transform of which only
/// one may work. A key is the name of a field.
pub struct ScriptedSteps {
    types: Vec<StepType>,
    diary: Diary,
    gates: Mutex<HashMap<StepName, Arc<Semaphore>>>,
}

impl ScriptedSteps {
    /// Steps that write in a diary.
    pub fn new(diary: Diary) -> Arc<Self> {
        let of = |name, kind, parallel| StepType { name, kind, summary: "does what a test says", parallel, schema: json!({}) };
        let types = vec![
            of("test.alone", StepKind::Transform, false),
            of("test.sink", StepKind::Sink, true),
            of("test.source", StepKind::Source, false),
            of("test.task", StepKind::Task, false),
            of("test.transform", StepKind::Transform, true),
        ];
        Arc::new(Self { types, diary, gates: Mutex::default() })
    }

    /// Lets a gated step work so many times more.
    pub fn open(&self, step: &str, times: usize) {
        self.gate(&StepName::new(step).expect("tests name their steps well")).add_permits(times);
    }

    fn gate(&self, step: &StepName) -> Arc<Semaphore> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        gates.entry(step.clone()).or_insert_with(|| Arc::new(Semaphore::new(0))).clone()
    }

    async fn make(&self, step: &Step, context: StepContext) -> Result<BuiltStep, StepError> {
        let script = script(step).map_err(|error| StepError::permanent(error.to_string()))?;
        let gate = script.gated.then(|| self.gate(&step.name));
        let kind = self.find(&step.uses).map(|step_type| step_type.kind);
        let actor = acting::Actor::new(step.name.clone(), script, self.diary.clone(), gate, &context);
        actor.at(Place::Build).await?;
        match kind {
            Some(StepKind::Source) => Ok(BuiltStep::Source(Box::new(acting::source(actor, &context)))),
            Some(StepKind::Transform) => Ok(BuiltStep::Transform(Box::new(actor))),
            Some(StepKind::Sink) => Ok(BuiltStep::Sink(Box::new(actor))),
            Some(StepKind::Task) => Ok(BuiltStep::Task(Box::new(actor))),
            None => Err(StepError::permanent("there is no such scripted step type")),
        }
    }
}

fn script(step: &Step) -> Result<Script, serde_json::Error> {
    serde_json::from_value(Value::Object(step.settings.clone()))
}

impl StepTypes for ScriptedSteps {
    fn list(&self) -> &[StepType] {
        &self.types
    }

    fn check(&self, step: &Step) -> Vec<Mistake> {
        script(step).err().map(|error| Mistake::at("", error.to_string())).into_iter().collect()
    }

    fn targets(&self, step: &Step) -> Vec<StepName> {
        script(step).map(|script| script.targets).unwrap_or_default()
    }

    fn key(&self, expression: &str) -> Result<KeyOf, String> {
        let field = expression.strip_prefix('.').ok_or("a key is a field, like `.id`")?.to_owned();
        Ok(Arc::new(move |record| record.value()[&field].to_string().into()))
    }

    fn build<'a>(&'a self, step: &'a Step, context: StepContext) -> BoxFuture<'a, Result<BuiltStep, StepError>> {
        Box::pin(self.make(step, context))
    }
}

/// No secrets, and nowhere to append to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nothing;

impl Secrets for Nothing {
    fn resolve(&self, path: &str) -> Result<Secret, String> {
        Err(format!("no secret `{path}`: this test has none"))
    }
}

impl EventAppender for Nothing {
    fn append_custom<'a>(&'a self, _: &'a StepName, _: Vec<CustomEvent>) -> BoxFuture<'a, Result<(), StepError>> {
        Box::pin(async { Err(StepError::permanent("this test has no log")) })
    }
}
