//! Commands over a line that may break at any moment: each is carried out once or not at all, and what became of it is said.
//!
//! A command has a name of its own. Sent again to the same start of the engine it is answered and not carried out again
//! (`Idempotency-Key`); another start does not take it (`?engine=`), and then the log says whether the first one did: what a
//! command leads to carries its name as correlation.

use std::time::Duration;

use flexcore_engine::{command::Command, handle::Accepted, id::Position, port::store::READ_EVENTS_MAX};
use flexcore_ui::link::LinkError;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{
    answer::{Ask, Reply, refused},
    line::Way,
    link::{Far, not_sent},
};
use crate::http::wire::{
    command::OutsideCommand,
    console::Done,
    events::{EventBody, EventPage},
    problem::ProblemBody,
};

/// How long a command that got no answer is asked after. Less than what the console waits for one.
const PATIENCE: Duration = Duration::from_secs(50);
/// Between two tries: at first, and at most.
const AGAIN_AFTER: Duration = Duration::from_millis(50);
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(2);
/// The most pages of events that are looked through for what became of a command.
const PAGES_MAX: usize = 8;

const UNKNOWN: &str = "it may have been done; look among the events before you do it again";

/// What an answer means for a command.
enum Outcome {
    Done(Accepted),
    No(LinkError),
    /// The first one is still being carried out.
    Working,
    /// Another start of the engine is there.
    Elsewhere,
}

/// Submits a command, through breaks of the line.
pub(super) async fn submit(far: &Far, command: Command) -> Result<Accepted, LinkError> {
    if far.read_only {
        return Err(LinkError::Refused("not done: this console is read-only".into()));
    }
    // Of a queue the message comes first and its event second: the log alone does not tell that nothing was done.
    let log_tells = !matches!(command, Command::Queue(..));
    let Some(command) = OutsideCommand::of(command) else {
        return Err(LinkError::Refused("not done: only the engine itself does this".into()));
    };
    let (seen, end) = (far.seen(), Instant::now() + PATIENCE);
    let mut way = far.line.now().map_err(|error| not_sent(&error))?;
    let key = Uuid::now_v7();
    let engine = way.info.instance;
    let ask = Ask { key: Some(key), ..Ask::post(format!("/console/commands?engine={engine}"), &command)? };
    let mut wait = AGAIN_AFTER;
    loop {
        match far.line.ask(&way, ask.clone()).await.map(judge) {
            Ok(Outcome::Done(accepted)) => return Ok(accepted),
            Ok(Outcome::No(no)) => return Err(no),
            Ok(Outcome::Elsewhere) => return found(far, &way, key, seen, log_tells).await,
            Ok(Outcome::Working) | Err(_) => {}
        }
        way = again(far, &mut wait, end).await?;
    }
}

/// The connection to ask again over.
async fn again(far: &Far, wait: &mut Duration, end: Instant) -> Result<Way, LinkError> {
    loop {
        if Instant::now() >= end {
            return Err(LinkError::Refused(format!("no answer within {}s: {UNKNOWN}", PATIENCE.as_secs())));
        }
        sleep(*wait).await;
        *wait = (*wait * 2).min(AGAIN_AFTER_MAX);
        if let Ok(way) = far.line.call(false).await {
            return Ok(way);
        }
    }
}

fn judge(reply: Reply) -> Outcome {
    match reply {
        Reply::Good(bytes) => match serde_json::from_slice::<Done>(&bytes) {
            Ok(Done { last, note }) => Outcome::Done(Accepted { last: Position(last), note }),
            Err(error) => Outcome::No(LinkError::Refused(format!("done, but its answer is not understood: {error}"))),
        },
        Reply::Problem(problem) => match kind(&problem) {
            "idempotency-key-in-use" => Outcome::Working,
            "another-engine" => Outcome::Elsewhere,
            "idempotency-answer-gone" => Outcome::Done(Accepted { last: Position(0), note: String::new() }),
            _ => Outcome::No(match refused(&problem) {
                LinkError::Gone(why) => LinkError::Refused(format!("not done: {why}")),
                no @ LinkError::Refused(_) => no,
            }),
        },
    }
}

fn kind(problem: &ProblemBody) -> &str {
    problem.kind.rsplit(':').next().unwrap_or_default()
}

/// The engine was started anew. Whatever it was told before stands in its log, or will never be done; but for queues.
async fn found(far: &Far, way: &Way, key: Uuid, seen: Position, log_tells: bool) -> Result<Accepted, LinkError> {
    let unknown = |why: &str| LinkError::Refused(format!("the engine was started anew, and {why}: {UNKNOWN}"));
    let mut after = seen.0;
    for _ in 0..PAGES_MAX {
        let path = format!("/events?after={after}&limit={READ_EVENTS_MAX}");
        let page = far.line.ask(way, Ask::get(path)).await.and_then(Reply::json::<EventPage>);
        let Ok(page) = page else { return Err(unknown("its log cannot be read")) };
        let mut of_it = page.items.iter().filter(|event| event.correlation == key);
        if let Some(event) = of_it.next() {
            return told(event);
        }
        match page.next {
            Some(next) if next > after && next < page.head => after = next,
            _ if !log_tells => return Err(unknown("its log has nothing of it")),
            _ => {
                let text = "not done: the engine was started anew before it got there, and its log has nothing of it";
                return Err(LinkError::Refused(text.into()));
            }
        }
    }
    Err(unknown("much has happened since"))
}

fn told(event: &EventBody) -> Result<Accepted, LinkError> {
    if event.kind != "command.rejected" {
        return Ok(Accepted { last: Position(event.position), note: "done; the engine was started anew since".into() });
    }
    let data: serde_json::Value = serde_json::from_str(event.data.get()).unwrap_or_default();
    Err(LinkError::Refused(data["reason"].as_str().unwrap_or("refused").to_owned()))
}
