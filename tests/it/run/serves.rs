//! The engine without a console.

use std::{io::Read, process::Stdio};

use rustix::process::Signal;

use super::process::{Place, Running};

const LIVE: &str = "
name: live
mode: continuous
steps:
  - {name: make, uses: generate, with: {interval: 5ms, template: '{n: $n}'}}
  - {name: out, uses: stdout}
";

const STUBBORN: &str = "
name: stubborn
mode: continuous
steps:
  - {name: make, uses: process.read, with: {shell: 'trap \"\" TERM; echo 1; while true; do sleep 1000; done'}}
  - {name: out, uses: stdout}
";

fn first_record(running: &mut Running, expected: &[u8]) {
    let mut first = vec![0; expected.len()];
    running.child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(first, expected);
}

#[test]
fn sigterm_drains_what_is_in_flight_and_says_what_it_is() {
    let place = Place::with(LIVE);
    let mut running = place.start(&["serve", "."]);
    first_record(&mut running, b"{\"n\":1}\n");
    running.signal(Signal::TERM);
    assert_eq!(running.end().code(), Some(0), "{}", running.told);
    for expected in ["serving until SIGTERM", "pipelines=1", "signal=\"SIGTERM\"", "in flight: live run ", "stopped left=0"] {
        assert!(running.told.contains(expected), "{expected}: {}", running.told);
    }
}

#[test]
fn what_does_not_stop_within_the_grace_is_told_and_is_a_failure() {
    let place = Place::with(STUBBORN);
    let mut running = place.start(&["serve", ".", "--set", "shutdown_grace=50ms"]);
    first_record(&mut running, b"1\n");
    running.signal(Signal::INT);
    assert_eq!(running.end().code(), Some(1), "{}", running.told);
    assert!(running.told.contains("given up: stubborn run "), "{}", running.told);
}

#[test]
fn a_second_signal_stops_at_once() {
    let place = Place::with(STUBBORN);
    let mut running = place.start(&["serve", ".", "--set", "shutdown_grace=1h"]);
    first_record(&mut running, b"1\n");
    running.signal(Signal::TERM);
    running.until("in flight: stubborn");
    running.signal(Signal::TERM);
    assert_eq!(running.end().code(), Some(1), "{}", running.told);
    assert!(running.told.contains("stopped at once"), "{}", running.told);
}

#[test]
fn a_folder_with_a_mistake_is_not_served() {
    let place = Place::with(LIVE);
    place.write("bad.pipeline.yaml", "name: bad\n");
    let done = place.done(&["serve", "."]);
    assert_eq!((done.code, &*done.out), (Some(2), ""), "{}", done.told);
    assert!(done.told.contains("bad.pipeline.yaml:1:1: "), "{}", done.told);
}

#[test]
fn an_engine_serves_without_pipelines() {
    let place = Place::new();
    let mut running = place.start(&["serve"]);
    running.until("serving until SIGTERM");
    running.signal(Signal::HUP);
    assert_eq!(running.end().code(), Some(0), "{}", running.told);
}

#[test]
fn a_run_that_fails_is_in_the_log_with_its_reason() {
    let place = Place::with(
        "
name: fails
triggers: [{interval: 1s}]
steps:
  - {name: read, uses: file.read, with: {path: none.ndjson}}
  - {name: out, uses: drop}
",
    );
    let mut running = place.start(&["serve", "."]);
    running.until("ERROR");
    assert!(running.told.contains("step read: there is no file `none.ndjson`"), "{}", running.told);
    running.signal(Signal::TERM);
    assert_eq!(running.end().code(), Some(0), "{}", running.told);
}

#[test]
fn the_file_of_alerts_is_checked_at_the_start_and_read_again_on_sighup() {
    let place = Place::with(LIVE);
    let arguments = ["serve", ".", "--set", "alerts.rules=alerts.yaml"];
    let broken = "rules:\n  - {name: busy, figure: process.memori, above: 0}\n";
    place.write("alerts.yaml", broken);
    let refused = place.done(&arguments);
    assert_eq!(refused.code, Some(2), "{}", refused.told);
    assert!(refused.told.contains("alerts.yaml:2:26: "), "{}", refused.told);
    place.write("alerts.yaml", "rules: []\n");
    let mut running = place.start(&arguments);
    first_record(&mut running, b"{\"n\":1}\n");
    place.write("alerts.yaml", broken);
    running.signal(Signal::HUP);
    running.until("alerts.yaml:2:26: ");
    place.write("alerts.yaml", "rules: [{name: busy, figure: process.memory, above: 0, summary: it lives}]\n");
    running.signal(Signal::HUP);
    running.until("the file of alerts was read again");
    running.until("it lives: ");
    running.signal(Signal::TERM);
    assert_eq!(running.end().code(), Some(0), "{}", running.told);
}

#[test]
#[cfg(target_os = "linux")]
fn an_engine_whose_log_lines_cannot_be_written_works_on() {
    let place = Place::with(LIVE);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut serve = place.command(&["serve", ".", "--set", "socket=s"]);
    let mut child = serve.stdout(Stdio::null()).stderr(full).spawn().unwrap();
    // Every answer is a line less that could be written: it is asked until it has been there, and then some more.
    let mut asked = || {
        assert!(child.try_wait().unwrap().is_none(), "it has fallen");
        place.done(&["pipeline", "pause", "none", "--socket", "s"]).told
    };
    while !asked().contains("there is no pipeline `none`") {}
    for _ in 0..3 {
        assert!(asked().contains("there is no pipeline `none`"));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
