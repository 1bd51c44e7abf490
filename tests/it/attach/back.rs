//! Engines that end under an attached console, and come back.

use std::sync::Arc;

use flexcore::attach::{Carrier, RemoteLink};
use flexcore_ui::{
    model::Model,
    testing::{Headless, Setup},
};
use jiff::Timestamp;
use rustix::process::Signal;

use crate::run::process::{Place, Running};

const LIVE: &str = "
name: live
mode: continuous
steps:
  - {name: make, uses: generate, with: {interval: 20ms, template: '{n: $n}'}}
  - {name: out, uses: drop}
";

fn serve(place: &Place, data: &[&str]) -> Running {
    let mut running = place.start(&[&["serve", ".", "--set", "socket=engine.sock"], data].concat());
    running.until("serving until SIGTERM");
    running
}

fn attached(place: &Place) -> Headless {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let carrier = Carrier::Socket(Some(place.path("engine.sock")));
    let link = runtime.block_on(RemoteLink::connect(carrier, false)).unwrap();
    Headless::live(runtime, Arc::new(link), Setup { now: Arc::new(Timestamp::now), ..Setup::sized(120, 40) })
}

fn assert_gapless(model: &Model) {
    let positions: Vec<_> = model.facts.events.iter().map(|line| line.envelope.position.0).collect();
    let wanted: Vec<_> = (positions[0]..).take(positions.len()).collect();
    assert_eq!(positions, wanted, "no event is missing, and none is there twice");
    assert_eq!(model.facts.dropped, 0);
}

#[test]
fn a_killed_engine_leaves_a_usable_console_that_goes_on_with_the_next() {
    let place = Place::with(LIVE);
    let first = serve(&place, &["--data", "data"]);
    let mut console = attached(&place);
    console.until("● running").until("run.started");
    let seen = console.model().facts.models.position;
    first.signal(Signal::KILL);
    console.until("no connection, data is ").press("/").type_text("nothing").until("0/1").press("esc enter");
    console.until("overview › live").press("p").until("Pause live").type_text("away").press("enter");
    console.until("not done, and nothing was sent").assert_hides("paused because");
    drop(first);
    let second = serve(&place, &["--data", "data"]);
    console.until("the engine answers again").until("● up");
    console.press("p").until("Pause live").type_text("back").press("enter").until("paused because back");
    console.press("esc").until("‖ paused");
    let model = console.model();
    assert!(model.facts.models.position > seen && model.facts.events.iter().any(|line| line.envelope.position == seen));
    assert_gapless(model);
    drop(second);
}

#[test]
fn an_engine_that_forgot_everything_is_read_anew() {
    let place = Place::with(LIVE);
    let first = serve(&place, &[]);
    let mut console = attached(&place);
    console.until("run.started").press("p").until("Pause live").press("y").until("‖ paused");
    first.signal(Signal::KILL);
    console.until("no connection, data is ");
    drop(first);
    let _second = serve(&place, &[]);
    console.until("the engine began another log").until("● running").assert_hides("‖ paused");
    assert_gapless(console.model());
    assert_eq!(console.model().facts.events.iter().next().unwrap().envelope.position.0, 1);
}
