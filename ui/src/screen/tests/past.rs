//! Every drill-down as it was: nothing of the present in it, and nothing that changes anything.

use super::{SIZES, Stage, TOUR, World};
use crate::model::past::{Meant, read};

/// A console that looks at a position.
fn then(world: World, size: (u16, u16), position: u64) -> Stage {
    let mut stage = Stage::new(world, size);
    stage.press("t").type_text(&format!("#{position}")).press("enter");
    assert_eq!(stage.model.facts.models.position.0, position);
    stage
}

/// The position of the first event of a type after another.
fn of(world: &World, kind: &str, after: u64) -> u64 {
    let known = world.events.iter().find(|event| event.position.0 > after && event.event.kind.as_str() == kind);
    known.expect("the world has one").position.0
}

#[test]
fn every_screen_can_be_drawn_at_every_position_and_size() {
    for size in SIZES.into_iter().chain([(40, 10), (500, 12)]) {
        let newest = World::quakes().events.len() as u64;
        for position in (0..=newest).step_by(13) {
            let mut stage = then(World::quakes(), size, position);
            for keys in TOUR.iter().chain(&["[", "]", "{", "}", "esc"]) {
                stage.press(keys);
                stage.screen();
            }
            assert!(stage.submitted.is_empty());
        }
    }
}

#[test]
fn the_same_position_is_the_same_screen_whether_one_jumps_or_steps() {
    let newest = World::quakes().events.len() as u64;
    for keys in ["", "enter", "enter enter 2", "2 G enter", "4 enter"] {
        let mut stepped = then(World::quakes(), (120, 40), newest);
        stepped.press(keys);
        for position in (newest - 12..newest).rev() {
            stepped.press("[");
            let mut jumped = Stage::new(World::quakes(), (120, 40));
            jumped.press(keys).press("t").type_text(&format!("#{position}")).press("enter");
            assert_eq!(stepped.screen(), jumped.screen(), "{keys} at {position}");
        }
        for position in newest - 11..newest {
            stepped.press("]");
            let mut jumped = Stage::new(World::quakes(), (120, 40));
            jumped.press(keys).press("t").type_text(&format!("#{position}")).press("enter");
            assert_eq!(stepped.model.facts.models, jumped.model.facts.models);
            assert_eq!(stepped.screen(), jumped.screen(), "{keys} at {position}");
        }
    }
}

#[test]
fn a_run_is_what_it_was_then_and_knows_nothing_of_what_came() {
    let world = World::quakes();
    let failed = of(&world, "run.failed", 0);
    let mut stage = then(world, (120, 40), failed - 1);
    stage.press("enter").shows("● active").shows("Runs 2").shows("● running").press("enter").shows("run #2");
    let screen = stage.screen();
    assert!(!screen.contains("cannot compare null and 1   ") && screen.contains("✖ failed"), "{screen}");
    stage.press("3").shows("nothing failed").press("2");
    assert!(!stage.screen().contains("run.failed"));
    stage.press("]").shows("run.failed").shows("✖ failed").press("3").shows("no other try mends it");
    stage.press("[").shows("nothing failed");
}

#[test]
fn what_only_the_present_knows_is_said_to_be_unknown() {
    let mut stage = then(World::quakes(), (120, 40), 30);
    stage.shows("what was in queues is not in the log").shows("what was checked is not in the log");
    stage.press("4 enter").shows("are not in the log").press("q 1 enter enter tab tab tab tab").shows("not in the log of events");
    stage.press("D").shows("messages are no events").shows("It was not declared then");
    assert!(!stage.screen().contains("us7000"));
    stage.press("esc").shows("Dead letters 40").shows("us7000");
}

#[test]
fn the_next_moment_is_the_one_that_was_next_then() {
    let world = World::quakes();
    let activated = of(&world, "pipeline.activated", 0);
    let mut stage = then(world, (120, 40), activated);
    stage.shows("30s").press("enter 2").shows("in 30s").shows("2026-01-31 08:05:21Z");
    stage.press("[").shows("The pipeline is draft");
}

#[test]
fn an_event_leads_to_everything_as_it_was_right_after_it() {
    let mut stage = Stage::new(World::quakes(), (120, 40));
    stage.press("2 g g j b").shows("PAST").shows("#2 of ").shows(" PAST ");
    stage.press("enter").shows("overview › event 2").press("]").shows("overview › event 3").press("esc").shows("event 3");
    stage.press("b").shows("#3 of ").press("q").shows("2 Events").press("q").shows("PAUSED");
    assert!(stage.model.past.is_none());
    stage.press("1 enter j enter 2 k b").shows("PAST").shows("run #2");
    let world = World::quakes();
    let (now, live) = (super::world::now(), stage.model.live());
    assert_eq!(read("now", now, &live.zone, live.models.position), Ok(Meant::Now));
    assert_eq!(live.models, world.models());
}

#[test]
fn no_action_is_done_in_the_past() {
    let mut stage = then(World::quakes(), (80, 24), 30);
    for key in ["a", "p", "r", "R", "X", "A", "n", "E"] {
        stage.press(key).shows("this is the past: ").shows("is off until esc returns to now");
    }
    stage.press("enter p").shows("pause is off").press("enter X").shows("cancel-run is off");
    stage.press(":").type_text("archive quakes").press("enter").shows("is off");
    stage.press("-  - D U").shows("redrive is off");
    assert!(stage.submitted.is_empty() && stage.model.overlay.is_none());
}
