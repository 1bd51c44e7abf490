//! `process.transform`: a long-lived command that answers every line with a line.

use bytes::Bytes;
use flexcore_engine::{
    pipeline::Mistake,
    port::{
        BoxFuture,
        step::{BuiltStep, Outcome, RECORD_BYTES_MAX, Record, RecordError, StepContext, StepError, StepKind, Transform},
    },
};
use tokio::{
    io::AsyncWriteExt,
    process::{ChildStdin, ChildStdout},
};

use super::{
    child::{
        Group, Input, Program,
        lines::{Line, Lines},
    },
    json,
    spec::Spec,
};

/// `process.transform`.
pub(super) struct ProcessTransform;

impl Spec for ProcessTransform {
    type With = Program;
    const NAME: &'static str = "process.transform";
    const KIND: StepKind = StepKind::Transform;
    const SUMMARY: &'static str = "Pass records through a command: one JSON line in, one JSON line out; null drops";
    const PARALLEL: bool = true;

    fn mistakes(with: &Program) -> Vec<Mistake> {
        with.mistakes()
    }

    fn build(with: Program, context: StepContext) -> BoxFuture<'static, Result<BuiltStep, StepError>> {
        Box::pin(async move {
            let talk = Some(Talk::begin(&with, &context)?);
            Ok(BuiltStep::Transform(Box::new(Filter { program: with, context, talk })))
        })
    }
}

struct Filter {
    program: Program,
    context: StepContext,
    /// Taken while a batch is under way: a talk that was broken off is out of step and is not taken up again.
    talk: Option<Talk>,
}

/// A running command, in step: every line that went in has been answered.
struct Talk {
    group: Group,
    stdin: ChildStdin,
    answers: Lines<ChildStdout>,
}

impl Talk {
    fn begin(program: &Program, context: &StepContext) -> Result<Self, StepError> {
        let mut group = program.start(context, Input::Pipe)?;
        let (Some(stdin), Some(stdout)) = (group.take_stdin(), group.take_stdout()) else {
            return Err(StepError::permanent("the command has no stdin or no stdout"));
        };
        Ok(Self { group, stdin, answers: Lines::new(stdout, RECORD_BYTES_MAX + 1) })
    }

    /// Writes and reads at the same time: a command that answers while it reads would else wait for us, and we for it.
    async fn exchange(&mut self, records: &[Record]) -> Result<Vec<Outcome>, StepError> {
        let (stdin, answers) = (&mut self.stdin, &mut self.answers);
        let asking = async {
            // A command that stopped reading is known by its missing answers; they tell more than this error.
            let _ = ask(stdin, records).await;
            Ok::<_, StepError>(())
        };
        let listening = async {
            let mut outcomes = Vec::with_capacity(records.len());
            for record in records {
                match answers.next().await {
                    Ok(Some(line)) => outcomes.push(answer(line, record)),
                    Ok(None) | Err(_) => break,
                }
            }
            Ok(outcomes)
        };
        let ((), outcomes) = tokio::try_join!(asking, listening)?;
        if outcomes.len() == records.len() { Ok(outcomes) } else { Err(self.broken(outcomes.len(), records.len()).await) }
    }

    async fn broken(&mut self, answered: usize, asked: usize) -> StepError {
        let what = format!("the command answered {answered} of {asked} records and closed its output");
        match self.group.wait().await {
            Ok(()) => StepError::transient(what),
            Err(error) => StepError { message: format!("{what}; {}", error.message), ..error },
        }
    }
}

async fn ask(stdin: &mut ChildStdin, records: &[Record]) -> std::io::Result<()> {
    for record in records {
        stdin.write_all(&record.json).await?;
        stdin.write_all(b"\n").await?;
    }
    stdin.flush().await
}

fn answer(line: Line, record: &Record) -> Outcome {
    let reject = |message| Outcome::Reject(RecordError { message, retryable: false });
    if line.cut {
        return reject("the command's answer is longer than 16 MiB".into());
    }
    let text = Bytes::from(line.text);
    let json = text.slice_ref(text.trim_ascii());
    match json::check(&json) {
        Ok(()) if &json[..] == b"null" => Outcome::Drop,
        Ok(()) => Outcome::Keep(Record { json, origin: record.origin.clone() }),
        Err(why) => reject(format!("the command's answer is {why}")),
    }
}

impl Transform for Filter {
    fn apply<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, Result<Vec<Outcome>, StepError>> {
        Box::pin(async {
            let mut talk = match self.talk.take() {
                Some(talk) => talk,
                None => Talk::begin(&self.program, &self.context)?,
            };
            let outcomes = talk.exchange(records).await?;
            self.talk = Some(talk);
            Ok(outcomes)
        })
    }

    /// The end of its input tells the command to end; what it still says is not an answer to anything.
    fn finish(&mut self) -> BoxFuture<'_, Result<(), StepError>> {
        Box::pin(async {
            let Some(Talk { mut group, stdin, mut answers }) = self.talk.take() else { return Ok(()) };
            drop(stdin);
            let ending = async {
                while let Ok(Some(line)) = answers.next().await {
                    let text = String::from_utf8_lossy(&line.text[..line.text.len().min(200)]).into_owned();
                    self.context.log.warn(&format!("a line that answers no record: {text}"));
                }
                group.wait().await
            };
            let cancelled = tokio::select! {
                ended = ending => return ended,
                () = self.context.cancel.cancelled() => StepError::permanent("the command was cancelled"),
            };
            group.end().await;
            Err(cancelled)
        })
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if let Some(mut talk) = self.talk.take() {
                talk.group.end().await;
            }
        })
    }
}
