//! How a run ended, for people: one line of what it did, the first real error with its causes and its record, and the dead
//! letters, which live in memory and go with the command.

use std::time::Duration;

use flexcore_engine::{
    event::{
        Envelope, Event,
        run::{RunError, RunSucceeded},
    },
    id::{PipelineName, QueueName},
    port::queue::{MessageState, Peek, PeekedMessage},
};
use flexcore_ui::widget::{
    figures,
    safe_text::{safe, safe_bytes},
};

use super::super::{DONE, FAILED};
use crate::compose::App;

/// Dead letters that are shown.
const LETTERS_MAX: usize = 3;
/// The longest part of a record that is shown, in characters.
const RECORD_CHARS_MAX: usize = 400;

/// How a run ended.
#[derive(Debug)]
pub(super) enum End {
    Succeeded(RunSucceeded),
    Failed(RunError),
    Cancelled { forced: bool, reason: String },
}

impl End {
    /// `None`: it has not ended.
    pub(super) fn of(envelope: &Envelope) -> Option<Self> {
        match envelope.decode()?.ok()? {
            Event::RunSucceeded(event) => Some(Self::Succeeded(event)),
            Event::RunFailed(event) => Some(Self::Failed(event.error)),
            Event::RunCancelled(event) => Some(Self::Cancelled { forced: event.forced, reason: event.reason }),
            _ => None,
        }
    }

    /// The exit code. A continuous pipeline ends by being stopped: when all of it drained, it did what it was asked.
    pub(super) fn code(&self, drained: bool) -> i32 {
        match self {
            Self::Succeeded(_) => DONE,
            Self::Cancelled { forced: false, .. } if drained => DONE,
            Self::Cancelled { .. } | Self::Failed(_) => FAILED,
        }
    }

    pub(super) fn lines(&self, pipeline: &PipelineName, took: Duration) -> Vec<String> {
        let took = figures::duration(took);
        match self {
            Self::Succeeded(RunSucceeded { records_in, records_out, dead, .. }) => {
                let [read, written, dead] = [*records_in, *records_out, *dead].map(figures::exact);
                vec![format!("{pipeline} succeeded in {took}: {read} records read, {written} written, {dead} dead letters")]
            }
            Self::Failed(error) => failed(pipeline, &took, error),
            Self::Cancelled { forced: false, reason } => vec![format!("{pipeline} was stopped after {took} ({})", safe(reason))],
            Self::Cancelled { forced: true, reason } => {
                vec![format!("{pipeline} did not stop in time and was given up after {took} ({})", safe(reason))]
            }
        }
    }
}

fn failed(pipeline: &PipelineName, took: &str, error: &RunError) -> Vec<String> {
    let place = error.step.as_ref().map(|step| format!(" in step {step}")).unwrap_or_default();
    let mut lines = vec![format!("{pipeline} failed after {took}{place}: {}", safe(&error.message))];
    lines.extend(error.causes.iter().map(|cause| format!("  because: {}", safe(cause))));
    lines.extend(error.record.iter().map(|record| format!("  record: {}", cut(&safe(record)))));
    lines
}

/// The first dead letters, and how many there are.
pub(super) async fn dead_letters(app: &App, pipeline: &PipelineName) -> Vec<String> {
    let queue = QueueName::dead_letters_of(pipeline);
    // Without dead letters there is no such queue.
    let letters = app.engine.queues().peek(&queue, Peek::Dead, 0, LETTERS_MAX + 1).await.unwrap_or_default();
    if letters.is_empty() {
        return Vec::new();
    }
    let mut lines = vec!["dead letters (kept in memory: they end with this command):".to_owned()];
    lines.extend(letters.iter().take(LETTERS_MAX).flat_map(letter));
    if letters.len() > LETTERS_MAX {
        lines.push("  …".to_owned());
    }
    lines
}

fn letter(message: &PeekedMessage) -> Vec<String> {
    let record = format!("    {}", cut(&safe_bytes(&message.body)));
    match &message.state {
        MessageState::Dead { error, origin, .. } => {
            let origin = origin.as_ref().map(|origin| (origin.step.as_str(), origin.source.as_str())).unwrap_or_default();
            let place = if origin.1.is_empty() { String::new() } else { format!(" ({})", safe(origin.1)) };
            vec![format!("  {}: {}{place}", origin.0, safe(error)), record]
        }
        MessageState::Ready | MessageState::Delayed { .. } | MessageState::Leased { .. } => vec![record],
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(RECORD_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
