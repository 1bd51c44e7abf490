//! Read models of moments past, kept so that a jump to any of a million events folds only a few of them. They are taken while
//! the log is folded for whatever reason, and share with each other all rows that did not change between them.

use crate::{
    id::Position,
    projection::{ReadModels, board::PipelineRow, checkpoints::CheckpointsRow, runs::RunRow},
};

/// The most anchors kept.
pub const ANCHORS_MAX: usize = 64;
/// Bytes that all anchors together may always take, as far as they do not share them: about. The first one does not count. Beside
/// a large log they may take half as much as that: a million events of short runs are a hundred thousand runs, and where few
/// anchors are left, a jump folds much.
pub const ANCHOR_BYTES_MIN: usize = 64 << 20;
/// Events between two anchors, unless there are too many of them.
pub const ANCHOR_EVENTS: u64 = 16_384;

/// Within so many events anchors are thinned out evenly; before that the more, the older they are.
const EVEN_EVENTS: u64 = 1_000_000;
/// A row in a map, and what allocating it costs, in bytes.
const ENTRY_BYTES: usize = 48;

/// Read models by their positions, oldest first.
pub(super) struct Anchors {
    kept: Vec<Anchor>,
    every: u64,
    bytes_max: usize,
    /// The first one is where the log that is kept begins.
    begun: bool,
}

impl Default for Anchors {
    fn default() -> Self {
        Self::every(ANCHOR_EVENTS)
    }
}

struct Anchor {
    models: ReadModels,
    /// What it does not share with the one before it.
    bytes: usize,
}

impl Anchors {
    /// None yet; to be taken so many events from each other.
    pub(super) fn every(every: u64) -> Self {
        Self { kept: Vec::new(), every, bytes_max: ANCHOR_BYTES_MIN, begun: false }
    }

    /// The newest read models that are not after a position.
    pub(super) fn before(&self, position: Position) -> Option<&ReadModels> {
        let after = self.kept.partition_point(|anchor| anchor.models.position <= position);
        after.checked_sub(1).map(|at| &self.kept[at].models)
    }

    /// The oldest position that one can go on from; `None` until [`Anchors::begin`].
    pub(super) fn oldest(&self) -> Option<Position> {
        self.kept.first().filter(|_| self.begun).map(|anchor| anchor.models.position)
    }

    /// Where the first gap is that needs to be filled: after the oldest one, up to the next.
    pub(super) fn first_gap(&self, head: Position) -> Option<Position> {
        let oldest = self.oldest()?;
        let next = self.kept.get(1).map_or(head, |anchor| anchor.models.position);
        (next.0.saturating_sub(oldest.0) > 2 * self.every).then_some(next)
    }

    /// Takes read models in unless others are near. How many bytes the log has is only asked then.
    pub(super) fn offer(&mut self, models: &ReadModels, log_bytes: impl FnOnce() -> u64) {
        let after = self.kept.partition_point(|anchor| anchor.models.position <= models.position);
        if self.begun && after == 0 {
            return;
        }
        let far = |anchor: Option<&Anchor>| {
            anchor.is_none_or(|anchor| anchor.models.position.0.abs_diff(models.position.0) >= self.every)
        };
        if far(after.checked_sub(1).map(|at| &self.kept[at])) && far(self.kept.get(after)) {
            self.bytes_max = ANCHOR_BYTES_MIN.max(log_bytes() as usize / 2);
            self.insert(after, models.clone());
        }
    }

    /// Nothing before these can be seen any more: they are where everything begins.
    pub(super) fn begin(&mut self, base: ReadModels) {
        self.kept.retain(|anchor| anchor.models.position > base.position);
        self.begun = true;
        self.insert(0, base);
    }

    fn insert(&mut self, at: usize, models: ReadModels) {
        self.kept.insert(at, Anchor { models, bytes: 0 });
        self.weigh(at);
        self.weigh(at + 1);
        while self.kept.len() > ANCHORS_MAX || self.bytes() > self.bytes_max {
            let Some(spare) = self.spare() else { return };
            self.kept.remove(spare);
            self.weigh(spare);
        }
    }

    fn bytes(&self) -> usize {
        self.kept.iter().skip(1).map(|anchor| anchor.bytes).sum()
    }

    fn weigh(&mut self, at: usize) {
        let Some(anchor) = self.kept.get(at) else { return };
        let none = ReadModels::default();
        let before = at.checked_sub(1).map_or(&none, |before| &self.kept[before].models);
        self.kept[at].bytes = own_bytes(&anchor.models, before);
    }

