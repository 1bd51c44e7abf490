//! The program killed as nobody can refuse to be killed.

use std::{
    fs,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::process::Place;

/// A deadline for what must be seen to happen.
const WITHIN: Duration = Duration::from_secs(30);

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + WITHIN;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "not within {WITHIN:?}: {what}");
        std::thread::yield_now();
    }
}

fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim_start().starts_with(['Z', 'X']))
}

#[test]
fn what_its_steps_started_ends_with_it_and_with_what_that_started() {
    let place = Place::with(
        "
name: stays
mode: continuous
steps:
  - {name: make, uses: process.read, with: {shell: 'sleep 1000 & echo $$ $! >pids; echo 1; wait'}}
  - {name: out, uses: drop}
",
    );
    let mut running = place.start(&["serve", "."]);
    let pids = until("both processes run", || {
        let text = fs::read_to_string(place.path("pids")).ok()?;
        text.ends_with('\n').then(|| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    });
    assert_eq!(pids.len(), 2);
    assert!(pids.iter().all(|pid| is_alive(pid)));
    running.signal(Signal::KILL);
    running.end();
    until("both have ended", || pids.iter().all(|pid| !is_alive(pid)).then_some(()));
}
