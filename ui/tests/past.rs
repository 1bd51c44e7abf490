//! Time travel from the overview: asking for a moment, stepping, standing in the past while the present goes on.

use std::{sync::Arc, time::Duration};

use flexcore_engine::{id::Position, projection::ReadModels};
use flexcore_ui::{
    link::At,
    run::Input,
    testing::{Headless, ScriptedLink, Setup, facts},
};
use jiff::{
    SignedDuration,
    tz::{TimeZone, offset},
};

/// Events 1 to 100, each a second after the one before; the last one half a second ago. No read models but theirs.
fn engine() -> ScriptedLink {
    let link = ScriptedLink::with(ReadModels::default());
    link.change(|script| {
        script.events = (1..=100).map(event).collect();
        script.vitals = Some(Arc::new(facts::vitals(1)));
    });
    link
}

fn event(at: u64) -> flexcore_engine::event::Envelope {
    let mut event = facts::event(at, "quake.seen", "quakes", &format!("{{\"n\":{at}}}"));
    event.event.at = facts::now() - SignedDuration::from_secs(100 - i64::try_from(at).expect("a test has few events"));
    event
}

fn console() -> (Headless, ScriptedLink) {
    let link = engine();
    (Headless::new(Arc::new(link.clone()), 120, 40), link)
}

fn shown(console: &Headless) -> u64 {
    console.model().facts.models.position.0
}

fn asked(link: &ScriptedLink) -> Vec<u64> {
    let position = |at: &At| if let At::Position(position) = at { position.0 } else { 0 };
    link.script().asked.iter().map(position).collect()
}

#[test]
fn a_moment_is_typed_and_everything_is_as_it_was_until_escape() {
    let (mut console, _) = console();
    console
        .press("t")
        .assert_shows("everything as it was at")
        .type_text("10:02:50")
        .assert_shows("Sat 31 Jan 10:02:50 UTC (21s ago)");
    console.press("enter").assert_shows("PAST  Sat 31 Jan 10:02:50.000 UTC  #79 of 100  21s before now  21 events since");
    console.assert_hides("workers").assert_hides("FOLLOW").assert_hides("cpu");
    insta::assert_snapshot!("past-120x40", console.screen());
    console.resize(80, 24).assert_shows("#79 of 100");
    insta::assert_snapshot!("past-80x24", console.screen());
    console.resize(40, 12).assert_shows("PAST  10:02:50  #79 of 100");
    console.press("esc").assert_hides("PAST").assert_shows("box-1");
}

#[test]
fn a_time_of_day_is_that_of_the_operators_zone() {
    let zone = TimeZone::fixed(offset(-3));
    let mut console = Headless::with(Arc::new(engine()), Setup { zone, ..Setup::sized(120, 40) });
    console.press("t").type_text("07:02:50").press("enter").assert_shows("Sat 31 Jan 07:02:50.000 -03  #79 of 100");
    console.press("2 c").assert_shows("07:02:50.000 quake.seen");
}

#[test]
fn nonsense_is_said_and_can_be_mended() {
    let (mut console, link) = console();
    console.press("t").type_text("soon").press("enter").assert_shows("`soon` is no moment: write it like 03:07");
    console.press("C-u").type_text("#4711").press("enter").assert_shows("there is no event #4711 yet: the newest is #100");
    console.press("esc t enter").assert_shows("everything as it was at").press("esc");
    console.press("t").type_text("now").press("enter").assert_hides("PAST");
    console.press(":").type_text("at nonsense").assert_shows("`nonsense` is no moment").press("enter esc");
    assert_eq!(asked(&link), Vec::<u64>::new());
    console.press(":").type_text("time #12").assert_shows("right after event #12").press("enter").assert_shows("#12 of 100");
    console.press(":").type_text("at now").press("enter").assert_hides("PAST");
}

#[test]
fn a_step_back_asks_and_a_step_on_is_folded_from_what_is_at_hand() {
    let (mut console, link) = console();
    console.press("]").assert_shows("this is now");
    console.press("[ [ [");
    assert_eq!((shown(&console), asked(&link)), (97, vec![99, 98, 97]));
    console.press("] ]");
    assert_eq!((shown(&console), asked(&link).len()), (99, 3));
    console.press("] ]").assert_shows("this is the newest event: esc returns to now");
    console.press("{").assert_shows("before the first event").press("[").assert_shows("there was nothing before this");
    console.press("] ] ]");
    assert_eq!((shown(&console), asked(&link).last()), (3, Some(&0)));
    console.press("}");
    assert_eq!((shown(&console), asked(&link).last()), (100, Some(&0)));
}

#[test]
fn steps_go_on_from_pages_of_the_log_where_the_console_holds_no_events() {
    let link = engine();
    link.change(|script| script.events = (1..=6_000).map(event).collect());
    let mut console = Headless::new(Arc::new(link.clone()), 120, 40);
    console.press("t").type_text("#50").press("enter ] ] }");
    assert_eq!((shown(&console), asked(&link)), (152, vec![50]));
    assert_eq!(console.model().facts.events.newest(), Some(Position(152)));
    console.press("[");
    assert_eq!((shown(&console), asked(&link)), (151, vec![50, 151]));
}

