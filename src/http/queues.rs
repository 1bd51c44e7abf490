//! Queues: the list, one of them, a look inside, and what is done to them and their messages.

mod act;
pub(super) mod messages;

use axum::extract::State;
use flexcore_engine::{
    aggregate::Rejection,
    id::QueueName,
    port::queue::{Peek, QueueError, QueueStats},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    BASE,
    access::Caller,
    answer::Json,
    cursor::page_size,
    problem::Problem,
    query::{InPath, Query},
    state::Api,
    wire::{
        page::Page,
        queues::{MessageBody, Messages, QueueBody},
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(peek))
        .merge(messages::routes())
        .merge(act::routes())
}

/// Queues, by name: a queue exists from its declaration or its first message on.
#[utoipa::path(get, context_path = BASE, path = "/queues", tag = "queues", params(ListQuery), responses((status = 200, body = Page<QueueBody>)))]
async fn list(State(api): State<Api>, _: Caller, Query(query): Query<ListQuery>) -> Result<Json<Page<QueueBody>>, Problem> {
    let size = page_size(query.limit)?;
    let stats = api.engine().queues().stats().await?;
    let after = |name: &QueueName| query.cursor.as_ref().is_none_or(|cursor| name > cursor);
    let rows = stats.iter().filter(|(name, _)| after(name)).map(|(name, stats)| QueueBody::of(name, stats));
    Ok(Json(Page::of(rows, size, |last| last.name.clone())))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<QueueName>,
    /// Items of the page: 1 to 1,000; 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// A queue with its figures.
#[utoipa::path(get, context_path = BASE, path = "/queues/{queue}", tag = "queues", params(("queue" = String, Path)), responses((status = 200, body = QueueBody)))]
async fn show(State(api): State<Api>, _: Caller, InPath(queue): InPath<QueueName>) -> Result<Json<QueueBody>, Problem> {
    let stats = known(&api, &queue).await?;
    Ok(Json(QueueBody::of(&queue, &stats)))
}

pub(super) async fn known(api: &Api, queue: &QueueName) -> Result<QueueStats, Problem> {
    match api.engine().queues().stats_of(queue).await {
        Err(QueueError::Unknown { queue }) => Err((&Rejection::NoQueue(queue)).into()),
        stats => Ok(stats?),
    }
}

/// Which messages to look at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Which {
    /// In delivery order, then the delayed ones.
    #[default]
    Waiting,
    /// By the end of their leases.
    Leased,
    /// Oldest first.
    Dead,
}

impl From<Which> for Peek {
    fn from(which: Which) -> Self {
        match which {
            Which::Waiting => Self::Waiting,
            Which::Leased => Self::Leased,
            Which::Dead => Self::Dead,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PeekQuery {
    /// Which messages: waiting (unless said otherwise), leased or dead.
    #[param(inline)]
    which: Option<Which>,
    /// Passes over so many. Messages come and go, so what a number means moves.
    offset: Option<usize>,
    /// At most so many: 1 to 1,000; 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// Looks at messages; they stay as they are.
#[utoipa::path(get, context_path = BASE, path = "/queues/{queue}/peek", tag = "queues", params(("queue" = String, Path), PeekQuery), responses((status = 200, body = Messages)))]
async fn peek(
    State(api): State<Api>,
    _: Caller,
    InPath(queue): InPath<QueueName>,
    Query(query): Query<PeekQuery>,
) -> Result<Json<Messages>, Problem> {
    let size = page_size(query.limit)?;
    let which = query.which.unwrap_or_default().into();
    let messages = api.engine().queues().peek(&queue, which, query.offset.unwrap_or_default(), size).await?;
    Ok(Json(Messages { items: messages.into_iter().map(MessageBody::from).collect() }))
}
