//! What was looked at, and how it came out. A check says what it saw, as a sentence and where it has one as a figure, so that
//! nobody has to believe a colour.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::unit::Duration;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// As it should be.
    Ok,
    /// Needs a look.
    Warn,
    /// Does not work.
    Fail,
    /// Not looked at yet.
    #[default]
    Unknown,
}

impl CheckState {
    /// One word, as on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }
}

/// What a check that fails means for the process as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bearing {
    /// Somebody should look; work goes on.
    #[default]
    Advice,
    /// Nothing more can be taken on now.
    Readiness,
    /// It will not come right by itself: the process should be restarted.
    Life,
}

/// What was measured, against what it may be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The value.
    pub value: f64,
    /// Its unit, like `seconds` or `bytes`.
    pub unit: Cow<'static, str>,
    /// At which value a look is needed; `None` where there is no such value.
    pub warn_at: Option<f64>,
    /// At which value it does not work.
    pub fail_at: Option<f64>,
}

/// A check's outcome before anybody knows since when it is so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable, lower case, like `log writable`.
    pub name: String,
    /// What it means when it fails.
    pub bearing: Bearing,
    /// How it came out.
    pub state: CheckState,
    /// What was seen, one line.
    pub evidence: String,
    /// What was measured, where something was.
    pub figure: Option<Figure>,
}

impl Finding {
    /// A finding that is only advice.
    pub fn new(name: impl Into<String>, state: CheckState, evidence: impl Into<String>) -> Self {
        let (name, evidence) = (name.into(), evidence.into());
        Self { name, bearing: Bearing::Advice, state, evidence, figure: None }
    }

    /// One that says more about the process as a whole.
    #[must_use]
    pub fn bearing(self, bearing: Bearing) -> Self {
        Self { bearing, ..self }
    }

    /// With what was measured and no limits.
    #[must_use]
    pub fn figure(self, value: f64, unit: &'static str) -> Self {
        Self { figure: Some(Figure { value, unit: unit.into(), warn_at: None, fail_at: None }), ..self }
    }

    /// With the limits of what was measured.
    #[must_use]
    pub fn limits(mut self, warn_at: Option<f64>, fail_at: Option<f64>) -> Self {
        if let Some(figure) = &mut self.figure {
            (figure.warn_at, figure.fail_at) = (warn_at, fail_at);
        }
        self
    }
}

/// One thing that was looked at, with what was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// What was found.
    pub finding: Finding,
    /// Since when it is in this state, as far as this process knows.
    pub since: Timestamp,
    /// When it was looked at.
    pub at: Timestamp,
}

impl Check {
    /// Stable, lower case.
    pub fn name(&self) -> &str {
        &self.finding.name
    }

    /// How it came out.
    pub fn state(&self) -> CheckState {
        self.finding.state
    }

    /// What was seen.
    pub fn evidence(&self) -> &str {
        &self.finding.evidence
    }
}

/// Looks at the checks as a whole, at a moment.
#[derive(Debug, Clone, Copy)]
pub struct Verdict<'a> {
    checks: &'a [Check],
    age: Duration,
    age_max: Duration,
}

impl<'a> Verdict<'a> {
    /// On checks of an age, and how old they may be.
    pub fn new(checks: &'a [Check], age: Duration, age_max: Duration) -> Self {
        Self { checks, age, age_max }
    }

    /// Why the process should be restarted; `None`: it should not.
    pub fn dead(self) -> Option<String> {
        let Self { age, age_max, .. } = self;
        if age > age_max {
            return Some(format!("nothing was looked at for {age}, more than {age_max}"));
        }
        self.fails(Bearing::Life)
    }

    /// Why it should be given no work; `None`: it should. One that has looked at nothing yet is not ready.
    pub fn unready(self) -> Option<String> {
        let unchecked = || self.checks.is_empty().then(|| "nothing was looked at yet".to_owned());
        self.dead().or_else(unchecked).or_else(|| self.fails(Bearing::Readiness))
    }

    /// The worst state of all; `Unknown` where nothing was looked at.
    pub fn worst(self) -> CheckState {
        let known = self.checks.iter().map(Check::state).filter(|state| *state != CheckState::Unknown);
        known.max().unwrap_or_default()
    }

    fn fails(self, bearing: Bearing) -> Option<String> {
        let failing = self.checks.iter().filter(|check| check.finding.bearing >= bearing && check.state() == CheckState::Fail);
        let said: Vec<_> = failing.map(|check| format!("{}: {}", check.name(), check.evidence())).collect();
        if said.is_empty() { None } else { Some(said.join("; ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, bearing: Bearing, state: CheckState) -> Check {
        let finding = Finding::new(name, state, "seen").bearing(bearing);
        Check { finding, since: Timestamp::UNIX_EPOCH, at: Timestamp::UNIX_EPOCH }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_fails_decides_by_its_bearing() {
        let cases = [
            (Bearing::Advice, CheckState::Fail, false, false),
            (Bearing::Readiness, CheckState::Fail, false, true),
            (Bearing::Life, CheckState::Fail, true, true),
            (Bearing::Life, CheckState::Warn, false, false),
        ];
        for (bearing, state, dead, unready) in cases {
            let checks = [check("a", Bearing::Life, CheckState::Ok), check("b", bearing, state)];
            let verdict = Verdict::new(&checks, seconds(1), seconds(10));
            assert_eq!((verdict.dead().is_some(), verdict.unready().is_some()), (dead, unready), "{bearing:?} {state:?}");
            assert_eq!(verdict.worst(), state);
        }
    }

    #[test]
    fn nothing_is_called_healthy_that_was_not_looked_at() {
        let verdict = Verdict::new(&[], seconds(1), seconds(10));
        assert_eq!((verdict.dead(), verdict.worst()), (None, CheckState::Unknown));
        assert!(verdict.unready().is_some());
        let checks = [check("a", Bearing::Life, CheckState::Ok)];
        let old = Verdict::new(&checks, seconds(11), seconds(10)).dead();
        assert_eq!(old.as_deref(), Some("nothing was looked at for 11s, more than 10s"));
    }
}
