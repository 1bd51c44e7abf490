//! "Why is it so?" in the whole console: by key and palette, of pipelines, runs, queues and events, now and then.

use flexcore_engine::event::{pipeline::PipelinePaused, system::EngineStopped};

use super::{SIZES, Stage, TOUR, World, world};

/// The pipeline is paused while its third run still lives.
fn paused() -> World {
    let mut world = World::quakes();
    world.say("pipeline/quakes", PipelinePaused { reason: "bad data since noon".into() }, 20, 9);
    world
}

#[test]
fn a_failed_run_is_told_with_its_facts_what_comes_next_and_what_can_be_done() {
    for size in SIZES {
        let mut stage = Stage::new(World::quakes(), size);
        stage.press("enter j enter K").shows("why quakes #2").shows("failed in attempt 1: step clean: cannot compare null");
        stage.shows("Because: 5 facts").shows("Next").shows("What can be done").shows("flexcore runs retry");
        insta::assert_snapshot!(format!("why-run-{}x{}", size.0, size.1), stage.screen());
    }
}

#[test]
fn a_paused_pipeline_is_told_and_resumed_from_there() {
    for size in SIZES {
        let mut stage = Stage::new(paused(), size);
        stage.press("K").shows("overview › why quakes").shows("quakes is paused by alice at");
        stage.shows("bad data since noon").shows("flexcore pipeline resume quakes");
        insta::assert_snapshot!(format!("why-pipeline-{}x{}", size.0, size.1), stage.screen());
        stage.press("a").shows("that is nothing that would help here");
        stage.press("p").shows("Resume quakes").press("y");
        assert!(stage.submits(0).contains("Resume"), "{}", stage.submits(0));
        stage.press("X").shows("Cancel run #3 of quakes").press("esc");
    }
}

#[test]
fn a_fact_leads_to_its_event_and_to_everything_as_it_was_then() {
    let mut stage = Stage::new(paused(), (120, 40));
    stage.press("K enter").shows("pipeline.paused").shows("bad data since noon").press("q");
    stage.shows("Because").press("G b").shows("PAST").shows("quakes is a draft, made by alice");
    stage.shows("What could be done then: actions are off in the past");
    stage.press("a").shows("activate is off until esc returns to now");
    stage.press("]").shows("quakes is active, and no run was asked for yet");
    stage.press("esc").shows("quakes is paused by alice at");
    assert!(stage.submitted.is_empty());
}

#[test]
fn the_palette_asks_by_name_also_in_the_past() {
    let mut stage = Stage::new(World::quakes(), (80, 24));
    stage.press("4 :").type_text("why qua").shows("why quakes.dead").press("enter").shows("› why quakes ─").press("q");
    stage.press(":").type_text("why quakes.dead").press("enter").shows("› why quakes.dead ─").shows("dead letters of quakes");
    stage.press("q t").type_text("#2").press("enter").press(":").type_text("why quakes").press("enter");
    stage.shows("PAST").shows("quakes is active, and no run was asked for yet");
}

#[test]
fn queues_events_and_alerts_are_asked_about_with_the_same_key() {
    let mut stage = Stage::new(World::quakes(), (80, 24));
    stage.press("3 K").shows("why orders").shows("no pipeline receives from it").press("D").shows("queue orders").press("q q");
    stage.press("3 j enter K").shows("why quakes.dead").press("P").shows("› quakes ─").press("q q q");
    stage.press("2 g g K").shows("› why quakes ─").press("q enter K").shows("event 1 › why quakes");
}

#[test]
fn what_is_not_there_is_said() {
    let mut world = World::quakes();
    world.say("run/0190beef-0000-7000-8000-000000000000", EngineStopped { runs_in_flight: 0 }, 2, 9);
    let mut stage = Stage::new(world, (80, 24));
    stage.press("2 G K").shows("there is no run 00000000, and no event of it is kept");
}

#[test]
fn an_answer_of_another_moment_is_not_shown() {
    let mut stage = Stage::new(paused(), (80, 24));
    stage.press("K");
    stage.world.holds_why = true;
    stage.press("[ [").shows("PAST");
    let held = stage.world.held.take();
    assert!(held.is_some(), "the screen asks for the moment that is shown");
    stage.press("[");
    stage.world.holds_why = false;
    let (tag, answer) = held.unwrap();
    stage.send(crate::msg::Msg::Answer(tag, answer));
    let position = stage.model.facts.models.position;
    assert!(position < world::paused_at(&stage.world));
    stage.shows("quakes is active: run #3 is running");
}

#[test]
fn it_can_be_drawn_in_every_size_at_every_step() {
    for size in [(40, 10), (41, 11), (80, 24), (500, 12)] {
        let mut stage = Stage::new(paused(), size);
        stage.press("K G k [ [ { esc q");
        for keys in TOUR {
            stage.press(keys).press("K");
            stage.screen();
            stage.press("q");
        }
    }
}
