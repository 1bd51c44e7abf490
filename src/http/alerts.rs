//! Alerts: the list, one of them, and for how long nobody elsewhere is told of one. The name of an alert may have a `/` in
//! it: in a path that is `%2F`.

use axum::extract::State;
use flexcore_engine::{
    aggregate::Rejection,
    alert::{About, AlertId, Severity},
    command::{AlertCommand, Command},
    id::{PipelineName, QueueName},
    projection::alerts::AlertRow,
    unit::Duration,
};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    BASE,
    access::{Caller, Operator},
    answer::Json,
    body,
    cursor::page_size,
    problem::Problem,
    query::{InPath, Query},
    state::Api,
    wire::{alerts::AlertBody, page::Page},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(silence)).routes(routes!(unsilence))
}

/// Whether it is so now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AlertState {
    /// It is.
    Raised,
    /// It no longer is.
    Quiet,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only those in this state: raised or quiet.
    #[param(inline)]
    state: Option<AlertState>,
    /// Only those that matter as much: info, warning or critical.
    #[param(value_type = Option<String>)]
    severity: Option<Severity>,
    /// Only those that are silenced now, or only those that are not.
    silenced: Option<bool>,
    /// Only those of this rule.
    rule: Option<String>,
    /// Only those about this pipeline.
    #[param(value_type = Option<String>)]
    pipeline: Option<PipelineName>,
    /// Only those about this queue.
    #[param(value_type = Option<String>)]
    queue: Option<QueueName>,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<AlertId>,
    /// Items of the page: 1 to 1,000; 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

impl ListQuery {
    fn passes(&self, id: &AlertId, row: &AlertRow, now: Timestamp) -> bool {
        let about_pipeline = |name: &PipelineName| row.about == About::Pipeline(name.clone());
        let about_queue = |name: &QueueName| row.about == About::Queue(name.clone());
        self.cursor.as_ref().is_none_or(|cursor| id > cursor)
            && self.state.is_none_or(|state| row.raised == (state == AlertState::Raised))
            && self.severity.is_none_or(|severity| row.severity == severity)
            && self.silenced.is_none_or(|silenced| row.is_silenced(now) == silenced)
            && self.rule.as_ref().is_none_or(|rule| id.rule() == rule)
            && self.pipeline.as_ref().is_none_or(about_pipeline)
            && self.queue.as_ref().is_none_or(about_queue)
    }
}

/// Alerts, by name: those that are raised, and the last 500 that no longer are.
#[utoipa::path(get, context_path = BASE, path = "/alerts", tag = "alerts", params(ListQuery), responses((status = 200, body = Page<AlertBody>)))]
async fn list(State(api): State<Api>, _: Caller, Query(query): Query<ListQuery>) -> Result<Json<Page<AlertBody>>, Problem> {
    let size = page_size(query.limit)?;
    let now = api.engine().clock().now();
    let page = api.engine().view(|models| {
        let rows = models.alerts.rows.iter().filter(|(id, row)| query.passes(id, row, now));
        Page::of(rows.map(|(id, row)| AlertBody::of(id, row, now)), size, |last| last.alert.clone())
    });
    Ok(Json(page.await))
}

/// An alert. A `/` in its name is written `%2F`.
#[utoipa::path(get, context_path = BASE, path = "/alerts/{alert}", tag = "alerts", params(("alert" = String, Path)), responses((status = 200, body = AlertBody)))]
async fn show(State(api): State<Api>, _: Caller, InPath(id): InPath<AlertId>) -> Result<Json<AlertBody>, Problem> {
    found(&api, id).await.map(Json)
}

async fn found(api: &Api, id: AlertId) -> Result<AlertBody, Problem> {
    let now = api.engine().clock().now();
    let body = api.engine().view(|models| models.alerts.rows.get(&id).map(|row| AlertBody::of(&id, row, now))).await;
    body.ok_or_else(|| (&Rejection::NoAlert(id)).into())
}

async fn silenced(api: &Api, caller: &Caller, id: AlertId, length: Duration, reason: String) -> Result<Json<AlertBody>, Problem> {
    api.submit(caller, Command::Alert(id.clone(), AlertCommand::Silence { length, reason })).await?;
    found(api, id).await.map(Json)
}

/// For how long nobody elsewhere is to be told.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"for": "1h", "reason": "the source is being repaired"}))]
struct Silence {
    /// How long, like 1h; at most 30d.
    #[serde(rename = "for")]
    #[schema(value_type = String, pattern = "^[1-9][0-9]{0,2}(s|m|h)$")]
    length: Duration,
    /// Why, for people; may be empty.
    #[serde(default)]
    #[schema(max_length = 250)]
    reason: String,
}

/// Silences an alert: webhooks are not told of it for a time. It is listed as before, and it may be raised and resolved.
#[utoipa::path(post, context_path = BASE, path = "/alerts/{alert}/silence", tag = "alerts", params(("alert" = String, Path)), request_body = Silence, responses((status = 200, body = AlertBody)))]
async fn silence(
    State(api): State<Api>,
    Operator(caller): Operator,
    InPath(id): InPath<AlertId>,
    body::Json(Silence { length, reason }): body::Json<Silence>,
) -> Result<Json<AlertBody>, Problem> {
    found(&api, id.clone()).await?;
    if length.0.is_zero() {
        return Err(Problem::unfit("a silence lasts for some time: unsilence ends one"));
    }
    silenced(&api, &caller, id, length, reason).await
}

/// Ends a silence before its time.
#[utoipa::path(post, context_path = BASE, path = "/alerts/{alert}/unsilence", tag = "alerts", params(("alert" = String, Path)), responses((status = 200, body = AlertBody), (status = 409, description = "It is not silenced")))]
async fn unsilence(
    State(api): State<Api>,
    Operator(caller): Operator,
    InPath(id): InPath<AlertId>,
) -> Result<Json<AlertBody>, Problem> {
    if found(&api, id.clone()).await?.silence.is_none() {
        return Err((&Rejection::Nothing(format!("alert `{id}` is not silenced"))).into());
    }
    silenced(&api, &caller, id, Duration::default(), String::new()).await
}
