//! `process.run`: a command as a task.

use flexcore_engine::{
    flow::log::LINE_BYTES_MAX,
    pipeline::Mistake,
    port::{
        BoxFuture,
        step::{BuiltStep, StepContext, StepError, StepKind, Task},
    },
};
use serde_json::{Value, json};

use super::{
    child::{Group, Input, Program, lines::Lines},
    spec::Spec,
};

/// `process.run`.
pub(super) struct ProcessRun;

impl Spec for ProcessRun {
    type With = Program;
    const NAME: &'static str = "process.run";
    const KIND: StepKind = StepKind::Task;
    const SUMMARY: &'static str = "Run a command; its output goes to the step's log";

    fn mistakes(with: &Program) -> Vec<Mistake> {
        with.mistakes()
    }

    fn build(with: Program, context: StepContext) -> BoxFuture<'static, Result<BuiltStep, StepError>> {
        Box::pin(async { Ok(BuiltStep::Task(Box::new(CommandTask { program: with, context }))) })
    }
}

struct CommandTask {
    program: Program,
    context: StepContext,
}

impl Task for CommandTask {
    fn run(&mut self) -> BoxFuture<'_, Result<Value, StepError>> {
        Box::pin(async {
            let mut group = self.program.start(&self.context, Input::None)?;
            let cancel = self.context.cancel.clone();
            tokio::select! {
                done = follow(&mut group, &self.context) => done,
                () = cancel.cancelled() => {
                    group.end().await;
                    Err(StepError::permanent(format!("`{}` was cancelled", self.program.name())))
                }
            }
        })
    }
}

/// Logs what it prints until it has ended. What it leaves running is ended with it, so the pipe does close.
async fn follow(group: &mut Group, context: &StepContext) -> Result<Value, StepError> {
    let mut last = None;
    if let Some(stdout) = group.take_stdout() {
        let mut lines = Lines::new(stdout, LINE_BYTES_MAX);
        let ended = loop {
            tokio::select! {
                biased;
                line = lines.next() => match line {
                    Ok(Some(line)) => last = Some(log(context, &line.text)),
                    Ok(None) | Err(_) => break None,
                },
                ended = group.wait() => break Some(ended),
            }
        };
        if let Some(ended) = ended {
            while let Ok(Some(line)) = lines.next().await {
                last = Some(log(context, &line.text));
            }
            return ended.map(|()| json!({"exit_code": 0, "last_line": last}));
        }
    }
    group.wait().await?;
    Ok(json!({"exit_code": 0, "last_line": last}))
}

fn log(context: &StepContext, line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line).into_owned();
    context.log.info(&text);
    text
}
