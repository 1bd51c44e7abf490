//! What a console elsewhere needs: it folds the log itself, as one in this process does, through the same small interface
//! (`ui/src/link.rs`). Unlike the rest of the API these calls are between two programs of the same version; what they carry
//! is the engine's own serialised form, and a console asks `GET /info` for `console`, the number of this protocol, first.
//! `src/attach/*` is its other end.
//!
//! | call of the link | request under `/api/v1` | answer |
//! | --- | --- | --- |
//! | `actor`, `read_only` | `GET /info` | `caller`, `read_only`, `role`: a viewer is read-only, too |
//! | `models` | `GET /console/models?ended=N` | `ReadModels`, with the newest N ended runs |
//! | `models_at` | `GET /console/models?at=POSITION`, or `?moment=MOMENT` | `ReadModels`; 410 when retention has dropped it |
//! | `follow` | `GET /console/follow?after=POSITION&max=N` | `EventSlice`; waits up to 25 s, then empty |
//! | | `GET /events/stream?after=POSITION` | server-sent events |
//! | `events_of` | `GET /console/events_of?stream=NAME&type=A,B&before=POSITION&max=N` | `EventSlice` |
//! | `read_back` | `GET /console/read_back?before=POSITION&max=N&stream=PREFIX&type=A,B` | `EventSlice` |
//! | `vitals` | `GET /console/vitals?newer_than=MOMENT` | `Vitals`; waits up to 25 s for newer ones, then 204 |
//! | | `GET /console/vitals/stream` | server-sent events of `Vitals` |
//! | `resumes` | `GET /console/follow?after=POSITION&max=1` | whether the last event is where it was |
//! | `submit` | `POST /console/commands?engine=INSTANCE` with [`OutsideCommand`](super::wire::command::OutsideCommand) | `Done`, or a problem |
//! | `peek` | `GET /queues/{queue}/peek?which=W&offset=N&limit=N` | `Messages` |
//! | `run_log` | `GET /runs/{id}/logs?after=N&limit=N` | `LogPage` |
//! | `taps` | `GET /console/taps/{run}` | `[TapBody]` |
//! | `check` | `POST /console/check` with `{text, path}` | `{checked}` or `{mistakes}` |
//! | `plan` | `POST /console/plan` with a definition | `Plan`, or 422 |
//! | `dry_run` | `POST /console/dry_run` with `{definition, folder, params}` | `DryRunBody` |
//! | | `GET /console/session` | server-sent events that say nothing: a session is on record while they are read |
//! | `ticks` | `GET /console/ticks/{pipeline}?count=N` | `[moment]` |
//!
//! Templates and predicates are the console's own.

mod ask;
mod read;
mod session;

use utoipa_axum::router::OpenApiRouter;

use super::state::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().merge(read::routes()).merge(ask::routes()).merge(session::routes())
}
