//! `process.read`: a command whose output is records, one JSON value a line.

use std::sync::Arc;

use flexcore_engine::{
    pipeline::Mistake,
    port::{
        BoxFuture,
        step::{
            BATCH_BYTES_MAX, BATCH_RECORDS_MAX, BuiltStep, Origin, Pull, RECORD_BYTES_MAX, Record, Source, SourceBatch,
            StepContext, StepError, StepKind,
        },
    },
};
use serde_json::Value;
use tokio::process::ChildStdout;

use super::{
    child::{
        Group, Input, Program,
        lines::{Line, Lines},
    },
    json,
    spec::Spec,
};

/// `process.read`.
pub(super) struct ProcessRead;

impl Spec for ProcessRead {
    type With = Program;
    const NAME: &'static str = "process.read";
    const KIND: StepKind = StepKind::Source;
    const SUMMARY: &'static str = "Run a command whose output is records, one JSON value a line";

    fn mistakes(with: &Program) -> Vec<Mistake> {
        with.mistakes()
    }

    fn build(with: Program, context: StepContext) -> BoxFuture<'static, Result<BuiltStep, StepError>> {
        Box::pin(async move {
            let mut group = with.start(&context, Input::None)?;
            let stdout = group.take_stdout().ok_or_else(|| StepError::permanent("the command has no stdout"))?;
            let lines = Lines::new(stdout, RECORD_BYTES_MAX + 1);
            Ok(BuiltStep::Source(Box::new(Output { group, lines, place: with.name().into(), number: 0 })))
        })
    }
}

struct Output {
    group: Group,
    lines: Lines<ChildStdout>,
    place: Arc<str>,
    number: u64,
}

impl Output {
    fn origin(&self) -> Origin {
        Origin { place: Some(self.place.clone()), number: self.number }
    }

    fn add(&mut self, line: Line, batch: &mut SourceBatch) -> usize {
        self.number += 1;
        let (text, origin) = (line.text, self.origin());
        let size = text.len();
        match json::check(text.trim_ascii()) {
            _ if line.cut => {
                let message = format!("{origin}: the line is longer than 16 MiB");
                batch.rejected.push(json::rejected(&text[..64], origin, message));
            }
            _ if text.trim_ascii().is_empty() => {}
            Ok(()) => batch.records.push(Record { json: text.into(), origin }),
            Err(why) => {
                let message = format!("{origin}: {why}");
                batch.rejected.push(json::rejected(&text, origin, message));
            }
        }
        size
    }
}

impl Source for Output {
    fn next(&mut self) -> BoxFuture<'_, Result<Pull, StepError>> {
        Box::pin(async {
            let failed = |error| StepError::permanent("cannot read the command's output").because(&error);
            let Some(first) = self.lines.next().await.map_err(|error: std::io::Error| failed(error))? else {
                self.group.wait().await?;
                return Ok(Pull::End);
            };
            let stream = self.place.clone();
            let mut batch = SourceBatch { records: Vec::new(), rejected: Vec::new(), stream, cursor: Value::Null };
            let (mut bytes, mut count) = (self.add(first, &mut batch), 1);
            // Only lines that are here: a call that is dropped while it waits must not hold any.
            while self.lines.is_ready() && count < BATCH_RECORDS_MAX && bytes < BATCH_BYTES_MAX {
                let Some(line) = self.lines.next().await.map_err(|error: std::io::Error| failed(error))? else { break };
                bytes += self.add(line, &mut batch);
                count += 1;
            }
            Ok(Pull::Batch(batch))
        })
    }

    fn ack<'a>(&'a mut self, _: &'a str, _: &'a Value) -> BoxFuture<'a, Result<(), StepError>> {
        Box::pin(async { Ok(()) })
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(self.group.end())
    }
}
