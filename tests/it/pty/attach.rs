//! `flexcore attach` in a terminal, and a second console on a data directory in use.

use std::fs;

use rustix::process::Signal;

use super::{SIZE, terminal::Terminal};
use crate::run::process::{Place, Running};

const COPY: &str = "
name: copy
steps:
  - {name: make, uses: generate, with: {count: 3, template: '{n: $n}'}}
  - {name: out, uses: drop}
";

fn serve(place: &Place) -> Running {
    let mut running = place.start(&["serve", ".", "--data", "data"]);
    running.until("serving until SIGTERM");
    running
}

fn left(mut terminal: Terminal) {
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0, "{}", terminal.contents());
    terminal.assert_restored();
}

#[test]
fn attach_draws_a_running_engine_and_leaves_it_running() {
    let place = Place::with(COPY);
    let mut engine = serve(&place);
    let data = place.path("data").to_str().unwrap().to_owned();
    let mut terminal = Terminal::console((80, 24), &["attach", &data]);
    terminal.wait_for("copy");
    terminal.wait_for("attached");
    terminal.press("r");
    terminal.wait_for("one run of revision 1");
    terminal.press("y");
    terminal.wait_for("run.succeeded");
    terminal.wait_for(": done");
    left(terminal);
    engine.signal(Signal::TERM);
    assert_eq!(engine.end().code(), Some(0), "{}", engine.told);
}

#[test]
fn a_second_console_on_a_data_directory_attaches_and_says_so() {
    let place = Place::with(COPY);
    let data = place.path("data").to_str().unwrap().to_owned();
    let first = Terminal::console(SIZE, &["--data", &data, place.path("p.pipeline.yaml").to_str().unwrap()]);
    first.wait_for("copy");
    let second = Terminal::console(SIZE, &["--data", &data, "--read-only"]);
    second.wait_for("copy");
    second.wait_for("attached to process ");
    second.wait_for("leaving stops nothing");
    second.wait_for("(read-only)");
    // Each is told of the other, both being this user's.
    first.wait_for("with ");
    second.wait_for("with ");
    left(second);
    left(first);
}

#[test]
fn another_machine_is_reached_by_ssh_and_reached_again() {
    let place = Place::with(COPY);
    let engine = serve(&place);
    // What the shell on the other machine would do.
    let ssh = place.path("ssh");
    fs::write(&ssh, "#!/bin/sh\necho Welcome\nfor last; do :; done\nexec sh -c \"$last\"\n").unwrap();
    let ssh = format!("sh {}", ssh.display());
    let data = place.path("data").to_str().unwrap().to_owned();
    let program = env!("CARGO_BIN_EXE_flexcore");
    let arguments = ["attach", "--host", "me@box", "--remote-program", program, &data];
    let terminal = Terminal::console_with((80, 24), &arguments, &[("FLEXCORE_SSH_COMMAND", &ssh)]);
    terminal.wait_for("copy");
    terminal.wait_for("ssh me@box");
    engine.signal(Signal::KILL);
    drop(engine);
    terminal.wait_for("no connection, data is");
    let _engine = serve(&place);
    terminal.wait_for("the engine answers again");
    terminal.wait_for("● up");
    left(terminal);
}

#[test]
fn what_is_not_there_is_said_in_a_sentence_and_nothing_is_drawn() {
    let place = Place::with(COPY);
    let told = |arguments: &[&str], code: i32, wanted: &str| {
        let done = place.done(arguments);
        assert_eq!((done.code, &*done.out), (Some(code), ""), "{}", done.told);
        assert!(done.told.contains(wanted), "{}", done.told);
    };
    let frame = ["--snapshot", "80x24"];
    told(&[&["attach", "none.sock"], &frame[..]].concat(), 2, "no engine runs at none.sock");
    told(&[&["attach"], &frame[..]].concat(), 2, "no engine of yours is running");
    told(&[&["attach", "."], &frame[..]].concat(), 2, "is not a data directory");
    told(&[&["attach", "--url", "box"], &frame[..]].concat(), 2, "begins with http:// or https://");
    told(&[&["attach", "--url", "https://box", "--token-file", "none"], &frame[..]].concat(), 2, "cannot read the token in none");
    told(&[&["attach", "--host", "-oProxyCommand=x"], &frame[..]].concat(), 2, "");
    told(&["attach", "none.sock"], 2, "terminal");
    told(&["bridge", "--stdio", "none.sock"], 1, "none.sock");
    let mut engine = serve(&place);
    let shown = place.done(&["attach", "data", "--snapshot", "80x24"]);
    assert!(shown.code == Some(0) && shown.out.contains("copy") && shown.out.contains("attached"), "{shown:?}");
    engine.signal(Signal::TERM);
    engine.end();
    told(&[&["attach", "data"], &frame[..]].concat(), 2, "no engine has the data directory data open");
}
