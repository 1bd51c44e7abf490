//! How the engine is: `GET /health` with every check, `/health/live` for whoever restarts it, `/health/ready` for whoever sends
//! it work. The answer is 503 when it is not so, with the reason.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    BASE,
    layers::Whole,
    state::Api,
    wire::health::{HealthBody, HealthStatus, ProbeBody},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(live)).routes(routes!(ready))
}

/// The same at the root, where probes look for it.
pub(super) fn at_root() -> Router<Api> {
    Router::new().route("/health", get(health)).route("/health/live", get(live)).route("/health/ready", get(ready))
}

/// How the engine is, with every check: what was seen, since when it is so, and what was measured.
#[utoipa::path(get, context_path = BASE, path = "/health", tag = "node", responses(
    (status = 200, body = HealthBody),
    (status = 503, description = "It cannot take work on now", body = HealthBody),
))]
async fn health(State(api): State<Api>) -> Response {
    let vitals = api.app().fresh_vitals().await;
    let body = HealthBody::of(&vitals, api.engine().clock().now());
    answer(body.status != HealthStatus::Unhealthy, Json(body))
}

/// Whether the process should go on: 503 when it will not come right by itself.
#[utoipa::path(get, context_path = BASE, path = "/health/live", tag = "node", responses(
    (status = 200, body = ProbeBody),
    (status = 503, description = "It should be restarted", body = ProbeBody),
))]
async fn live(State(api): State<Api>) -> Response {
    let vitals = api.app().fresh_vitals().await;
    probed(vitals.verdict(api.engine().clock().now()).dead())
}

/// Whether the engine should be given work: 503 when it cannot take any on now, or stops.
#[utoipa::path(get, context_path = BASE, path = "/health/ready", tag = "node", responses(
    (status = 200, body = ProbeBody),
    (status = 503, description = "It cannot take work on now", body = ProbeBody),
))]
async fn ready(State(api): State<Api>) -> Response {
    if api.closing().is_cancelled() {
        return probed(Some("it is stopping".into()));
    }
    let vitals = api.app().fresh_vitals().await;
    probed(vitals.verdict(api.engine().clock().now()).unready())
}

fn probed(trouble: Option<String>) -> Response {
    let is_well = trouble.is_none();
    answer(is_well, Json(ProbeBody { status: trouble.unwrap_or_else(|| "ok".into()) }))
}

fn answer(is_well: bool, body: impl IntoResponse) -> Response {
    let status = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = (status, body).into_response();
    response.extensions_mut().insert(Whole);
    response
}

#[cfg(test)]
mod tests {
    use flexcore_engine::vitals::{Bearing, Check, CheckState, Finding, Vitals};
    use jiff::Timestamp;

    use super::*;

    fn with(bearing: Bearing, state: CheckState) -> Vitals {
        let at = Timestamp::UNIX_EPOCH;
        let check = Check { finding: Finding::new("log writable", state, "no room").bearing(bearing), since: at, at };
        Vitals { checks: vec![check], ..Vitals::default() }
    }

    #[test]
    fn what_cannot_take_work_on_is_unhealthy_and_says_why() {
        let of = |bearing, state| HealthBody::of(&with(bearing, state), Timestamp::UNIX_EPOCH);
        assert_eq!(of(Bearing::Readiness, CheckState::Ok).status, HealthStatus::Healthy);
        assert_eq!(of(Bearing::Readiness, CheckState::Warn).status, HealthStatus::Degraded);
        assert_eq!(of(Bearing::Advice, CheckState::Fail).status, HealthStatus::Degraded);
        let refused = of(Bearing::Readiness, CheckState::Fail);
        assert_eq!((refused.status, refused.reason.as_deref()), (HealthStatus::Unhealthy, Some("log writable: no room")));
    }

    #[test]
    fn a_probe_that_fails_is_a_503_of_its_own() {
        let answer = probed(Some("log writable: no room".into()));
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.extensions().get::<Whole>().is_some());
        assert_eq!(probed(None).status(), StatusCode::OK);
    }
}
