//! How an engine is, told.

use flexcore_engine::vitals::{Bearing, Check, CheckState, Vitals};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::info::commit;

/// How an engine is as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// Every check is as it should be.
    Healthy,
    /// It works, and something needs a look.
    Degraded,
    /// It cannot take work on now.
    Unhealthy,
}

/// How an engine is, and how that is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HealthBody {
    /// As a whole.
    pub status: HealthStatus,
    /// Why it is unhealthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When this was asked, in seconds since 1970.
    pub timestamp: i64,
    /// When what is told here was looked at.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The program's version.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// When it was built; `unknown` when the build did not say.
    pub build_time: String,
    /// The commit that it was built from; `unknown` when the build did not say.
    pub commit: String,
    /// What was looked at.
    pub checks: Vec<CheckBody>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckBody {
    /// Stable.
    #[schema(example = "log writable")]
    pub name: String,
    /// `ok`, `warn`, `fail`, or `unknown`: not looked at yet.
    #[schema(example = "ok")]
    pub state: String,
    /// What its failure means: `advice` (look at it), `readiness` (no work can be taken on), `life` (restart the process).
    #[schema(example = "readiness")]
    pub bearing: String,
    /// What was seen.
    #[schema(example = "last append 3s ago, 99 of 100 within 25µs")]
    pub evidence: String,
    /// What was measured, where something was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figure: Option<FigureBody>,
    /// Since when it is in this state, as far as the process knows.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// When it was looked at.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// What was measured, against what it may be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FigureBody {
    /// The value.
    pub value: f64,
    /// Its unit.
    #[schema(example = "seconds")]
    pub unit: String,
    /// At which value a look is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warn_at: Option<f64>,
    /// At which value it does not work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail_at: Option<f64>,
}

/// The answer to a probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProbeBody {
    /// `ok`, or why not: the failing checks with what was seen.
    #[schema(example = "ok")]
    pub status: String,
}

impl HealthBody {
    /// As of a moment.
    pub fn of(vitals: &Vitals, now: Timestamp) -> Self {
        let verdict = vitals.verdict(now);
        let reason = verdict.unready();
        let status = match (&reason, verdict.worst()) {
            (Some(_), _) => HealthStatus::Unhealthy,
            (None, CheckState::Ok) => HealthStatus::Healthy,
            (None, CheckState::Warn | CheckState::Fail | CheckState::Unknown) => HealthStatus::Degraded,
        };
        Self {
            status,
            reason,
            timestamp: now.as_second(),
            at: vitals.at,
            version: env!("CARGO_PKG_VERSION").into(),
            build_time: option_env!("FLEXCORE_BUILD_TIME").unwrap_or("unknown").into(),
            commit: commit().into(),
            checks: vitals.checks.iter().map(CheckBody::of).collect(),
        }
    }
}

impl CheckBody {
    fn of(check: &Check) -> Self {
        let finding = &check.finding;
        let bearing = match finding.bearing {
            Bearing::Advice => "advice",
            Bearing::Readiness => "readiness",
            Bearing::Life => "life",
        };
        let figure = finding.figure.as_ref().map(|figure| FigureBody {
            value: figure.value,
            unit: figure.unit.clone().into_owned(),
            warn_at: figure.warn_at,
            fail_at: figure.fail_at,
        });
        Self {
            name: finding.name.clone(),
            state: finding.state.word().into(),
            bearing: bearing.into(),
            evidence: finding.evidence.clone(),
            figure,
            since: check.since,
            at: check.at,
        }
    }
}
