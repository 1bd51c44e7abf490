//! `stdout`: records as lines of the process's output, where that is free to be written to. Below a console it is not: there
//! the lines go to the step's log.

use std::io::{self, Write};

use flexcore_engine::port::{
    BoxFuture,
    step::{BuiltStep, Record, Sink, StepContext, StepError, StepKind, Written},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{spec::Spec, thread::Thread};

/// Settings of `stdout`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct With {}

/// `stdout`: to the process's output, or to the step's log.
pub(super) struct Stdout<const PRINTS: bool>;

impl<const PRINTS: bool> Spec for Stdout<PRINTS> {
    type With = With;
    const NAME: &'static str = "stdout";
    const KIND: StepKind = StepKind::Sink;
    const SUMMARY: &'static str = "Print records as lines (in the console: to the step's log)";

    fn build(_: With, context: StepContext) -> BoxFuture<'static, Result<BuiltStep, StepError>> {
        Box::pin(async move {
            let work = move |records: Vec<Record>| if PRINTS { print(&records) } else { log(&records, &context) };
            Ok(BuiltStep::Sink(Box::new(Lines { thread: Thread::start("stdout", work)? })))
        })
    }
}

fn print(records: &[Record]) -> Result<(), StepError> {
    let mut out = io::stdout().lock();
    let print = |record: &Record| out.write_all(&record.json).and_then(|()| out.write_all(b"\n"));
    let done = records.iter().try_for_each(print).and_then(|()| io::stdout().flush());
    done.map_err(|error| StepError::permanent("cannot write to stdout").because(&error))
}

#[expect(clippy::unnecessary_wraps, reason = "the same answer as printing")]
fn log(records: &[Record], context: &StepContext) -> Result<(), StepError> {
    for record in records {
        context.log.info(&String::from_utf8_lossy(&record.json));
    }
    Ok(())
}

struct Lines {
    thread: Thread<Vec<Record>, Result<(), StepError>>,
}

impl Sink for Lines {
    fn write<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, Result<Written, StepError>> {
        Box::pin(async {
            self.thread.ask(records.to_vec()).await??;
            Ok(Written::all(true))
        })
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<bool, StepError>> {
        Box::pin(async { Ok(true) })
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<(), StepError>> {
        Box::pin(async { Ok(()) })
    }
}
