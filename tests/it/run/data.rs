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
    assert!(ends_stopped(&place), "a frame is a short visit, and no crash");
}

/// Whether the newest event of the log says that the engine stopped.
fn ends_stopped(place: &Place) -> bool {
    place.done(&["events", "data"]).out.lines().last().is_some_and(|line| line.contains("engine.stopped"))
}

#[cfg(feature = "listener")]
#[test]
fn an_engine_that_cannot_listen_has_stopped_all_the_same() {
    let place = Place::with(PIPELINE);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for way in [&["serve"][..], &[".", "--snapshot", "80x24"]] {
        let done = place.done(&[way, &["--data", "data", "--http", &address]].concat());
        assert!(done.code != Some(0) && done.told.contains(&address), "{way:?}: {}", done.told);
        assert!(ends_stopped(&place), "{way:?}");
    }
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

/// The lines of the file that a counting pipeline writes.
#[cfg(feature = "listener")]
fn counted(place: &Place) -> Vec<u64> {
    let number = |line: &str| serde_json::from_str::<Value>(line).unwrap()["n"].as_u64().unwrap();
    let text = fs::read_to_string(place.path("out.ndjson")).unwrap_or_default();
    // Half a line may be on its way.
    text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(number).collect()
}

#[cfg(feature = "listener")]
fn until(mut is_so: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "it does not come to that");
        std::thread::yield_now();
    }
}

#[cfg(feature = "listener")]
#[test]
fn a_continuous_pipeline_goes_on_after_a_restart_and_from_a_version_of_its_checkpoints_with_its_file() {
    let place = Place::with(
        "
name: p
mode: continuous
checkpoint: {every: 5ms, records: 10}
steps:
  - {name: make, uses: generate, with: {interval: 1ms, template: '{n: $n}'}}
  - {name: out, uses: file.write, with: {path: out.ndjson, mode: append}}
",
    );
    let in_order = |place: &Place| {
        let counted = counted(place);
        assert!(counted.iter().copied().eq(1..=counted.len() as u64), "{counted:?}");
        counted.len()
    };
    let first = serve(&place);
    until(|| counted(&place).len() > 20);
    stop(first);
    let before = in_order(&place);
    let running = serve(&place);
    until(|| counted(&place).len() > before);
    let done = |arguments: &[&str]| {
        let done = place.done(arguments);
        assert_eq!(done.code, Some(0), "{arguments:?}: {}", done.told);
        done.out
    };
    let refused = place.done(&["pipeline", "checkpoint", "rollback", "p", "0"]);
    assert!(refused.code == Some(1) && refused.told.contains("has 1 live run(s)"), "{}", refused.told);
    done(&["pipeline", "pause", "p"]);
    let state = || serde_json::from_str::<Value>(&done(&["pipeline", "show", "p", "--json"])).unwrap();
    until(|| state()["live"] == serde_json::json!([]));
    in_order(&place);
    let listed: Value = serde_json::from_str(&done(&["pipeline", "checkpoints", "p", "--json"])).unwrap();
    let oldest = listed["items"].as_array().unwrap().last().unwrap();
    let version = oldest["version"].to_string();
    assert!(done(&["pipeline", "checkpoints", "p"]).contains("STANDS AT"));
    assert!(done(&["pipeline", "checkpoint", "diff", "p", &version]).contains("out.ndjson"));
    let back: Value = serde_json::from_str(&done(&["pipeline", "checkpoint", "rollback", "p", &version, "--json"])).unwrap();
    for change in oldest["changes"].as_array().unwrap() {
        let same = |standing: &&Value| standing["step"] == change["step"] && standing["cursor"] == change["cursor"];
        assert!(back["current"].as_array().unwrap().iter().any(|standing| same(&standing)), "{back}");
    }
    done(&["pipeline", "resume", "p"]);
    let made = || done(&["pipeline", "checkpoints", "p", "--json"]);
    until(|| serde_json::from_str::<Value>(&made()).unwrap()["items"][0]["kind"] == "run");
    stop(running);
    in_order(&place);
    let running = serve(&place);
    let unread = place.done(&["pipeline", "checkpoint", "set", "p", "make", "generate", "{n:7}"]);
    assert!(unread.code == Some(2) && unread.told.contains("is not JSON"), "{}", unread.told);
    stop(running);
}
