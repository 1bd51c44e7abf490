//! Making, revising and deleting pipelines. Their text goes through the same check as `flexcore check`.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use flexcore_engine::{
    command::{Command, PipelineCommand},
    id::{PipelineName, Revision},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::detail;
use crate::{
    definition::{self, Loaded, variables},
    http::{
        BASE,
        access::Admin,
        answer::Json,
        body::{Raw, media_type, unknown_media},
        problem::Problem,
        query::InPath,
        state::Api,
        wire::pipelines::PipelineDetail,
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(revise)).routes(routes!(delete))
}

const YAML: [&str; 5] = ["application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/vnd.yaml"];

/// Makes a draft of a pipeline file, YAML or JSON.
#[utoipa::path(
    post, context_path = BASE,
    path = "/pipelines",
    tag = "pipelines",
    request_body(content((String = "application/yaml"), (Object = "application/json"))),
    responses((status = 201, body = PipelineDetail), (status = 409, description = "The name is taken"))
)]
async fn create(State(api): State<Api>, Admin(caller): Admin, headers: HeaderMap, Raw(body): Raw) -> Result<Response, Problem> {
    let Loaded { definition, revision, source, .. } = checked(&api, &headers, &body)?;
    let name = definition.name.clone();
    let command = PipelineCommand::Create { revision, definition, source };
    api.submit(&caller, Command::Pipeline(name.clone(), command)).await?;
    let location = HeaderValue::from_str(&format!("{BASE}/pipelines/{name}")).map_err(|_| Problem::internal())?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], shown(&api, name).await?).into_response())
}

/// Gives a pipeline a new definition, which is a new revision; the same one again changes nothing. With `If-Match`, only when
/// its revision is still that one.
#[utoipa::path(
    put, context_path = BASE,
    path = "/pipelines/{name}",
    tag = "pipelines",
    params(("name" = String, Path), ("if-match" = Option<String>, Header, description = "The ETag of the revision to replace, or *")),
    request_body(content((String = "application/yaml"), (Object = "application/json"))),
    responses(
        (status = 200, body = PipelineDetail),
        (status = 409, description = "Its state does not allow it"),
        (status = 412, description = "It has another revision by now"),
    )
)]
async fn revise(
    State(api): State<Api>,
    Admin(caller): Admin,
    InPath(name): InPath<PipelineName>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<Response, Problem> {
    let expected = expected(&headers)?;
    let Loaded { definition, revision, source, .. } = checked(&api, &headers, &body)?;
    let known = name.clone();
    let current = api.engine().view(move |models| models.board.pipelines.get(&known).map(|row| row.current().revision)).await;
    if current == Some(revision) && definition.name == name && expected.is_none_or(|expected| expected == revision) {
        return Ok(shown(&api, name).await?.into_response());
    }
    let command = PipelineCommand::Revise { revision, definition, source, expected };
    api.submit(&caller, Command::Pipeline(name.clone(), command)).await?;
    Ok(shown(&api, name).await?.into_response())
}

/// Forgets an archived pipeline: its name is free then. Its events stay for as long as retention keeps them.
#[utoipa::path(
    delete, context_path = BASE,
    path = "/pipelines/{name}",
    tag = "pipelines",
    params(("name" = String, Path)),
    responses((status = 204), (status = 409, description = "It is not archived"))
)]
async fn delete(State(api): State<Api>, Admin(caller): Admin, InPath(name): InPath<PipelineName>) -> Result<StatusCode, Problem> {
    api.submit(&caller, Command::Pipeline(name, PipelineCommand::Delete)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn checked(api: &Api, headers: &HeaderMap, body: &[u8]) -> Result<Loaded, Problem> {
    let media = media_type(headers);
    if !media.as_deref().is_some_and(|media| YAML.contains(&media) || media == "application/json") {
        return Err(unknown_media(media.as_deref(), "a pipeline file as application/yaml or application/json"));
    }
    let text = std::str::from_utf8(body).map_err(|error| Problem::malformed(format!("the body is not UTF-8: {error}")))?;
    definition::load(text, None, api.app().types.as_ref(), &variables::of_process).map_err(|mistakes| {
        let detail = match mistakes.first() {
            Some(first) if mistakes.len() == 1 => format!("{}:{}: {}", first.line, first.column, first.mistake),
            Some(first) => {
                format!("{}:{}: {}; and {} more", first.line, first.column, first.mistake, mistakes.len() - 1)
            }
            None => "the pipeline is not fit".to_owned(),
        };
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "pipeline-mistakes", detail).with_mistakes(&mistakes)
    })
}

/// The revision that `If-Match` names; `*` names whichever there is.
fn expected(headers: &HeaderMap) -> Result<Option<Revision>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let quoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let revision = quoted.and_then(|revision| revision.parse().ok());
    let wrong = || Problem::malformed(format!("If-Match is `{text}`: send the ETag of the pipeline, in its quotes, or *"));
    revision.map(Some).ok_or_else(wrong)
}

/// A pipeline with the tag that `If-Match` takes.
pub(super) async fn shown(
    api: &Api,
    name: PipelineName,
) -> Result<([(header::HeaderName, HeaderValue); 1], Json<PipelineDetail>), Problem> {
    let detail = detail(api, name).await?;
    let tag = HeaderValue::from_str(&format!("\"{}\"", detail.pipeline.revision)).map_err(|_| Problem::internal())?;
    Ok(([(header::ETAG, tag)], Json(detail)))
}