    /// The one that is missed least: its going leaves the smallest gap for its age. The first one always stays.
    fn spare(&self) -> Option<usize> {
        let newest = self.kept.last()?.models.position.0;
        let position = |at: usize| self.kept.get(at).map_or(newest, |anchor| anchor.models.position.0);
        let cost = |at: &usize| {
            let gap = position(at + 1) - position(at - 1);
            gap as f64 / (newest - position(*at) + EVEN_EVENTS) as f64
        };
        (1..self.kept.len()).min_by(|one, other| cost(one).total_cmp(&cost(other)))
    }
}

/// About how many bytes read models hold that others do not.
fn own_bytes(models: &ReadModels, others: &ReadModels) -> usize {
    let runs: usize = models.runs.runs.own(&others.runs.runs).map(run_bytes).sum();
    let pipelines: usize = models.board.pipelines.own(&others.board.pipelines).map(pipeline_bytes).sum();
    let checkpoints: usize = models.checkpoints.pipelines.own(&others.checkpoints.pipelines).map(CheckpointsRow::bytes).sum();
    let entries = models.runs.runs.len() + models.board.pipelines.len() + models.runs.ended.len() + models.history.minutes.len();
    runs + pipelines + checkpoints + entries * ENTRY_BYTES
}

fn run_bytes(row: &RunRow) -> usize {
    let error = row.error.as_ref().map_or(0, |error| error.message.len() + error.record.as_ref().map_or(0, String::len) + 200);
    // Parameters, cursors and errors of steps are small as a rule, and bounded when they are not.
    size_of::<RunRow>() + row.steps.len() * 320 + row.checkpoints.len() * 240 + row.params.len() * 120 + error
}

/// Definitions and their sources are shared by all who hold them.
fn pipeline_bytes(row: &PipelineRow) -> usize {
    size_of::<PipelineRow>() + row.revisions.len() * size_of_val(row.current()) + row.live.len() * 16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(position: u64) -> ReadModels {
        ReadModels { position: Position(position), ..ReadModels::default() }
    }

    fn positions(anchors: &Anchors) -> Vec<u64> {
        anchors.kept.iter().map(|anchor| anchor.models.position.0).collect()
    }

    #[test]
    fn anchors_are_taken_at_a_distance_whatever_the_order_in_which_they_are_offered() {
        let mut anchors = Anchors::default();
        for position in [50_000, 50_001, 60_000, 0, 16_384, 33_000, 34_000, 90_000] {
            anchors.offer(&at(position), || 0);
        }
        assert_eq!(positions(&anchors), [0, 16_384, 33_000, 50_000, 90_000]);
        let before = |position| anchors.before(Position(position)).map(|models| models.position.0);
        assert_eq!((before(16_383), before(16_384), before(u64::MAX)), (Some(0), Some(16_384), Some(90_000)));
        assert_eq!(Anchors::default().before(Position(7)), None);
    }

    #[test]
    fn what_retention_drops_goes_and_its_base_is_the_new_beginning() {
        let mut anchors = Anchors::default();
        (0..5).for_each(|number| anchors.offer(&at(number * ANCHOR_EVENTS), || 0));
        anchors.begin(at(40_000));
        assert_eq!(positions(&anchors), [40_000, 49_152, 65_536]);
        assert_eq!((anchors.oldest(), anchors.before(Position(39_999))), (Some(Position(40_000)), None));
    }

    #[test]
    fn there_are_never_more_than_the_most_and_they_cover_the_whole_log_evenly_over_a_million() {
        let mut anchors = Anchors::default();
        for number in 0..1_000 {
            anchors.offer(&at(number * ANCHOR_EVENTS), || 0);
            assert!(anchors.kept.len() <= ANCHORS_MAX);
        }
        let kept = positions(&anchors);
        assert_eq!(kept[0], 0);
        let (newest, gaps): (u64, Vec<u64>) = (kept[kept.len() - 1], kept.windows(2).map(|pair| pair[1] - pair[0]).collect());
        let newest_million = kept.iter().zip(&gaps).filter(|(position, _)| newest - **position < EVEN_EVENTS);
        assert!(newest_million.map(|(_, gap)| gap).max().unwrap() <= &(8 * ANCHOR_EVENTS), "{gaps:?}");
        assert!(gaps.iter().max().unwrap() < &(newest / 8), "{gaps:?}");
    }
}
