//! `--data DIR`: what outlives the process.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use super::process::{Place, Running};

const PIPELINE: &str = "
name: p
steps:
  - {name: make, uses: generate, with: {count: 3, template: '{n: $n}'}}
  - {name: out, uses: file.write, with: {path: out.ndjson}}
";

fn serve(place: &Place) -> Running {
    let mut running = place.start(&["serve", ".", "--data", "data"]);
    running.until("serving until SIGTERM");
    running
}

fn stop(mut running: Running) -> String {
    running.signal(Signal::TERM);
    assert_eq!(running.end().code(), Some(0), "{}", running.told);
    std::mem::take(&mut running.told)
}

/// Types of all events, with those that an engine writes at every start left out.
fn types(place: &Place) -> Vec<String> {
    let done = place.done(&["events", "data", "--json"]);
    assert_eq!(done.code, Some(0), "{}", done.told);
    let kind = |line: &str| serde_json::from_str::<Value>(line).unwrap()["type"].as_str().unwrap().to_owned();
    done.out.lines().map(kind).filter(|kind| kind.starts_with("pipeline.") || kind.starts_with("command.")).collect()
}

#[test]
fn a_restart_on_files_that_did_not_change_changes_nothing() {
    let place = Place::with(PIPELINE);
    stop(serve(&place));
    let first = types(&place);
    assert_eq!(first, ["pipeline.created", "pipeline.activated"]);
    let told = stop(serve(&place));
    assert!(told.contains("opened") && !told.contains("without giving it back"), "{told}");
    assert_eq!(types(&place), first);
    place.write("p.pipeline.yaml", &PIPELINE.replace("count: 3", "count: 4"));
    stop(serve(&place));
    assert_eq!(types(&place), ["pipeline.created", "pipeline.activated", "pipeline.revised"]);
    fs::remove_file(place.path("p.pipeline.yaml")).unwrap();
    let mut running = place.start(&["serve", "--data", "data"]);
    running.until("serving until SIGTERM");
    stop(running);
    assert_eq!(types(&place).len(), 3, "a pipeline whose file is gone stays as it is");
}

#[test]
fn a_second_process_is_told_who_has_the_directory_and_a_dead_one_is_taken_over() {
    let place = Place::with(PIPELINE);
    let mut running = serve(&place);
    let done = place.done(&["serve", "--data", "data"]);
    assert_eq!(done.code, Some(1));
    let expected = format!("the data directory data is in use by process {} on ", running.child.id());
    assert!(done.told.contains(&expected) && done.told.contains(" since 2"), "{}", done.told);
    running.child.kill().unwrap();
    let process = running.child.id();
    running.end();
    let told = stop(serve(&place));
    let expected = format!("process {process} on ");
    assert!(told.contains(&expected) && told.contains("ended without giving it back"), "{told}");
    assert_eq!(types(&place), ["pipeline.created", "pipeline.activated"]);
}

#[test]
fn runs_of_the_command_line_are_kept_too() {
    let place = Place::with(PIPELINE);
    for _ in 0..2 {
        let done = place.done(&["run", "p.pipeline.yaml", "--data", "data"]);
        assert_eq!(done.code, Some(0), "{}", done.told);
    }
    let expected =
        ["pipeline.created", "pipeline.run_requested", "pipeline.run_ended", "pipeline.run_requested", "pipeline.run_ended"];
    assert_eq!(types(&place), expected);
}

#[test]
fn a_directory_that_cannot_be_opened_is_an_error_and_never_memory() {
    let place = Place::with(PIPELINE);
    stop(serve(&place));
    let segment = place.path("data/log/0000000001.journal");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[200] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let done = place.done(&["serve", "--data", "data"]);
    assert_eq!(done.code, Some(1));
    assert!(done.told.contains("`flexcore doctor data` says more") && done.told.contains("damaged at byte"), "{}", done.told);
    fs::create_dir(place.path("other")).unwrap();
    place.write("other/notes.txt", "mine");
    let done = place.done(&["serve", "--data", "other"]);
    assert!(done.told.contains("other is not a data directory: it has no file FORMAT"), "{}", done.told);
}

#[test]
fn the_console_says_where_everything_is_kept() {
    let place = Place::with(PIPELINE);
    let done = place.done(&[".", "--data", "data", "--snapshot", "160x40", "--after", "1"]);
    assert_eq!(done.code, Some(0), "{}", done.told);
    assert!(done.out.lines().next().unwrap().contains("log journal data"), "{}", done.out);
}

#[cfg(feature = "listener")]
#[test]
fn what_operators_did_outlives_a_restart_until_the_file_changes() {
    let place = Place::with(PIPELINE);
    stop(serve(&place));
    place.write("p.pipeline.yaml", &PIPELINE.replace("count: 3", "count: 4"));
    let running = serve(&place);
    for arguments in [&["pipeline", "rollback", "p", "1"][..], &["pipeline", "pause", "p"]] {
        let done = place.done(arguments);
        assert_eq!(done.code, Some(0), "{}", done.told);
    }
    stop(running);
    let before = types(&place);
    assert_eq!(before[2..], ["pipeline.revised", "pipeline.revised", "pipeline.paused"]);
    stop(serve(&place));
    assert_eq!(types(&place), before, "it stays rolled back, and paused");
    place.write("p.pipeline.yaml", &PIPELINE.replace("count: 3", "count: 5"));
    let running = serve(&place);
    let listed = place.done(&["pipeline", "list"]).out;
    assert!(listed.contains(" paused"), "{listed}");
    stop(running);
    assert_eq!(types(&place)[5..], ["pipeline.revised"]);
}
