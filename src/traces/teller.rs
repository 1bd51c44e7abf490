//! Tells of runs and steps that have ended, from the log.

use flexcore_engine::{
    event::{Envelope, Event, run::StepEnded},
    id::RunId,
    port::store::{Filter, ReadError},
    projection::runs::{RunRow, RunState, StepState},
    subscription::Subscription,
};

use super::{
    Traces,
    span::{Attribute, Kind, Span, run_span, short, step_span},
};

/// Ends of what there may be to tell of.
const KINDS: [&str; 4] = ["run.step_ended", "run.succeeded", "run.failed", "run.cancelled"];

/// Follows the log from now on.
pub(super) async fn tell(traces: Traces) {
    let engine = traces.0.engine.clone();
    let filter = Filter { types: KINDS.map(str::to_owned).to_vec(), ..Filter::default() };
    let log = Subscription::new(engine.store().clone(), engine.store().head(), filter);
    let mut log = log.named(engine.readers(), "traces").resting(engine.clock().clone());
    loop {
        match log.next().await {
            Ok(page) => {
                for envelope in &page.events {
                    ended(&traces, envelope).await;
                }
            }
            Err(ReadError::Truncated { .. }) => {
                let skipped = log.skip_to_oldest();
                tracing::warn!(skipped, "retention dropped events before traces were made of them");
            }
            Err(ReadError::Unavailable { reason, .. }) => {
                tracing::warn!(reason, "the log cannot be read; traces are made later");
                engine.clock().sleep(std::time::Duration::from_secs(5)).await;
            }
        }
    }
}

async fn ended(traces: &Traces, envelope: &Envelope) {
    let run = envelope.stream.as_str().strip_prefix("run/").and_then(|run| run.parse::<RunId>().ok());
    let (Some(run), Some(Ok(event))) = (run, envelope.decode()) else { return };
    let trace = envelope.event.correlation;
    let Ok(above) = traces.roots().above_run(trace) else { return };
    if !traces.roots().knows(trace) && !traces.has(trace) {
        return;
    }
    let span = traces.0.engine.view(|models| {
        let row = models.runs.runs.get(&run)?;
        Some(match &event {
            Event::StepEnded(ended) => of_step(row, ended, envelope),
            _ => Span { above, ..of_run(row, envelope) },
        })
    });
    if let Some(span) = span.await {
        traces.record(span);
    }
}

fn of_run(row: &RunRow, envelope: &Envelope) -> Span {
    let error = match row.state {
        RunState::Failed => Some(row.error.as_ref().map_or("it failed", |error| error.message.as_str())),
        RunState::Cancelled => Some("it was cancelled"),
        _ => None,
    };
    let attributes: Vec<(&'static str, Attribute)> = vec![
        ("flexcore.run", row.id.to_string().as_str().into()),
        ("flexcore.pipeline", row.pipeline.as_str().into()),
        ("flexcore.run.number", row.number.into()),
        ("flexcore.run.state", row.state.word().into()),
        ("flexcore.run.attempts", u64::from(row.attempt).into()),
        ("flexcore.run.records_in", row.records_in.into()),
        ("flexcore.run.records_out", row.records_out.into()),
        ("flexcore.run.dead", row.dead.into()),
    ];
    Span {
        trace: row.correlation,
        id: run_span(row.id),
        above: None,
        link: None,
        kind: Kind::Internal,
        name: format!("run {}", row.pipeline),
        // How long it waited is seen from what asked for it.
        start: row.started_at.unwrap_or(row.queued_at),
        end: envelope.event.at,
        attributes,
        error: error.map(short),
    }
}

fn of_step(row: &RunRow, ended: &StepEnded, envelope: &Envelope) -> Span {
    let step = row.steps.iter().find(|step| step.step == ended.step && step.attempt == ended.attempt);
    let error = ended.error.as_ref().map(|error| short(&error.message));
    let is_stopped = step.is_some_and(|step| matches!(step.state, StepState::Cancelled | StepState::Skipped));
    let attributes: Vec<(&'static str, Attribute)> = vec![
        ("flexcore.run", row.id.to_string().as_str().into()),
        ("flexcore.pipeline", row.pipeline.as_str().into()),
        ("flexcore.step", ended.step.as_str().into()),
        ("flexcore.run.attempt", u64::from(ended.attempt).into()),
        ("flexcore.step.records_in", ended.counts.records_in.into()),
        ("flexcore.step.records_out", ended.counts.records_out.into()),
        ("flexcore.step.dropped", ended.counts.dropped.into()),
        ("flexcore.step.dead", ended.counts.dead.into()),
        ("flexcore.step.retries", ended.counts.retries.into()),
    ];
    Span {
        trace: envelope.event.correlation,
        id: step_span(row.id, ended.attempt, &ended.step),
        above: Some(run_span(row.id)),
        link: None,
        kind: Kind::Internal,
        name: format!("step {}", ended.step),
        start: step.map_or(envelope.event.at, |step| step.started_at),
        end: envelope.event.at,
        attributes,
        error: error.or_else(|| is_stopped.then(|| "it was stopped".to_owned())),
    }
}
