//! Signals while a run is on its way.

use rustix::process::Signal;

use super::process::Place;

/// Says when it has begun, and then does not end by itself.
const WAITS: &str = "
name: waits
steps:
  - {name: sit, uses: process.run, with: {shell: 'echo here; sleep 1000'}}
";

#[test]
fn ctrl_c_stops_a_run_and_its_exit_code_says_so() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let place = Place::with(WAITS);
        let mut running = place.start(&["run", "p.pipeline.yaml"]);
        running.until("sit: here");
        running.signal(signal);
        assert_eq!(running.end().code(), Some(1), "{}", running.told);
        assert!(running.told.contains("the run stops; once more gives it up"), "{}", running.told);
        assert!(running.told.contains("waits was stopped after "), "{}", running.told);
    }
}

#[test]
fn a_second_ctrl_c_gives_up_what_does_not_let_go() {
    let place = Place::with(&WAITS.replace("echo here", "trap \"\" TERM; echo here; sleep 1000; sleep 1000"));
    let mut running = place.start(&["run", "p.pipeline.yaml"]);
    running.until("sit: here");
    running.signal(Signal::INT);
    running.until("once more gives it up");
    running.signal(Signal::INT);
    assert_eq!(running.end().code(), Some(1), "{}", running.told);
    assert!(running.told.contains("SIGINT again: given up"), "{}", running.told);
}

#[test]
fn a_continuous_pipeline_that_drains_when_it_is_stopped_did_what_it_was_asked() {
    let place = Place::with(
        "
name: live
mode: continuous
steps:
  - {name: make, uses: generate, with: {interval: 1ms, template: '{n: $n}'}}
  - {name: out, uses: file.write, with: {path: out.ndjson, mode: append}}
  - {name: mark, uses: stdout, needs: [make]}
",
    );
    let mut running = place.start(&["run", "p.pipeline.yaml"]);
    let mut first = [0; 8];
    std::io::Read::read_exact(running.child.stdout.as_mut().unwrap(), &mut first).unwrap();
    running.signal(Signal::TERM);
    assert_eq!(running.end().code(), Some(0), "{}", running.told);
    assert!(running.told.contains("live was stopped after "), "{}", running.told);
    let written = place.read("out.ndjson");
    assert!(written.starts_with("{\"n\":1}\n") && written.ends_with("}\n"), "{written}");
}

#[test]
fn a_stopped_run_takes_its_grandchildren_with_it() {
    let place = Place::with(&WAITS.replace("echo here; sleep 1000", "sleep 1000 & echo pid $! .; sleep 1000"));
    let mut running = place.start(&["run", "p.pipeline.yaml"]);
    running.until("pid ");
    let words: Vec<&str> = running.told.lines().last().unwrap().split_whitespace().collect();
    let id = words[words.len() - 2].to_owned();
    let status = std::path::PathBuf::from(format!("/proc/{id}/stat"));
    assert!(status.exists());
    running.signal(Signal::INT);
    assert_eq!(running.end().code(), Some(1), "{}", running.told);
    let left = std::fs::read_to_string(status).unwrap_or_default();
    assert!(left.is_empty() || left.contains(") Z "), "{left}");
}
