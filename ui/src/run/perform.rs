//! Questions and changes, each in a task of its own and with a deadline: a link that says nothing is not waited for for ever.

use std::time::Duration;

use flexcore_engine::{
    command::{Command, PipelineCommand, QueueCommand},
    event::pipeline::RunTrigger,
    id::RunId,
    port::store::Filter,
    projection::{
        ReadModels,
        why::{Subject, Why, readings, why},
    },
    vitals::Vitals,
};
use jiff::Timestamp;
use tokio::{task::JoinSet, time::timeout};

use crate::{
    effect::{Answer, Change, Glimpse, Question},
    link::{At, Link, LinkError},
};

const ANSWER: Duration = Duration::from_secs(15);
const TRIAL: Duration = Duration::from_secs(120);
/// Events read on from a point of the past at once.
const AHEAD_MAX: usize = 1_000;
const CHANGE: Duration = Duration::from_secs(60);

async fn within<T>(length: Duration, answer: impl Future<Output = Result<T, LinkError>>) -> Result<T, LinkError> {
    let late = |_| Err(LinkError::Gone(format!("no answer within {}s", length.as_secs())));
    timeout(length, answer).await.unwrap_or_else(late)
}

/// Asks; the answer is the one of the question's name.
pub(super) async fn ask(link: &dyn Link, question: Question) -> Answer {
    match question {
        Question::Peek { queue, which, offset, max } => Answer::Peek(within(ANSWER, link.peek(queue, which, offset, max)).await),
        Question::RunLog { run, after, max } => Answer::RunLog(within(ANSWER, link.run_log(run, after, max)).await),
        Question::Taps { run } => Answer::Taps(within(ANSWER, link.taps(run)).await),
        Question::Check { text, path } => Answer::Check(within(TRIAL, link.check(text, path)).await),
        Question::Plan { revision, definition } => Answer::Plan(revision, within(ANSWER, link.plan(definition)).await),
        Question::DryRun { checked, params } => Answer::DryRun(within(TRIAL, link.dry_run(checked, params)).await),
        Question::Ticks { pipeline, count } => {
            let ticks = within(ANSWER, link.ticks(pipeline.clone(), count)).await;
            Answer::Ticks(pipeline, ticks)
        }
        Question::ReadBack { before, filter, max } => Answer::ReadBack(within(ANSWER, link.read_back(before, filter, max)).await),
        Question::Past { number, at, events } => {
            let glimpse = within(TRIAL, glimpse(link, at, events)).await;
            Answer::Past(number, glimpse.map(Box::new))
        }
        Question::Ahead { number, after } => Answer::Ahead(number, within(ANSWER, link.read_on(after, AHEAD_MAX)).await),
        Question::Why { subject, models, now, vitals } => {
            let answer = within(ANSWER, reasons(link, &subject, &models, now, vitals.as_deref())).await;
            Answer::Why(models.position, answer.map(|why| why.map(Box::new)))
        }
        Question::Predicate { jq } => {
            let predicate = link.predicate(&jq);
            Answer::Predicate(jq, predicate)
        }
        Question::Templates => Answer::Templates(link.templates()),
    }
}

/// The events that it takes, all asked for at once: a far engine answers as soon as a near one that is asked once.
async fn reasons(
    link: &dyn Link,
    subject: &Subject,
    models: &ReadModels,
    now: Timestamp,
    vitals: Option<&Vitals>,
) -> Result<Option<Why>, LinkError> {
    let mut reads = JoinSet::new();
    for reading in readings(subject, models) {
        reads.spawn(link.events_of(reading, models.position.next()));
    }
    let mut events = Vec::new();
    while let Some(read) = reads.join_next().await {
        events.extend(read.map_err(|ended| LinkError::Gone(ended.to_string()))??);
    }
    Ok(why(subject, models, &events, now, vitals))
}

/// Read models without their events are worth showing, too: of the oldest position there is, no event is kept.
async fn glimpse(link: &dyn Link, at: At, events: usize) -> Result<Glimpse, LinkError> {
    let models = link.models_at(at).await?;
    let events = match events {
        0 => None,
        max => match link.read_back(models.position.next(), Filter::default(), max).await {
            Ok(page) => Some(page.events.into()),
            Err(LinkError::Refused(_)) => Some(Vec::new()),
            Err(gone) => return Err(gone),
        },
    };
    Ok(Glimpse { models, events })
}

/// The answer when too many questions are on their way already.
pub(super) fn too_many(link: &dyn Link, question: Question) -> Answer {
    fn no<T>() -> Result<T, LinkError> {
        Err(LinkError::Gone("too many questions are not answered yet".into()))
    }
    match question {
        Question::Peek { .. } => Answer::Peek(no()),
        Question::RunLog { .. } => Answer::RunLog(no()),
        Question::Taps { .. } => Answer::Taps(no()),
        Question::Check { .. } => Answer::Check(no()),
        Question::Plan { revision, .. } => Answer::Plan(revision, no()),
        Question::DryRun { .. } => Answer::DryRun(no()),
        Question::Ticks { pipeline, .. } => Answer::Ticks(pipeline, no()),
        Question::ReadBack { .. } => Answer::ReadBack(no()),
        Question::Past { number, .. } => Answer::Past(number, no()),
        Question::Ahead { number, .. } => Answer::Ahead(number, no()),
        Question::Why { models, .. } => Answer::Why(models.position, no()),
        Question::Predicate { jq } => {
            let predicate = link.predicate(&jq);
            Answer::Predicate(jq, predicate)
        }
        Question::Templates => Answer::Templates(link.templates()),
    }
}

/// Submits one change after the other; each has its own answer.
pub(super) async fn submit(link: &dyn Link, changes: Vec<Change>) -> Answer {
    let mut results = Vec::with_capacity(changes.len());
    for change in changes {
        let command = command(change);
        let what = command.to_string();
        results.push(match timeout(CHANGE, link.submit(command)).await {
            Ok(Ok(accepted)) if accepted.note.is_empty() => Ok(format!("{what}: done")),
            Ok(Ok(accepted)) => Ok(format!("{what}: {}", accepted.note)),
            Ok(Err(no)) => Err(no.to_string()),
            Err(_) => Err(format!("{what}: no answer within {}s; it may have been done", CHANGE.as_secs())),
        });
    }
    Answer::Submitted(results)
}

/// The command of a change; ids of runs are made here.
fn command(change: Change) -> Command {
    let run = RunId::fresh();
    match change {
        Change::Command(command) => command,
        Change::Run { pipeline, params } => {
            Command::Pipeline(pipeline, PipelineCommand::RequestRun { run, trigger: RunTrigger::Manual, params })
        }
        Change::Retry { pipeline, of, params } => {
            Command::Pipeline(pipeline, PipelineCommand::RequestRun { run, trigger: RunTrigger::Retry { of }, params })
        }
        Change::Replay { queue, pipeline, messages } => {
            Command::Queue(queue, QueueCommand::ReplayDeadLetters { pipeline, run, messages })
        }
    }
}
