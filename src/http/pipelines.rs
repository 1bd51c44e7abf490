//! Pipelines: the list, one of them, and what is done to them.

pub(super) mod act;
mod checkpoints;
pub(super) mod lines;
mod write;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use flexcore_engine::{
    aggregate::Rejection,
    id::PipelineName,
    projection::board::{PipelineRow, PipelineState},
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    BASE,
    access::Caller,
    answer::json,
    cursor::page_size,
    problem::Problem,
    query::{InPath, Query},
    state::Api,
    wire::{
        page::Page,
        pipelines::{PipelineBody, PipelineDetail},
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .merge(write::routes())
        .merge(act::routes())
        .merge(checkpoints::routes())
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only those in this state: draft, active, paused or archived.
    #[param(value_type = Option<String>)]
    state: Option<PipelineState>,
    /// Only those of this owner.
    owner: Option<String>,
    /// Only those with this tag.
    tag: Option<String>,
    /// Only those whose name or description has this in it, in any case.
    q: Option<String>,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<PipelineName>,
    /// Items of the page: 1 to 1,000; 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

impl ListQuery {
    fn passes(&self, row: &PipelineRow, wanted: Option<&str>) -> bool {
        let definition = row.definition();
        let says = |text: &str| wanted.is_none_or(|wanted| text.to_lowercase().contains(wanted));
        self.state.is_none_or(|state| row.state == state)
            && self.owner.as_ref().is_none_or(|owner| definition.owner == *owner)
            && self.tag.as_ref().is_none_or(|tag| definition.tags.contains(tag))
            && (says(row.name.as_str()) || says(&definition.description))
    }
}

/// Pipelines, by name.
#[utoipa::path(get, context_path = BASE, path = "/pipelines", tag = "pipelines", params(ListQuery), responses((status = 200, body = Page<PipelineBody>)))]
async fn list(State(api): State<Api>, _: Caller, Query(query): Query<ListQuery>) -> Result<Response, Problem> {
    let size = page_size(query.limit)?;
    let wanted = query.q.as_ref().map(|text| text.to_lowercase());
    let page = api.engine().view(|models| {
        let after = query.cursor.as_ref();
        let rows = models.board.pipelines.held().filter(|row| after.is_none_or(|after| row.name > *after));
        let rows = rows.filter(|row| query.passes(row, wanted.as_deref()));
        Page::of(rows.cloned(), size, |last| last.name.to_string())
    });
    let Page { items, next } = page.await;
    api.pipelines().page(&items, next.as_deref()).map(json)
}

/// A pipeline with its definition and revisions. The ETag names its revision.
#[utoipa::path(get, context_path = BASE, path = "/pipelines/{name}", tag = "pipelines", params(("name" = String, Path)), responses((status = 200, body = PipelineDetail)))]
async fn show(State(api): State<Api>, _: Caller, InPath(name): InPath<PipelineName>) -> Result<Response, Problem> {
    Ok(write::shown(&api, name).await?.into_response())
}

async fn detail(api: &Api, name: PipelineName) -> Result<PipelineDetail, Problem> {
    let known = name.clone();
    let found = api.engine().view(move |models| models.board.pipelines.get(&known).map(PipelineDetail::from)).await;
    found.ok_or_else(|| (&Rejection::NoPipeline(name)).into())
}
