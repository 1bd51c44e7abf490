//! Which pipelines are shown, in which order. After a page of events only those that it tells something of are looked at
//! again: with ten thousand of them, looking at all would take longer than the frame.

use std::{
    cmp::{Ordering, Reverse},
    collections::BTreeSet,
};

use flexcore_engine::{id::PipelineName, projection::board::PipelineRow};

use super::{
    facts::Facts,
    filter::Sieve,
    overview::{Standing, records_per_s},
    rows::Rows,
};

/// Filters and sorts all again.
pub(super) fn refresh(shown: &mut Rows<PipelineName>, facts: &Facts) {
    let filter = shown.filter.clone();
    let mut sieve = filter.sieve();
    let board = &facts.models.board.pipelines;
    let mut rows: Vec<&PipelineRow> = board.values().filter(|row| filter.is_none() || passes(row, &mut sieve, facts)).collect();
    if shown.sort != 0 || shown.reverse {
        rows.sort_by(|one, other| order(shown, one, other, facts));
    }
    let keys = rows.into_iter().map(|row| row.name.clone()).collect();
    shown.set(keys, board.len());
}

/// Puts some pipelines where they belong now: they are others, came, or went.
pub(super) fn touched(shown: &mut Rows<PipelineName>, touched: &BTreeSet<PipelineName>, facts: &Facts) {
    let filter = shown.filter.clone();
    let mut sieve = filter.sieve();
    let board = &facts.models.board.pipelines;
    let mut is_shown = |row: &PipelineRow| filter.is_none() || passes(row, &mut sieve, facts);
    let (come, go): (Vec<_>, Vec<_>) = touched.iter().partition(|name| board.get(*name).is_some_and(&mut is_shown));
    // By name everything stays in its place as long as nothing comes or goes.
    let by_name = shown.sort == 0;
    let place = |name: &PipelineName| place_by_name(shown, name);
    if by_name && come.iter().all(|name| place(name).is_ok()) && go.iter().all(|name| place(name).is_err()) {
        shown.total = board.len();
        return;
    }
    let mut keys = std::mem::take(&mut shown.keys);
    keys.retain(|name| !touched.contains(name));
    for name in come {
        let row = &board[name];
        let is_before = |known: &PipelineName| board.get(known).is_some_and(|known| order(shown, known, row, facts).is_lt());
        keys.insert(keys.partition_point(is_before), name.clone());
    }
    shown.set(keys, board.len());
}

fn place_by_name(shown: &Rows<PipelineName>, name: &PipelineName) -> Result<usize, usize> {
    shown.keys.binary_search_by(|known| if shown.reverse { name.cmp(known) } else { known.cmp(name) })
}

fn passes(row: &PipelineRow, sieve: &mut Sieve<'_>, facts: &Facts) -> bool {
    let definition = row.definition();
    let standing = Standing::of(row, facts).word();
    sieve.passes(&format!("{} {standing} {} {}", row.name, definition.owner, definition.tags.join(" ")))
}

/// No two are equal: where the column says nothing, the name does.
fn order(shown: &Rows<PipelineName>, one: &PipelineRow, other: &PipelineRow, facts: &Facts) -> Ordering {
    let by_column = match shown.sort {
        1 => Standing::of(one, facts).cmp(&Standing::of(other, facts)),
        2 => records_per_s(other, facts).total_cmp(&records_per_s(one, facts)),
        3 => (other.failed_total + other.dead_total).cmp(&(one.failed_total + one.dead_total)),
        4 => Reverse(one.last.map(|last| last.at)).cmp(&Reverse(other.last.map(|last| last.at))),
        _ => Ordering::Equal,
    };
    let order = by_column.then_with(|| one.name.cmp(&other.name));
    if shown.reverse { order.reverse() } else { order }
}

#[cfg(test)]
mod tests {
    use flexcore_engine::event::pipeline::Outcome;

    use super::*;
    use crate::{
        model::{filter::RowFilter, overview::PIPELINE_SORTS},
        testing::facts::{many, now, run_ended},
    };

    fn facts(count: usize) -> Facts {
        let mut facts = Facts::new(now(), "alice".into(), false);
        facts.models = many(count);
        facts
    }

    fn fail(facts: &mut Facts, number: usize) -> PipelineName {
        let name = format!("pipe-{number:05}");
        let position = facts.models.position.0 + 1;
        facts.models.apply(&run_ended(position, &name, Outcome::Failed));
        PipelineName::new(&name).unwrap()
    }

    #[test]
    fn what_is_touched_comes_to_where_sorting_all_would_put_it() {
        for sort in 0..PIPELINE_SORTS.len() {
            for (reverse, filter) in [(false, ""), (true, ""), (false, "failing"), (true, "!failing")] {
                let (mut facts, mut shown) = (facts(50), Rows::default());
                (shown.sort, shown.reverse, shown.filter) = (sort, reverse, RowFilter::parse(filter).unwrap());
                refresh(&mut shown, &facts);
                for round in 0..6 {
                    let mut names: BTreeSet<_> = (0..3).map(|at| fail(&mut facts, (round * 17 + at * 11) % 50)).collect();
                    if round % 2 == 1 {
                        let gone = PipelineName::new(&format!("pipe-{:05}", round * 8)).unwrap();
                        facts.models.board.pipelines.remove(&gone);
                        names.insert(gone);
                    }
                    touched(&mut shown, &names, &facts);
                    let mut anew = shown.clone();
                    refresh(&mut anew, &facts);
                    assert_eq!((&shown.keys, shown.total), (&anew.keys, anew.total), "{sort} {reverse} `{filter}` {round}");
                }
            }
        }
    }
}
