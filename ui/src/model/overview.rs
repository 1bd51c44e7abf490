//! The four panes: what is shown of each, in which order.

use std::collections::BTreeSet;

use flexcore_engine::{
    id::{PipelineName, QueueName},
    projection::{
        board::{PipelineRow, PipelineState},
        runs::RunState,
    },
    vitals::CheckState,
};

use super::{facts::Facts, order, rows::Rows, stream::Stream};
use crate::keymap::Scope;

/// A pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pane {
    /// Pipelines.
    Pipelines,
    /// Events.
    Events,
    /// Queues.
    Queues,
    /// Health.
    Health,
}

impl Pane {
    /// In the order of their digits.
    pub const ALL: [Self; 4] = [Self::Pipelines, Self::Events, Self::Queues, Self::Health];

    /// The digit that jumps there.
    pub fn digit(self) -> usize {
        self as usize + 1
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        ["Pipelines", "Events", "Queues", "Health"][self as usize]
    }

    /// The bindings that hold there.
    pub fn scopes(self) -> &'static [Scope] {
        match self {
            Self::Pipelines => &[Scope::Pipelines, Scope::List],
            Self::Events => &[Scope::Events, Scope::List],
            Self::Queues => &[Scope::Queues, Scope::List],
            Self::Health => &[Scope::Health, Scope::List],
        }
    }
}

/// Columns that pipelines are sorted by.
pub const PIPELINE_SORTS: [&str; 5] = ["name", "state", "rate", "errors", "last"];
/// Columns that queues are sorted by.
pub const QUEUE_SORTS: [&str; 4] = ["name", "depth", "dead", "oldest"];

/// The four panes.
#[derive(Clone)]
pub struct Overview {
    /// Which pane takes the keys.
    pub focus: Pane,
    /// It has the whole screen.
    pub zoomed: bool,
    /// The pipelines pane.
    pub pipelines: Rows<PipelineName>,
    /// Those whose last run failed, shown or not: kept, not counted anew for every frame.
    pub failing: BTreeSet<PipelineName>,
    /// The queues pane.
    pub queues: Rows<QueueName>,
    /// The health pane: checks by their place in the figures.
    pub health: Rows<usize>,
    /// The events pane.
    pub events: Stream,
}

impl Default for Overview {
    fn default() -> Self {
        Self {
            focus: Pane::Pipelines,
            zoomed: false,
            pipelines: Rows::default(),
            failing: BTreeSet::new(),
            queues: Rows::default(),
            health: Rows::default(),
            events: Stream::default(),
        }
    }
}

/// How a pipeline fares, in one word: what it is, or what its runs do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Its last run failed.
    Failing,
    /// A run waits for another try.
    Retrying,
    /// A run is to stop.
    Cancelling,
    /// A run is at work.
    Running,
    /// A run waits for a worker.
    Queued,
    /// Its triggers start runs.
    Active,
    /// Its triggers start nothing.
    Paused,
    /// Never activated.
    Draft,
    /// Out of use.
    Archived,
}

impl Standing {
    /// How a pipeline fares.
    pub fn of(row: &PipelineRow, facts: &Facts) -> Self {
        let live = row.live.iter().filter_map(|run| facts.models.runs.runs.get(run)).map(|run| run.state);
        match live.max_by_key(|state| urgency(*state)) {
            Some(RunState::Retrying) => Self::Retrying,
            Some(RunState::Cancelling) => Self::Cancelling,
            Some(RunState::Queued) => Self::Queued,
            Some(RunState::Running) => Self::Running,
            Some(RunState::Succeeded | RunState::Failed | RunState::Cancelled) | None => Self::at_rest(row),
        }
    }

    fn at_rest(row: &PipelineRow) -> Self {
        match row.state {
            PipelineState::Archived => Self::Archived,
            _ if is_failing(row) => Self::Failing,
            PipelineState::Active => Self::Active,
            PipelineState::Paused => Self::Paused,
            PipelineState::Draft => Self::Draft,
        }
    }

    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Retrying => "retrying",
            Self::Cancelling => "stopping",
            Self::Running => "running",
            Self::Queued => "queued",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Draft => "draft",
            Self::Archived => "archived",
        }
    }
}

fn is_failing(row: &PipelineRow) -> bool {
    row.failed_in_row > 0
}

fn urgency(state: RunState) -> u8 {
    match state {
        RunState::Retrying => 4,
        RunState::Cancelling => 3,
        RunState::Running => 2,
        RunState::Queued => 1,
        RunState::Succeeded | RunState::Failed | RunState::Cancelled => 0,
    }
}

