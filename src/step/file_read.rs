//! `file.read`: files as records. A thread reads and this end only receives, so that a slow disk holds up nobody and a
//! dropped call loses nothing.

mod columns;
mod emit;
mod input;
mod lines;
mod rows;
mod values;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use flexcore_engine::{
    pipeline::Mistake,
    port::{
        BoxFuture,
        step::{BuiltStep, Pull, Source, StepContext, StepError, StepKind},
    },
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc;

use self::{
    columns::ColumnType,
    emit::{Emit, Outlet, Stopped},
    input::Opened,
};
use super::{jq::Given, spec::Spec, thread};

/// Batches that wait between the thread and the pipeline.
const BATCHES_MAX: usize = 2;

/// Settings of `file.read`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct With {
    /// The file, or a glob such as `data/*.ndjson`. Relative paths start at the pipeline file's folder.
    path: String,
    /// How the file is written. Default: by its ending (.ndjson, .jsonl, .json, .csv, .tsv; .gz is looked through).
    #[serde(default)]
    format: Option<Format>,
    /// json only: where the records are, such as `.` or `.features` or `.data.items`, or any jq. `PATH[] | jq` reads files of
    /// any size; other jq needs the whole document, at most 256 MiB, in memory.
    #[serde(default)]
    records: Option<String>,
    /// csv only: the byte between two values. Default: a comma, for .tsv a tab.
    #[serde(default)]
    delimiter: Option<String>,
    /// csv only: names of the columns of a file without a header row.
    #[serde(default)]
    columns: Vec<String>,
    /// csv only: columns that are not text, such as `{mag: number}`. Nothing is guessed.
    #[serde(default)]
    types: BTreeMap<String, ColumnType>,
    /// How the file is compressed. Default: gzip if it ends in .gz.
    #[serde(default)]
    compression: Option<Compression>,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    /// One JSON value a line.
    Ndjson,
    /// One JSON document.
    Json,
    /// Comma-separated values.
    Csv,
}

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Compression {
    /// It is not.
    None,
    /// gzip.
    Gzip,
}

impl With {
    fn ending(&self) -> &str {
        let path = self.path.strip_suffix(".gz").unwrap_or(&self.path);
        path.rsplit_once('.').map_or("", |(_, ending)| ending)
    }

    fn format(&self) -> Option<Format> {
        self.format.or(match self.ending() {
            "ndjson" | "jsonl" => Some(Format::Ndjson),
            "json" => Some(Format::Json),
            "csv" | "tsv" => Some(Format::Csv),
            _ => None,
        })
    }

    fn delimiter(&self) -> u8 {
        let default = if self.ending() == "tsv" { b'\t' } else { b',' };
        self.delimiter.as_ref().and_then(|text| text.bytes().next()).unwrap_or(default)
    }

    fn misplaced(&self, format: Format) -> Vec<Mistake> {
        let csv_only = [
            ("/delimiter", self.delimiter.is_some()),
            ("/columns", !self.columns.is_empty()),
            ("/types", !self.types.is_empty()),
        ];
        let misplaced = csv_only.into_iter().filter(|(_, given)| *given && format != Format::Csv);
        let mut found: Vec<_> = misplaced.map(|(key, _)| Mistake::at(key, format!("`{}` is for csv only", &key[1..]))).collect();
        match (format, &self.records) {
            (Format::Json, None) => found.push(
                Mistake::at("", "json needs `records`, where the records are in the document")
                    .hint("`.` for a file that is an array, else a path such as .features"),
            ),
            (Format::Json, Some(path)) => found.extend(values::Records::parse(path).err().map(|why| {
                let hint = "write a path such as `.` or `.features`, or jq such as `.features[] | .properties`";
                Mistake::at("/records", why).hint(hint)
            })),
            (_, Some(_)) => found.push(Mistake::at("/records", "`records` is for json only")),
            (_, None) => {}
        }
        found
    }
}

/// `file.read`.
pub(super) struct FileRead;