#[test]
fn while_an_answer_is_awaited_the_console_goes_on_and_a_newer_wish_takes_its_place() {
    let (mut console, link) = console();
    link.change(|script| script.slow = true);
    console.press("t").type_text("#40").press("enter").assert_shows("to #40…").assert_shows("box-1").press("j 2 1");
    console.press("t").type_text("#50").press("enter").assert_shows("to #50…").press("[ [ ]").assert_shows("to #49…");
    assert_eq!(asked(&link), [40, 50]);
    link.change(|script| script.slow = false);
    console.settle().assert_shows("#49 of 100").assert_hides("to #");
    assert_eq!(asked(&link), [40, 50, 49]);
    link.change(|script| script.slow = true);
    console.press("[").assert_shows("to #48…").assert_shows("#49 of 100").press("esc").assert_hides("PAST").assert_hides("to #");
    link.change(|script| script.slow = false);
    console.settle().assert_hides("PAST");
}

#[test]
fn the_present_goes_on_underneath() {
    let (mut console, link) = console();
    console.press("2 k k");
    let selected = console.model().overview.events.selected();
    console.press("b").assert_shows("#98 of 100");
    for at in 101..=140 {
        link.emit(event(at));
    }
    link.measure(facts::vitals(3));
    console.wait(Duration::from_secs(3)).assert_shows("#98 of 140").assert_hides("\"n\":99");
    assert_eq!(shown(&console), 98);
    console.press("esc").assert_shows("PAUSED");
    assert_eq!((shown(&console), console.model().overview.events.selected()), (140, selected));
    console.press("G [").assert_shows("#139 of 140").press("] esc").assert_shows("FOLLOW");
}

#[test]
fn what_retention_has_dropped_is_said_with_the_oldest_there_is() {
    let link = engine();
    link.change(|script| {
        script.events.drain(..40);
        script.past = Some(ReadModels { position: Position(40), ..ReadModels::default() });
    });
    let mut console = Headless::new(Arc::new(link.clone()), 120, 40);
    console.press("t").type_text("#12").press("enter").assert_shows("events before position 41 are no longer kept");
    console.assert_hides("PAST").press("t").type_text("#41").press("enter").assert_shows("#41 of 100");
    console.press("[ [").assert_shows("events before position 41 are no longer kept; this stays").assert_shows("#40 of 100");
}

#[test]
fn an_engine_that_is_gone_is_said_and_the_past_stays() {
    let (mut console, link) = console();
    console.press("t").type_text("#50").press("enter");
    link.set_gone(true);
    console.settle().press("[").assert_shows("this stays").assert_shows("#50 of 100").press("]").assert_shows("#51 of 100");
    console.press("esc").assert_shows("no connection, data is");
    link.set_gone(false);
    console.wait(Duration::from_secs(10)).assert_hides("no connection");
}

#[test]
fn another_log_ends_the_past_of_the_one_before() {
    let (mut console, link) = console();
    console.press("t").type_text("#50").press("enter");
    link.set_gone(true);
    console.settle();
    link.change(|script| {
        script.gone = false;
        script.events.truncate(3);
    });
    console.wait(Duration::from_secs(10)).assert_hides("PAST").assert_shows("the engine began another log");
}

#[test]
fn a_held_key_never_makes_more_than_one_question_at_a_time() {
    let (mut console, link) = console();
    link.change(|script| script.slow = true);
    console.send(Input::Bytes(b"[[[[[[[[[[".to_vec()));
    assert_eq!(asked(&link), [99]);
    link.change(|script| script.slow = false);
    console.settle().assert_shows("#90 of 100");
    assert_eq!(asked(&link), [99, 90]);
}

#[test]
fn help_and_hints_say_that_nothing_is_changed_here() {
    let (mut console, _) = console();
    console.press("[").assert_shows("[ back").assert_shows("] on").assert_shows("esc now").assert_hides("pause…");
    console.press("?").assert_shows("the past: no action changes anything").press("esc").assert_shows("PAST");
    console.press("r").assert_shows("this is the past: run is off until esc returns to now");
    console.press("/").type_text("x").press("esc").assert_shows("PAST").press("q").assert_hides("PAST");
    assert!(console.ended().is_none());
}

#[test]
fn the_oldest_point_that_is_kept_is_not_said_to_be_now() {
    let (mut console, link) = console();
    link.change(|script| {
        let mut past = ReadModels::default();
        (1..=40).for_each(|at| past.apply(&event(at)));
        script.past = Some(past);
        script.events.drain(..40);
    });
    console.press("t").type_text("#40").press("enter");
    console
        .assert_shows("PAST  as far back as is kept, Sat 31 Jan 10:02")
        .assert_shows("#40 of 100")
        .assert_hides("0s before now");
    console.press("]").assert_shows("#41 of 100").assert_shows("Sat 31 Jan 10:02:12");
    console.press("esc t").type_text("#39").press("enter").assert_shows("events before position 41 are no longer kept");
}

#[test]
fn times_of_events_say_where_they_are_of() {
    let (mut console, _) = console();
    console.press("2").assert_shows(" UTC ").press("c c").assert_shows(" ago ").press("c").assert_shows(" UTC ");
}
