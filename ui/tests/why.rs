//! "Why is it so?" through a link that only reads the log: the events are asked for, whatever engine is behind it.

use std::sync::Arc;

use flexcore_engine::{
    event::{Envelope, Event, pipeline::PipelinePaused},
    projection::board::PipelineState,
};
use flexcore_ui::testing::{Headless, ScriptedLink, facts};

fn paused(position: u64, pipeline: &str, reason: &str) -> Envelope {
    let event = Event::from(PipelinePaused { reason: reason.into() });
    let mut envelope = facts::event(position, event.kind(), &format!("pipeline/{pipeline}"), "");
    envelope.event.data = event.data();
    envelope
}

fn engine() -> ScriptedLink {
    let mut models = facts::models();
    // Its stream's name begins like that of another one.
    let other = facts::pipeline("quakes-2", PipelineState::Active);
    models.board.pipelines.insert(other.name.clone(), other);
    let link = ScriptedLink::with(models);
    link.change(|script| {
        script.events = vec![paused(101, "quakes", "bad data"), paused(102, "quakes-2", "lunch")];
        script.vitals = Some(Arc::new(facts::vitals(1)));
    });
    link
}

#[test]
fn the_events_of_the_one_that_is_asked_about_are_read_and_no_others() {
    let link = engine();
    let mut console = Headless::new(Arc::new(link.clone()), 120, 40);
    console.press(":").type_text("why quakes").press("enter");
    console.assert_shows("quakes is paused by alice at 2026-01-31 10:03:10Z: bad data").assert_shows("paused: bad data");
    console.assert_hides("lunch").press("enter").assert_shows("overview › why quakes › event 101");
}

#[test]
fn what_the_log_no_longer_holds_is_told_from_what_is_remembered() {
    let mut console = Headless::new(Arc::new(engine()), 120, 40);
    console.press(":").type_text("why nightly").press("enter");
    console.assert_shows("nightly is paused by alice").assert_shows("paused since then").press("enter");
    console.assert_shows("its event is no longer kept: the read models remember it");
}

#[test]
fn an_engine_that_is_gone_is_said() {
    let link = engine();
    let mut console = Headless::new(Arc::new(link.clone()), 120, 40);
    link.set_gone(true);
    console.settle().press(":").type_text("why quakes").press("enter").assert_shows("no connection to the engine");
}