impl Spec for FileRead {
    type With = With;
    const NAME: &'static str = "file.read";
    const KIND: StepKind = StepKind::Source;
    const SUMMARY: &'static str = "Read records from files: ndjson, json, csv; plain or gzip";

    fn mistakes(with: &With) -> Vec<Mistake> {
        let mut found = Vec::new();
        if with.path.trim().is_empty() {
            found.push(Mistake::at("/path", "the path is empty"));
        } else if let Err(error) = glob::Pattern::new(&with.path) {
            found.push(Mistake::at("/path", format!("`{}` is not a glob: {error}", with.path)));
        } else if with.format().is_none() {
            let mistake = Mistake::at("/path", format!("the ending of `{}` does not tell its format", with.path));
            found.push(mistake.hint("add `format: ndjson`, `json` or `csv`"));
        }
        if with.delimiter.as_ref().is_some_and(|text| text.len() != 1) {
            found.push(Mistake::at("/delimiter", "the delimiter is not one ASCII character"));
        }
        found.extend(with.format().map(|format| with.misplaced(format)).unwrap_or_default());
        found
    }

    fn build(with: With, context: StepContext) -> BoxFuture<'static, Result<BuiltStep, StepError>> {
        Box::pin(async move {
            let looking = (with.path.clone(), context.folder.clone());
            let files = tokio::task::spawn_blocking(move || input::find(&looking.0, &looking.1)).await;
            let files = files.map_err(|_| StepError::permanent("looking for the files failed"))??;
            let (sender, batches) = mpsc::channel(BATCHES_MAX);
            let given = Given::of(&context);
            let reading = Reading { with, context, given, outlet: Outlet(sender) };
            thread::spawn("file-read", move || reading.run(&files))?;
            Ok(BuiltStep::Source(Box::new(FileSource { batches, end: None })))
        })
    }
}

/// The receiving end.
struct FileSource {
    batches: mpsc::Receiver<Result<Pull, StepError>>,
    /// What the thread said last: the end, or why it gave up. Said again to whoever asks again.
    end: Option<Result<Pull, StepError>>,
}

impl Source for FileSource {
    fn next(&mut self) -> BoxFuture<'_, Result<Pull, StepError>> {
        Box::pin(async {
            if let Some(end) = &self.end {
                return end.clone();
            }
            let died = || Err(StepError::permanent("the thread that reads the file died; the log file has the reason"));
            let pull = self.batches.recv().await.unwrap_or_else(died);
            if !matches!(pull, Ok(Pull::Batch(_))) {
                self.end = Some(pull.clone());
            }
            pull
        })
    }

    fn ack<'a>(&'a mut self, _: &'a str, _: &'a Value) -> BoxFuture<'a, Result<(), StepError>> {
        Box::pin(async { Ok(()) })
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        self.batches.close();
        Box::pin(async {})
    }
}

/// The thread's side.
struct Reading {
    with: With,
    context: StepContext,
    given: Given,
    outlet: Outlet,
}

impl Reading {
    fn run(self, files: &[PathBuf]) {
        let done = files.iter().try_for_each(|file| self.read(file));
        let last = match done {
            Ok(()) => Ok(Pull::End),
            Err(Stopped::Failed(error)) => Err(error),
            Err(Stopped::NobodyListens) => return,
        };
        // Nobody listens any more: then nobody misses it.
        let _ = self.outlet.0.blocking_send(last);
    }

    fn read(&self, path: &Path) -> Result<(), Stopped> {
        let opened = Opened::open(path, &self.context, self.with.compression)?;
        let emit = Emit::new(&self.outlet, &opened);
        match self.with.format().unwrap_or(Format::Ndjson) {
            Format::Ndjson => lines::read(opened, emit),
            Format::Csv => rows::read(opened, emit, &self.with),
            Format::Json => values::read(opened, emit, self.with.records.as_deref().unwrap_or("."), &self.given),
        }
    }
}
