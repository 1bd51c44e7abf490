//! Every drill-down as it was: nothing of the present in it, and nothing that changes anything.

use flexcore_engine::{
    event::pipeline::{PipelineCreated, Source},
    pipeline::revision,
};

use super::{SIZES, Stage, TOUR, World};
use crate::{
    model::past::{Meant, read},
    msg::Msg,
    update::update,
};

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
    // Every place, with every key of it that changes something: each press is refused, and says which action it was.
    for keys in ["1", "3 g g", "1 enter", "1 enter enter", "1 g g D", "#"] {
        let mut stage = then(World::quakes(), (80, 24), 30);
        stage.press(keys);
        let bound: Vec<(String, &str)> = stage
            .model
            .keymap
            .lines(stage.model.scopes())
            .into_iter()
            .filter(|line| line.binding.changes)
            .map(|line| (line.first_key(), line.binding.name))
            .collect();
        assert!(!bound.is_empty(), "{keys}");
        for (key, name) in bound {
            let said = stage.model.messages.all().len();
            stage.press(&key);
            let all = stage.model.messages.all();
            assert!(all.len() > said, "{key} at `{keys}` says nothing");
            let last = all.back().map(|message| message.text.clone()).unwrap_or_default();
            assert_eq!(last, format!("this is the past: {name} is off until esc returns to now"), "{key} at `{keys}`");
            assert!(stage.model.overlay.is_none() && stage.model.past.is_some(), "{key} at `{keys}`");
        }
        stage.press(":").type_text("archive quakes").press("enter").shows("is off");
        assert!(stage.submitted.is_empty());
    }
}

#[test]
fn what_was_marked_and_where_the_cursor_was_is_so_again_afterwards() {
    let mut world = World::quakes();
    let created = PipelineCreated {
        revision: revision::of(&super::world::definition(&serde_json::json!({"name": "tides"}))),
        definition: super::world::definition(&serde_json::json!({"name": "tides"})),
        source: Source { text: "".into(), path: None, folder: "/srv".into() },
    };
    world.say("pipeline/tides", created, 5, 1);
    let mut stage = Stage::new(world, (120, 40));
    stage.press("j");
    let selected = |stage: &Stage| stage.model.overview.pipelines.selected().map(ToString::to_string);
    assert_eq!(selected(&stage).as_deref(), Some("tides"));
    stage.press("t").type_text("#20").press("enter space");
    assert_eq!(selected(&stage).as_deref(), Some("quakes"));
    assert_eq!(stage.model.overview.pipelines.marks.len(), 1);
    stage.press("2 k m esc");
    assert_eq!(selected(&stage).as_deref(), Some("tides"));
    assert!(stage.model.overview.pipelines.marks.is_empty() && stage.model.overview.events.marks.is_empty());
}

#[test]
fn a_question_that_is_open_is_not_answered_about_the_past() {
    let mut stage = Stage::new(World::quakes(), (80, 24));
    let asked = update(&mut stage.model, super::world::now(), Msg::Key("[".parse().unwrap()));
    stage.press("r").shows("Run quakes");
    stage.perform(asked);
    assert!(stage.model.past.is_none() && stage.model.wish.is_none());
    stage.shows("Run quakes").press("y");
    assert_eq!(stage.submitted.len(), 1, "of now, as it was asked");
}

#[test]
fn an_event_that_had_not_happened_is_not_shown_and_the_next_one_is_a_step() {
    let mut stage = then(World::quakes(), (80, 24), 5);
    stage.press("2 G enter").shows("event 5").press("n").shows("what came after is not in the past: ] goes one event on");
    stage.press("]").shows("event 6").press("{").shows("before the first event");
    stage.shows("this event had not happened yet");
}

#[test]
fn a_moment_that_is_said_relative_to_now_is_one_the_next_time_too() {
    let mut stage = Stage::new(World::quakes(), (80, 24));
    stage.press(":").type_text("at -15m").press("enter esc");
    let later = super::world::now() + jiff::SignedDuration::from_mins(5);
    for key in [":", "enter"] {
        let effects = update(&mut stage.model, later, Msg::Key(key.parse().unwrap()));
        stage.perform(effects);
    }
    assert!(stage.model.past.is_some());
    assert_eq!(stage.model.facts.now, later - jiff::SignedDuration::from_mins(15));
}
