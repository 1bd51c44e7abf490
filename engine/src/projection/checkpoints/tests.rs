use proptest::prelude::*;
use serde_json::json;

use super::*;

fn step(name: &str) -> StepName {
    name.parse().unwrap()
}

fn moment(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn change(name: &str, cursor: Option<u64>) -> CheckpointChange {
    CheckpointChange { step: step(name), stream: "s".into(), cursor: cursor.map(Value::from) }
}

fn version(number: u64, second: i64, changes: Vec<CheckpointChange>) -> Version {
    Version {
        number,
        position: Position(number * 10),
        at: moment(second),
        by: Actor::Engine,
        origin: Origin::Set,
        changes: by_place(changes),
    }
}

/// A source at `n`, and a sink that has what came from it.
fn both(number: u64, second: i64) -> Version {
    version(number, second, vec![change("out", Some(number * 100)), change("in", Some(number))])
}

fn cursors(standings: &[Standing]) -> Vec<(&str, u64)> {
    standings.iter().map(|standing| (standing.step.as_str(), standing.cursor.as_u64().unwrap())).collect()
}

#[test]
fn a_way_back_sets_source_and_sink_together() {
    let mut row = CheckpointsRow::default();
    (1..=3).for_each(|number| row.push(both(number, number.cast_signed())));
    assert_eq!(cursors(&row.current()), [("in", 3), ("out", 300)]);
    assert_eq!(cursors(&row.at(2).unwrap()), [("in", 2), ("out", 200)]);
    assert_eq!(row.way_back(2).unwrap(), [change("in", Some(2)), change("out", Some(200))]);
    assert_eq!(row.way_back(0).unwrap(), [change("in", None), change("out", None)]);
    assert_eq!((row.way_back(3), row.way_back(4)), (Some(Vec::new()), None));
    let back = row.way_back(1).unwrap();
    row.push(Version { origin: Origin::RolledBack { to: 1 }, ..version(4, 9, back) });
    assert_eq!(row.difference(1, 4), Some(Vec::new()), "it stands where it stood");
    let (from, to) = (Some(json!(3)), Some(json!(1)));
    assert_eq!(row.difference(3, 4).unwrap()[0], Difference { step: step("in"), stream: "s".into(), from, to });
}

#[test]
fn what_one_append_kept_is_one_version() {
    let mut row = CheckpointsRow::default();
    let origin = Origin::Run { run: RunId::fresh(), attempt: 1 };
    let of = |position, second, changes| Version { position: Position(position), origin, ..version(0, second, changes) };
    row.push(Version { number: 1, ..of(7, 1, vec![change("out", Some(100))]) });
    row.push(Version { number: 2, ..of(8, 1, vec![change("in", Some(1))]) });
    row.push(Version { number: 2, ..of(9, 2, vec![change("in", Some(2))]) });
    assert_eq!(row.versions.len(), 2);
    assert_eq!((row.versions[0].position, row.versions[0].changes.len()), (Position(8), 2));
    assert_eq!(cursors(&row.at(1).unwrap()), [("in", 1), ("out", 100)]);
}

#[test]
fn versions_are_thinned_out_the_more_the_older_they_are_and_many_streams_have_an_end() {
    let mut row = CheckpointsRow::default();
    (1..=5_000).for_each(|number| row.push(both(number, number.cast_signed() * 30)));
    assert_eq!((row.versions.len(), row.newest()), (VERSIONS_MAX, 5_000));
    let numbers: Vec<u64> = row.versions.iter().map(|version| version.number).collect();
    assert!(numbers[0] < 500 && numbers[VERSIONS_MAX - 1] - numbers[VERSIONS_MAX - 8] < 40, "{numbers:?}");
    let mut wide = CheckpointsRow::default();
    for number in 1..=30 {
        let files = (0..1_000).map(|file| CheckpointChange {
            step: step("in"),
            stream: format!("{}", number * 1_000 + file),
            cursor: Some(json!(1)),
        });
        wide.push(version(number, number.cast_signed(), files.collect()));
    }
    assert!(wide.changes() <= VERSION_CHANGES_MAX && wide.base.len() == CHECKPOINTS_MAX);
}

#[test]
fn what_is_kept_of_very_many_streams_is_what_moved_last() {
    let mut row = CheckpointsRow::default();
    for number in 1..=30 {
        let file =
            |file| CheckpointChange { step: step("in"), stream: format!("{}", number * 1_000 + file), cursor: Some(json!(1)) };
        let files = (0..999).map(file).chain([change("zip", Some(number))]);
        row.push(version(number, number.cast_signed(), files.collect()));
    }
    let sink = row.base.iter().find(|standing| standing.step == step("zip")).expect("its mark moved with every version");
    assert_eq!(row.base.len(), CHECKPOINTS_MAX);
    assert!(row.base.iter().all(|standing| standing.version + 11 > sink.version), "the oldest have gone");
    assert!(row.base.is_sorted_by_key(|standing| (standing.step.clone(), standing.stream.clone())));
    assert_eq!(row.current().iter().find(|standing| standing.step == step("zip")).unwrap().cursor, json!(30));
}

proptest! {
    /// Whatever is thinned out: a version that is kept says what it said when it was made.
    #[test]
    fn every_version_that_is_kept_is_as_it_was(
        acts in proptest::collection::vec((0..5_u8, proptest::option::of(0..9_u64), 0..4_000_i64), 1..200),
    ) {
        let (mut row, mut was, mut second) = (CheckpointsRow::default(), Vec::new(), 0);
        let mut everything: BTreeMap<String, u64> = BTreeMap::new();
        for (name, cursor, later) in acts {
            second += later;
            let name = format!("s{name}");
            match cursor {
                Some(cursor) => drop(everything.insert(name.clone(), cursor)),
                None => drop(everything.remove(&name)),
            }
            let number = row.newest() + 1;
            row.push(version(number, second, vec![change(&name, cursor)]));
            was.push((number, everything.clone()));
        }
        prop_assert!(row.versions.len() <= VERSIONS_MAX);
        for (number, everything) in &was {
            let Some(standings) = row.at(*number) else { continue };
            let is: BTreeMap<String, u64> =
                standings.iter().map(|one| (one.step.to_string(), one.cursor.as_u64().unwrap())).collect();
            prop_assert_eq!(&is, everything);
        }
        let kept: CheckpointsRow = serde_json::from_str(&serde_json::to_string(&row).unwrap()).unwrap();
        prop_assert_eq!(kept, row);
    }
}
