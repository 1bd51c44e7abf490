//! A console on an engine elsewhere says where that is, how the line there stands, and how old what it shows is.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use flexcore_engine::{unit::Duration, vitals::Vitals};
use flexcore_ui::{
    link::LineState,
    run::Input,
    testing::{Headless, ScriptedLink, Setup, facts},
};
use jiff::SignedDuration;

fn elsewhere() -> ScriptedLink {
    let link = ScriptedLink::with(facts::models()).elsewhere("ssh ana@box");
    link.change(|script| script.vitals = Some(Arc::new(facts::vitals(1))));
    link
}

/// A console whose clock is moved by hand.
fn console(link: &ScriptedLink, size: (u16, u16)) -> (Headless, Arc<AtomicI64>) {
    let seconds = Arc::new(AtomicI64::new(0));
    let passed = seconds.clone();
    let now = move || facts::now() + SignedDuration::from_secs(passed.load(Ordering::Relaxed));
    (Headless::with(Arc::new(link.clone()), Setup { now: Arc::new(now), ..Setup::sized(size.0, size.1) }), seconds)
}

/// Past the next tick of its clock.
const TICK: std::time::Duration = std::time::Duration::from_millis(1_100);

#[test]
fn the_header_says_where_the_engine_is_at_every_size_that_has_room() {
    for size in [(80, 24), (120, 40)] {
        let (mut console, _) = console(&elsewhere(), size);
        console.assert_shows("ssh ana@box").assert_shows("● up ");
    }
    let (mut here, _) = console(&ScriptedLink::with(facts::models()), (120, 40));
    here.assert_hides("ssh");
}

#[test]
fn read_models_on_their_way_are_counted() {
    let link = elsewhere();
    link.set_gone(true);
    let (mut console, _) = console(&link, (80, 24));
    console.assert_shows("no connection yet");
    link.set_line(LineState::Loading { bytes: 119_001, total: Some(480_000) });
    console.settle().assert_shows("reading 120 of 480 kB");
    link.set_line(LineState::Loading { bytes: 119_001, total: None });
    console.settle().assert_shows("reading 120 kB");
    link.set_line(LineState::Up);
    link.set_gone(false);
    console.wait(std::time::Duration::from_secs(6)).assert_shows("● up ");
}

#[test]
fn a_line_that_is_gone_shows_how_old_everything_is_and_when_it_is_tried_again() {
    let link = elsewhere();
    let (mut console, seconds) = console(&link, (80, 24));
    link.set_gone(true);
    link.set_line(LineState::Down);
    seconds.store(130, Ordering::Relaxed);
    console.wait(TICK).assert_shows("no connection, data is 2m10s old");
    link.set_line(LineState::Calling);
    console.settle().assert_shows("connecting, data is 2m10s old");
    link.set_gone(false);
    link.set_line(LineState::Up);
    console.wait(std::time::Duration::from_secs(6)).assert_shows("● up ").assert_shows("the engine answers again");
}

#[test]
fn a_line_that_stands_and_brings_nothing_is_told_by_the_age_of_what_is_shown() {
    let (mut console, seconds) = console(&elsewhere(), (80, 24));
    seconds.store(9, Ordering::Relaxed);
    console.wait(TICK).assert_shows("● up ");
    seconds.store(14, Ordering::Relaxed);
    console.wait(TICK).assert_shows("data is 14s old");
    let at_rest = elsewhere();
    at_rest.measure(Vitals { newer_within: Duration::from_secs(60), ..facts::vitals(2) });
    let (mut rests, seconds) = self::console(&at_rest, (80, 24));
    seconds.store(69, Ordering::Relaxed);
    rests.wait(TICK).assert_shows("● up ");
    seconds.store(71, Ordering::Relaxed);
    rests.wait(TICK).assert_shows("data is 1m11s old");
    let (mut here, seconds) = self::console(&ScriptedLink::with(facts::models()), (80, 24));
    seconds.store(14, Ordering::Relaxed);
    here.wait(TICK).assert_hides("data is");
}

#[test]
fn another_log_is_read_anew_and_nothing_of_the_old_one_stays() {
    let link = elsewhere();
    link.emit(facts::event(101, "quake.seen", "quakes", "{\"mag\":5.1}"));
    let (mut console, _) = console(&link, (120, 40));
    console.assert_shows("quake.seen");
    link.set_gone(true);
    console.settle();
    link.change(|script| {
        script.gone = false;
        script.is_another_log = true;
        script.events = vec![facts::event(150, "order.seen", "orders", "{}")];
    });
    console.wait(std::time::Duration::from_secs(6)).assert_shows("order.seen").assert_hides("quake.seen");
}

#[test]
fn at_rest_the_minute_is_drawn_with_the_figures_that_come_with_it() {
    let link = elsewhere();
    let (mut console, seconds) = console(&link, (80, 24));
    let measure = |after| {
        let (at, newer_within) = (facts::now() + SignedDuration::from_secs(after), Duration::from_secs(60));
        link.measure(Vitals { at, newer_within, runs: Vec::new(), ..facts::vitals(1) });
    };
    for at in [1, 12] {
        seconds.store(at, Ordering::Relaxed);
        measure(at);
        console.wait(TICK);
    }
    assert!(console.model().rest.is_resting());
    console.take_frames();
    // Its own clock would wake it a minute later: it stands still here.
    let minute = 60 - facts::now().as_second().rem_euclid(60);
    seconds.store(minute - 1, Ordering::Relaxed);
    measure(minute - 1);
    assert_eq!(console.settle().take_frames().len(), 0, "figures that tell nothing new are no frame");
    seconds.store(minute, Ordering::Relaxed);
    measure(minute);
    assert_eq!(console.settle().take_frames().len(), 1);
}

#[test]
fn left_alone_it_says_as_of_when_it_is_until_somebody_looks_or_something_happens() {
    let link = elsewhere();
    link.measure(Vitals { newer_within: Duration::from_secs(3_600), runs: Vec::new(), ..facts::vitals(2) });
    let (mut console, seconds) = console(&link, (120, 40));
    let at = |console: &mut Headless, after: i64| {
        seconds.store(after, Ordering::Relaxed);
        console.wait(TICK);
    };
    at(&mut console, 1);
    at(&mut console, 190);
    let shown = (facts::now() + SignedDuration::from_secs(190)).strftime("%H:%M").to_string();
    console.assert_shows(&format!("as of {shown}Z, nothing new since"));
    console.take_frames();
    at(&mut console, 3_000);
    assert_eq!(console.take_frames().len(), 0, "no minute moves it");
    console.send(Input::Bytes(b"\x1b[I".to_vec()));
    console.settle().assert_hides("as of");
    at(&mut console, 3_300);
    console.assert_shows("nothing new since");
    link.emit(facts::event(101, "quake.seen", "quakes", "{\"mag\":5.1}"));
    console.settle().assert_shows("quake.seen").assert_hides("as of");
}
