//! What a step is built with, in a folder of its own.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use flexcore::step::{EnvFileSecrets, table};
use flexcore_engine::{
    flow::log::RunLog,
    id::{PipelineName, Revision, RunId, StepName},
    pipeline::Step,
    port::{
        BoxFuture,
        clock::SystemClock,
        step::{
            BuiltStep, CustomEvent, EventAppender, Outcome, Pull, Record, Sink, Source, SourceBatch, StepContext, StepError,
            Task, Transform,
        },
    },
    queue::memory::MemoryQueues,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A folder, a context, and what the steps did to them.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) context: StepContext,
    pub(crate) log: RunLog,
    pub(crate) events: Arc<Appended>,
}

/// Events that a step appended.
#[derive(Default)]
pub(crate) struct Appended(pub(crate) Mutex<Vec<CustomEvent>>);

impl EventAppender for Appended {
    fn append_custom<'a>(&'a self, _: &'a StepName, events: Vec<CustomEvent>) -> BoxFuture<'a, Result<(), StepError>> {
        self.0.lock().unwrap().extend(events);
        Box::pin(async { Ok(()) })
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (log, events) = (RunLog::default(), Arc::new(Appended::default()));
        let name = StepName::new("tried").unwrap();
        let clock = SystemClock::shared();
        let context = StepContext {
            pipeline: PipelineName::new("trial").unwrap(),
            run: RunId::fresh(),
            attempt: 1,
            trace: None,
            revision: Revision([7; 32]),
            log: log.of_step(name.clone(), clock.clone()),
            step: name,
            params: Arc::new(json!({"region": "eu"}).as_object().unwrap().clone()),
            is_replay: false,
            is_continuous: false,
            started_at: Timestamp::from_second(1_700_000_000).unwrap(),
            checkpoints: BTreeMap::new(),
            folder: folder.path().into(),
            cancel: CancellationToken::new(),
            queues: Arc::new(MemoryQueues::new(clock.clone())),
            clock,
            events: events.clone(),
            secrets: Arc::new(EnvFileSecrets { folder: Some(folder.path().join("secrets")), command: Vec::new() }),
        };
        Self { folder, context, log, events }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) async fn build(&self, uses: &str, with: Value) -> Result<BuiltStep, StepError> {
        table().build(&step(uses, with), self.context.clone()).await
    }

    pub(crate) async fn source(&self, uses: &str, with: Value) -> Box<dyn Source> {
        match self.build(uses, with).await {
            Ok(BuiltStep::Source(source)) => source,
            Ok(_) => panic!("{uses} is no source"),
            Err(error) => panic!("{error}: {:?}", error.causes),
        }
    }

    pub(crate) async fn transform(&self, uses: &str, with: Value) -> Box<dyn Transform> {
        match self.build(uses, with).await {
            Ok(BuiltStep::Transform(transform)) => transform,
            Ok(_) => panic!("{uses} is no transform"),
            Err(error) => panic!("{error}: {:?}", error.causes),
        }
    }

    pub(crate) async fn sink(&self, uses: &str, with: Value) -> Box<dyn Sink> {
        match self.build(uses, with).await {
            Ok(BuiltStep::Sink(sink)) => sink,
            Ok(_) => panic!("{uses} is no sink"),
            Err(error) => panic!("{error}: {:?}", error.causes),
        }
    }

    pub(crate) async fn task(&self, uses: &str, with: Value) -> Box<dyn Task> {
        match self.build(uses, with).await {
            Ok(BuiltStep::Task(task)) => task,
            Ok(_) => panic!("{uses} is no task"),
            Err(error) => panic!("{error}: {:?}", error.causes),
        }
    }

    /// Everything a source has, as one batch.
    pub(crate) async fn read_all(&self, uses: &str, with: Value) -> Result<Vec<SourceBatch>, StepError> {
        let mut source = self.source(uses, with).await;
        let mut batches = Vec::new();
        while let Pull::Batch(batch) = source.next().await? {
            batches.push(batch);
        }
        source.close().await;
        Ok(batches)
    }

    pub(crate) fn log_lines(&self) -> Vec<String> {
        self.log.after(0, 10_000).into_iter().map(|line| line.text).collect()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "callers write `json!` in place")]
pub(crate) fn step(uses: &str, with: Value) -> Step {
    serde_json::from_value(json!({"name": "tried", "uses": uses, "with": with})).unwrap()
}

/// What `check` says of settings.
pub(crate) fn mistakes(uses: &str, with: Value) -> Vec<String> {
    let found = table().check(&step(uses, with));
    found.into_iter().map(|mistake| format!("{} {mistake}", mistake.pointer)).collect()
}

/// The message of a failed build.
pub(crate) fn failure(outcome: Result<BuiltStep, StepError>) -> String {
    match outcome {
        Ok(_) => panic!("it was built"),
        Err(error) => error.message,
    }
}

pub(crate) fn records(values: &[Value]) -> Vec<Record> {
    values.iter().map(Record::of).collect()
}

pub(crate) fn values(batches: &[SourceBatch]) -> Vec<Value> {
    batches.iter().flat_map(|batch| &batch.records).map(Record::value).collect()
}

pub(crate) fn rejections(batches: &[SourceBatch]) -> Vec<String> {
    batches.iter().flat_map(|batch| &batch.rejected).map(|(_, error)| error.message.clone()).collect()
}

/// Outcomes, readable: values kept, `null` dropped, text for the rejected.
pub(crate) fn shown(outcomes: &[Outcome]) -> Vec<Value> {
    let one = |outcome: &Outcome| match outcome {
        Outcome::Keep(record) => record.value(),
        Outcome::Many(records) => json!({"many": records.iter().map(Record::value).collect::<Vec<_>>()}),
        Outcome::To(step, record) => json!({"to": step.as_str(), "record": record.value()}),
        Outcome::Drop => Value::Null,
        Outcome::Reject(error) => json!({"rejected": error.message}),
    };
    outcomes.iter().map(one).collect()
}
