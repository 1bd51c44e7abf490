//! `file.write`: records into a file. A replaced file appears as a whole or not at all; an appended one is durable at
//! every flush and whole lines only, even after a crash.

mod encode;
mod output;

use std::path::PathBuf;

use flexcore_engine::{
    pipeline::Mistake,
    port::{
        BoxFuture,
        step::{BuiltStep, Record, Sink, StepContext, StepError, StepKind, Written},
    },
};
use schemars::JsonSchema;
use serde::Deserialize;

use self::{encode::Encoder, output::Output};
use super::{spec::Spec, thread::Thread};

/// Settings of `file.write`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct With {
    /// The file. Relative paths start at the pipeline file's folder.
    path: String,
    /// How it is written. Default: by its ending (.ndjson, .jsonl, .csv).
    #[serde(default)]
    format: Option<Format>,
    /// `replace`: the new file takes the old one's place when the run succeeds. `append`: lines are added. Replayed dead
    /// letters are always added.
    #[serde(default)]
    mode: Mode,
    /// csv only: the columns, in order. Default: the keys of the first record.
    #[serde(default)]
    columns: Vec<String>,
    /// Make missing folders.
    #[serde(default = "yes")]
    create_dirs: bool,
}

fn yes() -> bool {
    true
}

/// How the file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    /// One JSON value a line.
    Ndjson,
    /// Comma-separated values with a header row.
    Csv,
}

/// What happens to what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    /// The new file takes its place when the run succeeds.
    #[default]
    Replace,
    /// Lines are added.
    Append,
}

impl With {
    fn format(&self) -> Option<Format> {
        self.format.or(match self.path.rsplit_once('.')?.1 {
            "ndjson" | "jsonl" => Some(Format::Ndjson),
            "csv" => Some(Format::Csv),
            _ => None,
        })
    }
}

/// `file.write`.
pub(super) struct FileWrite;

impl Spec for FileWrite {
    type With = With;
    const NAME: &'static str = "file.write";
    const KIND: StepKind = StepKind::Sink;
    const SUMMARY: &'static str = "Write records to a file: ndjson or csv; replaced as a whole, or appended to";

    fn mistakes(with: &With) -> Vec<Mistake> {
        let mut found = Vec::new();
        if with.path.trim().is_empty() || with.path.ends_with('/') {
            found.push(Mistake::at("/path", "the path names no file"));
        } else if with.format().is_none() {
            let mistake = Mistake::at("/path", format!("the ending of `{}` does not tell its format", with.path));
            found.push(mistake.hint("add `format: ndjson` or `csv`"));
        }
        if !with.columns.is_empty() && with.format() == Some(Format::Ndjson) {
            found.push(Mistake::at("/columns", "`columns` is for csv only"));
        }
        found
    }

    fn build(with: With, context: StepContext) -> BoxFuture<'static, Result<BuiltStep, StepError>> {
        Box::pin(async move {
            let path = context.folder.join(&with.path);
            let mode = if context.is_replay { Mode::Append } else { with.mode };
            let mut file = Writer::new(path, mode, &with);
            let thread = Thread::start("file-write", move |job| file.perform(job))?;
            thread.ask(Job::Open).await??;
            Ok(BuiltStep::Sink(Box::new(FileSink { thread })))
        })
    }
}

/// What the thread is asked to do.
enum Job {
    Open,
    Write(Vec<Record>),
    Flush,
    Finish,
    Abort,
}

struct FileSink {
    thread: Thread<Job, Result<Written, StepError>>,
}

impl Sink for FileSink {
    fn write<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, Result<Written, StepError>> {
        Box::pin(async { self.thread.ask(Job::Write(records.to_vec())).await? })
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<bool, StepError>> {
        Box::pin(async { Ok(self.thread.ask(Job::Flush).await??.durable) })
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<(), StepError>> {
        Box::pin(async { self.thread.ask(Job::Finish).await?.map(drop) })
    }

    fn abort(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            // What could not be undone stays as it is: the run failed already, for a reason that matters more.
            let _ = self.thread.ask(Job::Abort).await;
        })
    }
}

/// The thread's side.
struct Writer {
    path: PathBuf,
    mode: Mode,
    create_dirs: bool,
    encoder: Encoder,
    output: Option<Output>,
}

impl Writer {
    fn new(path: PathBuf, mode: Mode, with: &With) -> Self {
        let encoder = match with.format() {
            Some(Format::Csv) => Encoder::csv(with.columns.clone()),
            Some(Format::Ndjson) | None => Encoder::Ndjson,
        };
        Self { path, mode, create_dirs: with.create_dirs, encoder, output: None }
    }

    fn perform(&mut self, job: Job) -> Result<Written, StepError> {
        let durable = match job {
            Job::Open => self.open()?,
            Job::Write(records) => return self.write(&records),
            Job::Flush => self.output.as_mut().map_or(Ok(true), Output::flush).map_err(|error| self.failed(&error))?,
            Job::Finish => self.output.take().map_or(Ok(true), Output::finish).map_err(|error| self.failed(&error))?,
            Job::Abort => {
                if let Some(output) = self.output.take() {
                    output.abort();
                }
                true
            }
        };
        Ok(Written::all(durable))
    }

    fn failed(&self, error: &std::io::Error) -> StepError {
        StepError::transient(format!("cannot write {}", self.path.display())).because(error)
    }

    fn open(&mut self) -> Result<bool, StepError> {
        let output = Output::open(&self.path, self.mode, self.create_dirs).map_err(|error| self.failed(&error))?;
        if let Some(line) = &output.first_line {
            self.encoder.go_on(line).map_err(|why| StepError::permanent(format!("{}: {why}", self.path.display())))?;
        }
        self.output = Some(output);
        Ok(true)
    }

    fn write(&mut self, records: &[Record]) -> Result<Written, StepError> {
        let Some(output) = &mut self.output else {
            return Err(StepError::permanent(format!("{} is closed", self.path.display())));
        };
        let (mut bytes, mut encoder) = (Vec::new(), self.encoder.clone());
        let rejected = encoder.encode(records, &mut bytes);
        output.write(&bytes).map_err(|error| self.failed(&error))?;
        // Only now: should the write fail, the header row is still to be written.
        self.encoder = encoder;
        Ok(Written { durable: false, rejected })
    }
}