impl Overview {
    /// Which bindings hold.
    pub fn scopes(&self) -> &'static [Scope] {
        self.focus.scopes()
    }

    /// Filters and sorts again: the facts, a filter or an order changed.
    pub fn refresh(&mut self, facts: &Facts) {
        order::refresh(&mut self.pipelines, facts);
        let failing = facts.models.board.pipelines.values().filter(|row| is_failing(row));
        self.failing = failing.map(|row| row.name.clone()).collect();
        self.refresh_others(facts);
    }

    /// Some pipelines are others, came, or went.
    pub fn touched(&mut self, touched: &BTreeSet<PipelineName>, facts: &Facts) {
        order::touched(&mut self.pipelines, touched, facts);
        for name in touched {
            if facts.models.board.pipelines.get(name).is_some_and(is_failing) {
                self.failing.insert(name.clone());
            } else {
                self.failing.remove(name);
            }
        }
    }

    /// All but pipelines, of which only those need it that something happened to.
    pub fn refresh_others(&mut self, facts: &Facts) {
        self.refresh_queues(facts);
        self.refresh_health(facts);
    }

    /// The log tells which queues were declared, and nothing of what was in them.
    fn refresh_declared(&mut self, facts: &Facts) {
        let filter = self.queues.filter.clone();
        let mut sieve = filter.sieve();
        let all = facts.models.queues.queues.keys().filter(|name| !name.is_internal());
        let keys = all.clone().filter(|name| sieve.passes(name.as_str())).cloned().collect();
        self.queues.set(keys, all.count());
    }

    fn refresh_queues(&mut self, facts: &Facts) {
        if facts.is_past {
            return self.refresh_declared(facts);
        }
        let filter = self.queues.filter.clone();
        let mut sieve = filter.sieve();
        let all = facts.vitals.as_ref().map_or(&[][..], |vitals| &vitals.queues);
        let mut rows: Vec<_> = all.iter().filter(|(name, _)| !name.is_internal() && sieve.passes(name.as_str())).collect();
        rows.sort_by(|(one, _), (other, _)| one.cmp(other));
        match self.queues.sort {
            1 => rows.sort_by_key(|(_, stats)| std::cmp::Reverse(stats.ready + stats.delayed + stats.leased)),
            2 => rows.sort_by_key(|(_, stats)| std::cmp::Reverse(stats.dead)),
            3 => rows.sort_by_key(|(_, stats)| stats.oldest.unwrap_or(jiff::Timestamp::MAX)),
            _ => {}
        }
        let mut keys: Vec<_> = rows.into_iter().map(|(name, _)| name.clone()).collect();
        if self.queues.reverse {
            keys.reverse();
        }
        self.queues.set(keys, all.iter().filter(|(name, _)| !name.is_internal()).count());
    }

    fn refresh_health(&mut self, facts: &Facts) {
        let filter = self.health.filter.clone();
        let mut sieve = filter.sieve();
        let checks = facts.vitals.as_ref().map_or(&[][..], |vitals| &vitals.checks);
        let passing =
            checks.iter().enumerate().filter(|(_, check)| sieve.passes(&format!("{} {}", check.name(), check.evidence())));
        let mut keys: Vec<usize> = passing.map(|(at, _)| at).collect();
        keys.sort_by_key(|at| std::cmp::Reverse(severity(checks[*at].state())));
        self.health.set(keys, checks.len());
    }
}

fn severity(state: CheckState) -> u8 {
    match state {
        CheckState::Fail => 3,
        CheckState::Warn => 2,
        CheckState::Unknown => 1,
        CheckState::Ok => 0,
    }
}

/// Records a second of a pipeline.
pub fn records_per_s(row: &PipelineRow, facts: &Facts) -> f64 {
    facts.figures.pipeline(&row.name).map_or(0.0, |figures| figures.records_per_s)
}

#[cfg(test)]
mod tests {
    use flexcore_engine::event::pipeline::Outcome;

    use super::*;
    use crate::testing::facts::{many, now, run_ended};

    #[test]
    fn what_fails_is_known_without_looking_at_all() {
        let mut facts = Facts::new(now(), "alice".into(), false);
        facts.models = many(20);
        let mut overview = Overview::default();
        overview.refresh(&facts);
        for (name, outcome) in
            [("pipe-00003", Outcome::Failed), ("pipe-00007", Outcome::Failed), ("pipe-00003", Outcome::Succeeded)]
        {
            let position = facts.models.position.next().0;
            facts.models.apply(&run_ended(position, name, outcome));
            overview.touched(&[name.parse().unwrap()].into(), &facts);
            let kept = overview.failing.clone();
            overview.refresh(&facts);
            assert_eq!(kept, overview.failing);
            assert_eq!(kept.contains(name), outcome == Outcome::Failed);
        }
        let gone: BTreeSet<PipelineName> = facts.models.board.pipelines.keys().cloned().collect();
        for name in &gone {
            facts.models.board.pipelines.remove(name);
        }
        overview.touched(&gone, &facts);
        assert!(overview.failing.is_empty());
    }
}
