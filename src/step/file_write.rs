//! `file.write`: records into a file. A replaced file appears as a whole or not at all; an appended one has whole lines only,
//! even after a crash. Either is gone on with by another attempt where its checkpoint says, so that no record is in it twice.

mod disk;
mod encode;
mod mark;
mod output;
mod reserve;

use std::{path::PathBuf, sync::Arc};

use flexcore_engine::{
    pipeline::Mistake,
    port::{
        BoxFuture,
        step::{BuiltStep, Record, Resume, Sink, StepContext, StepError, StepKind, Written},
    },
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use self::{
    encode::Encoder,
    mark::Mark,
    output::{OpenError, Opening, Output, Shared},
};
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
            let mut writer = Writer::new(&with, &context);
            let thread = Thread::start("file-write", move |job| writer.perform(job))?;
            let Answer::Opened { begin, shared, notice } = thread.ask(Job::Open).await?? else {
                return Err(StepError::permanent("the file was not opened"));
            };
            if let Some(notice) = notice {
                context.log.warn(&format!("{}: {notice}", with.path));
            }
            let resume = Arc::new(FileResume { stream: with.path.into(), begin, shared });
            Ok(BuiltStep::Sink(Box::new(FileSink { thread, resume })))
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

/// What it answers.
enum Answer {
    Opened { begin: u64, shared: Arc<Shared>, notice: Option<String> },
    Written(Written),
    Done,
}

struct FileSink {
    thread: Thread<Job, Result<Answer, StepError>>,
    resume: Arc<FileResume>,
}

impl Sink for FileSink {
    fn write<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, Result<Written, StepError>> {
        Box::pin(async {
            match self.thread.ask(Job::Write(records.to_vec())).await?? {
                Answer::Written(written) => Ok(written),
                Answer::Opened { .. } | Answer::Done => Ok(Written::all(false)),
            }
        })
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<bool, StepError>> {
        Box::pin(async { self.thread.ask(Job::Flush).await?.map(|_| true) })
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<(), StepError>> {
        Box::pin(async { self.thread.ask(Job::Finish).await?.map(drop) })
    }

    fn resumes(&self) -> Option<Arc<dyn Resume>> {
        Some(self.resume.clone())
    }

    fn abort(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            // What could not be undone stays as it is: the run failed already, for a reason that matters more.
            let _ = self.thread.ask(Job::Abort).await;
        })
    }
}

/// How another attempt goes on with the file.
struct FileResume {
    stream: Arc<str>,
    begin: u64,
    shared: Arc<Shared>,
}

impl Resume for FileResume {
    fn stream(&self) -> Arc<str> {
        self.stream.clone()
    }

    fn begin(&self) -> u64 {
        self.begin
    }

    fn mark(&self, end: u64) -> BoxFuture<'_, Result<Value, StepError>> {
        let (shared, stream) = (self.shared.clone(), self.stream.clone());
        Box::pin(async move {
            let failed = |error| StepError::transient(format!("cannot read {stream} back for a checkpoint")).because(&error);
            // A few kilobytes that were written a moment ago: no disk is waited for.
            let mark = shared.mark(end).map_err(failed)?;
            Ok(mark.and_then(|mark| serde_json::to_value(mark).ok()).unwrap_or_default())
        })
    }
}

/// The thread's side.
struct Writer {
    path: PathBuf,
    part: String,
    mode: Mode,
    create_dirs: bool,
    encoder: Encoder,
    mark: Option<Mark>,
    goes_on: bool,
    output: Option<Output>,
}

impl Writer {
    fn new(with: &With, context: &StepContext) -> Self {
        let encoder = match with.format() {
            Some(Format::Csv) => Encoder::csv(with.columns.clone()),
            Some(Format::Ndjson) | None => Encoder::Ndjson,
        };
        let path = context.folder.join(&with.path);
        let mark = context.checkpoints.get(&with.path).and_then(|mark| serde_json::from_value(mark.clone()).ok());
        Self {
            part: disk::part_name(&path, &context.run.to_string()),
            path,
            mode: if context.is_replay { Mode::Append } else { with.mode },
            create_dirs: with.create_dirs,
            encoder,
            mark,
            goes_on: context.is_continuous,
            output: None,
        }
    }

    fn perform(&mut self, job: Job) -> Result<Answer, StepError> {
        match job {
            Job::Open => return self.open(),
            Job::Write(records) => return self.write(&records).map(Answer::Written),
            Job::Flush => self.output.as_mut().map_or(Ok(()), Output::flush).map_err(|error| self.failed(&error))?,
            Job::Finish => {
                self.output.as_mut().map_or(Ok(()), Output::finish).map_err(|error| self.failed(&error))?;
                self.output = None;
            }
            Job::Abort => drop(self.output.take()),
        }
        Ok(Answer::Done)
    }

    fn failed(&self, error: &std::io::Error) -> StepError {
        StepError::transient(format!("cannot write {}", self.path.display())).because(error)
    }

    fn open(&mut self) -> Result<Answer, StepError> {
        let mut output = self.opened().map_err(|error| match error {
            OpenError::Io(error) => self.failed(&error),
            OpenError::InUse => StepError::transient(format!("cannot write {}: {}", self.path.display(), OpenError::InUse)),
            OpenError::Changed(why) => StepError::permanent(format!("cannot go on with {}: {why}", self.path.display())),
        })?;
        if let Some(line) = &output.first_line {
            self.encoder.go_on(line).map_err(|why| StepError::permanent(format!("{}: {why}", self.path.display())))?;
        }
        let answer = Answer::Opened { begin: output.begin, shared: output.shared(), notice: output.notice.take() };
        self.output = Some(output);
        Ok(answer)
    }

    fn opened(&self) -> Result<Output, OpenError> {
        if self.create_dirs {
            std::fs::create_dir_all(disk::folder_of(&self.path))?;
        }
        match self.mode {
            Mode::Replace => {
                Output::replace(&Opening { path: &self.path, part: &self.part, mark: self.mark.as_ref(), goes_on: self.goes_on })
            }
            Mode::Append => Output::append(&self.path, self.mark.as_ref()),
        }
    }

    fn write(&mut self, records: &[Record]) -> Result<Written, StepError> {
        let Some(output) = &mut self.output else {
            return Err(StepError::permanent(format!("{} is closed", self.path.display())));
        };
        let (mut bytes, mut encoder) = (Vec::new(), self.encoder.clone());
        let begin = output.length();
        let (ends, rejected) = encoder.encode(records, &mut bytes);
        output.write(&bytes).map_err(|error| self.failed(&error))?;
        // Only now: should the write fail, the header row is still to be written.
        self.encoder = encoder;
        Ok(Written { durable: false, rejected, ends: ends.into_iter().map(|end| begin + end as u64).collect() })
    }
}
