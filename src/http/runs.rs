//! Runs: the list, one of them, its log, and what is done to them.

mod act;

use std::cmp::Reverse;

use axum::extract::State;
use flexcore_engine::{
    aggregate::Rejection,
    flow::log::LINES_MAX,
    id::{PipelineName, RunId},
    projection::runs::{RunRow, RunState, Runs},
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    BASE,
    access::Caller,
    answer::Json,
    cursor::{RunCursor, page_size},
    problem::Problem,
    query::{InPath, Query},
    state::Api,
    wire::{
        page::Page,
        runs::{LineBody, LogPage, RunBody, RunDetail},
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(logs)).merge(act::routes())
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RunsQuery {
    /// Only those of this pipeline.
    #[param(value_type = Option<String>)]
    pub(super) pipeline: Option<PipelineName>,
    /// Only those in this state: queued, running, retrying, cancelling, succeeded, failed or cancelled.
    #[param(value_type = Option<String>)]
    pub(super) state: Option<RunState>,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    pub(super) cursor: Option<RunCursor>,
    /// Items of the page: 1 to 1,000; 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    pub(super) limit: Option<usize>,
}

/// Runs, newest first: those that live, and the newest 10,000 of those that have ended.
#[utoipa::path(get, context_path = BASE, path = "/runs", tag = "runs", params(RunsQuery), responses((status = 200, body = Page<RunBody>)))]
async fn list(State(api): State<Api>, _: Caller, Query(query): Query<RunsQuery>) -> Result<Json<Page<RunBody>>, Problem> {
    page(&api, &query).await.map(Json)
}

pub(super) async fn page(api: &Api, query: &RunsQuery) -> Result<Page<RunBody>, Problem> {
    let size = page_size(query.limit)?;
    let rows = api.engine().view(|models| newest(&models.runs, query, size + 1)).await;
    Ok(Page::of(rows, size, |last: &RunBody| RunCursor(last.queued_at.as_microsecond(), RunId(last.id)).to_string()))
}

fn key(row: &RunRow) -> RunCursor {
    RunCursor(row.queued_at.as_microsecond(), row.id)
}

fn newest(runs: &Runs, query: &RunsQuery, max: usize) -> Vec<RunBody> {
    let passes = |row: &&RunRow| {
        query.pipeline.as_ref().is_none_or(|pipeline| row.pipeline == *pipeline)
            && query.state.is_none_or(|state| row.state == state)
            && query.cursor.is_none_or(|cursor| key(row) < cursor)
    };
    let mut rows: Vec<&RunRow> = runs.runs.values().filter(passes).collect();
    // Only the page itself needs to be in order.
    if rows.len() > max {
        rows.select_nth_unstable_by_key(max, |row| Reverse(key(row)));
        rows.truncate(max);
    }
    rows.sort_unstable_by_key(|row| Reverse(key(row)));
    rows.into_iter().map(RunBody::from).collect()
}

/// A run with its steps and checkpoints.
#[utoipa::path(get, context_path = BASE, path = "/runs/{id}", tag = "runs", params(("id" = String, Path, format = Uuid)), responses((status = 200, body = RunDetail)))]
async fn show(State(api): State<Api>, _: Caller, InPath(run): InPath<RunId>) -> Result<Json<RunDetail>, Problem> {
    detail(&api, run).await.map(Json)
}

pub(super) async fn detail(api: &Api, run: RunId) -> Result<RunDetail, Problem> {
    let found = api.engine().view(|models| models.runs.runs.get(&run).map(RunDetail::from)).await;
    found.ok_or_else(|| (&Rejection::NoRun(run)).into())
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LogQuery {
    /// Only lines after this number.
    after: Option<u64>,
    /// At most so many lines: 1 to 2,000, which is also what is kept.
    #[param(minimum = 1, maximum = 2000)]
    limit: Option<usize>,
}

/// What the steps of a run said. Kept in memory, for the newest 500 runs of this process.
#[utoipa::path(get, context_path = BASE, path = "/runs/{id}/logs", tag = "runs", params(("id" = String, Path, format = Uuid), LogQuery), responses((status = 200, body = LogPage)))]
async fn logs(
    State(api): State<Api>,
    _: Caller,
    InPath(run): InPath<RunId>,
    Query(query): Query<LogQuery>,
) -> Result<Json<LogPage>, Problem> {
    let max = query.limit.unwrap_or(LINES_MAX);
    if max == 0 || max > LINES_MAX {
        return Err(Problem::malformed(format!("limit is {max}: 1 to {LINES_MAX}")));
    }
    detail(&api, run).await?;
    let after = query.after.unwrap_or_default();
    let lines = api.app().live().log(run).map(|log| log.after(after, max)).unwrap_or_default();
    let items: Vec<_> = lines.into_iter().map(LineBody::from).collect();
    let next = items.last().map_or(after, |last| last.number);
    Ok(Json(LogPage { items, next }))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use flexcore_engine::{
        event::{
            Envelope, Event, EventType, NewEvent,
            pipeline::RunTrigger,
            run::{RunQueued, RunSucceeded},
        },
        id::{Actor, CorrelationId, EventId, Position, Revision, StreamName, Version},
        projection::runs::ENDED_RUNS_MAX,
    };
    use jiff::Timestamp;
    use serde_json::Map;

    use super::*;

    fn told(runs: &mut Runs, run: RunId, at: i64, event: &Event) {
        let stamped = NewEvent {
            id: EventId::fresh(),
            kind: EventType(event.kind().into()),
            data: Bytes::new(),
            at: Timestamp::from_second(at).unwrap(),
            actor: Actor::Engine,
            correlation: CorrelationId::fresh(),
            cause: None,
        };
        let envelope = Envelope { position: Position(1), stream: StreamName::run(run), version: Version(1), event: stamped };
        runs.apply(&envelope, event);
    }

    /// A list looks at the rows that there are. How many runs have ended in all makes no difference to it.
    #[test]
    fn a_list_looks_at_no_more_rows_than_are_kept_however_many_runs_have_ended() {
        let (mut runs, most) = (Runs::default(), ENDED_RUNS_MAX + 2_000);
        for (number, at) in (0..most).zip(0_i64..) {
            let run = RunId::fresh();
            let queued = RunQueued {
                pipeline: format!("p-{}", number % 2).parse().unwrap(),
                revision: Revision([7; 32]),
                number: number as u64,
                trigger: RunTrigger::Manual,
                params: Map::new(),
                retry_of: None,
                attempts_max: 1,
                deadline: Timestamp::MAX,
            };
            told(&mut runs, run, at, &queued.into());
            told(&mut runs, run, at, &RunSucceeded { attempt: 1, records_in: 1, records_out: 1, dead: 0 }.into());
        }
        assert_eq!(runs.runs.values().count(), ENDED_RUNS_MAX);
        let query =
            RunsQuery { pipeline: Some("p-1".parse().unwrap()), state: Some(RunState::Succeeded), cursor: None, limit: None };
        let page = newest(&runs, &query, 101);
        assert_eq!((page.len(), page[0].number), (101, most as u64 - 1));
        assert!(page.is_sorted_by_key(|run| Reverse(run.number)));
    }
}
