//! The overview as an operator sees it: at every size, in every look, in every state it can be in.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use flexcore_engine::{event::pipeline::Outcome, projection::ReadModels};
use flexcore_ui::{
    run::{ConsoleOptions, snapshot},
    terminal::depth::Depth,
    testing::{Headless, ScriptedLink, Setup, facts},
    theme::{Palette, Theme},
    view::{
        still::{ansi, text},
        svg::svg,
    },
};
use jiff::SignedDuration;

fn live() -> ScriptedLink {
    let link = ScriptedLink::with(facts::models());
    link.change(|script| {
        script.ticks = vec![facts::now() + SignedDuration::from_secs(134)];
        script.events = (60..=100).map(|at| facts::event(at, "quake.seen", "quakes", "{\"mag\":4.5}")).collect();
        script.vitals = Some(Arc::new(facts::vitals(1)));
    });
    link
}

/// Figures twice, so that there are rates.
fn console_of(link: &ScriptedLink, setup: Setup) -> Headless {
    let mut console = Headless::with(Arc::new(link.clone()), setup);
    link.measure(facts::vitals(3));
    link.emit(facts::event(101, "quake.seen", "quakes", "{\"mag\":5.1}"));
    link.emit(facts::run_ended(102, "deploy-prod", Outcome::Failed));
    console.settle();
    console
}

fn console(columns: u16, rows: u16) -> (Headless, ScriptedLink) {
    let link = live();
    (console_of(&link, Setup::sized(columns, rows)), link)
}

#[test]
fn the_live_overview_at_every_size() {
    for (columns, rows) in [(40, 12), (80, 24), (120, 40), (200, 60)] {
        let (console, _) = console(columns, rows);
        insta::assert_snapshot!(format!("live-{columns}x{rows}"), console.screen());
    }
}

#[test]
fn the_colours_are_the_sixteen_of_the_terminal() {
    let (console, _) = console(120, 40);
    insta::assert_snapshot!("styles-120x40", console.styled());
}

#[test]
fn mono_says_everything_without_colour_and_ascii_without_unicode() {
    let theme = Theme { palette: Palette::mono(), ascii: true };
    let console = console_of(&live(), Setup { theme, ..Setup::sized(80, 24) });
    assert!(console.screen().is_ascii(), "{}", console.screen());
    assert!(!["cyan", "red", "green", "yellow", "gray"].iter().any(|colour| console.styled().contains(colour)));
    insta::assert_snapshot!("ascii-80x24", console.screen());
}

#[test]
fn an_engine_without_anything_says_what_to_do() {
    let link = ScriptedLink::with(ReadModels::default());
    let mut console = Headless::new(Arc::new(link), 120, 40);
    console.assert_shows("no pipeline yet: n makes one").assert_shows("no event yet");
    insta::assert_snapshot!("empty-120x40", console.screen());
}

#[test]
fn a_lost_engine_is_said_and_the_console_stays_usable_and_comes_back() {
    let (mut console, link) = console(120, 40);
    link.set_gone(true);
    // When it is tried again is left to chance; by then the clock has moved once for certain.
    console.wait(Duration::from_secs(1));
    console.assert_shows("no connection, data is").assert_shows("deploy-prod");
    insta::assert_snapshot!("lost-120x40", console.screen());
    console.press("j j").assert_shows("3 of 5");
    link.set_gone(false);
    console.wait(Duration::from_secs(10));
    console.assert_hides("no connection, data").assert_shows("the engine answers again");
}

#[test]
fn a_console_that_never_reached_its_engine_says_so() {
    let link = ScriptedLink::default();
    link.set_gone(true);
    Headless::new(Arc::new(link), 80, 24).assert_shows("no connection yet");
}

#[test]
fn scrolling_up_pauses_the_events_and_counts_the_new_ones() {
    let (mut console, link) = console(120, 40);
    console.press("2").assert_shows("FOLLOW");
    console.press("k");
    for at in 103..=107 {
        link.emit(facts::event(at, "quake.seen", "quakes", "{}"));
    }
    console.settle().assert_shows("PAUSED +5 new");
    insta::assert_snapshot!("paused-120x40", console.screen());
    console.press("G").assert_shows("FOLLOW");
    assert_eq!(console.model().overview.events.selected().map(|position| position.0), Some(107));
}

#[test]
fn ten_thousand_pipelines_cost_the_rows_that_are_seen() {
    let link = ScriptedLink::with(facts::many(10_000));
    let mut console = Headless::new(Arc::new(link), 120, 40);
    console.press("G").assert_shows("10000 of 10000").assert_shows("pipe-09999");
    insta::assert_snapshot!("many-120x40", console.screen());
}

#[test]
fn a_terminal_that_is_too_small_says_what_is_needed() {
    let (mut console, _) = console(120, 40);
    console.resize(32, 8).assert_shows("needs 40x10, has 32x8");
    console.resize(0, 0);
    assert_eq!(console.screen(), "");
    console.resize(u16::MAX, u16::MAX).assert_shows("Pipelines");
    console.resize(120, 40).assert_shows("4 Health");
}

#[test]
fn a_pane_can_have_the_whole_screen() {
    let (mut console, _) = console(120, 40);
    console.press("3 z").assert_shows("3 Queues").assert_hides("1 Pipelines");
    console.press("esc").assert_shows("1 Pipelines");
    console.press("tab").assert_shows("4 Health");
    assert_eq!(console.model().overview.focus.digit(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_one_frame_of_what_the_engine_tells() {
    let link = live();
    let again = link.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(500)).await;
        again.measure(facts::vitals(3));
    });
    let options = ConsoleOptions { now: Arc::new(facts::now), ..ConsoleOptions::default() };
    let frame = snapshot(Arc::new(link), options, (120, 40), Duration::from_secs(2)).await;
    let shown = text(&frame);
    assert!(shown.contains("deploy-prod") && shown.contains("1m26s"), "{shown}");
    assert!(svg(&frame).starts_with("<svg"));
    let mut terminal = vt100::Parser::new(41, 120, 0);
    let coloured = ansi(&frame, Depth::Sixteen);
    terminal.process(coloured.replace('\n', "\r\n").as_bytes());
    assert_eq!(terminal.screen().contents().trim_end(), shown.trim_end());
    assert!(coloured.contains("\x1b[36m") && !ansi(&frame, Depth::Mono).contains("\x1b[36m"));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_of_an_engine_that_is_gone_says_so() {
    let link = ScriptedLink::default();
    link.set_gone(true);
    let frame = snapshot(Arc::new(link), ConsoleOptions::default(), (80, 24), Duration::from_secs(1)).await;
    assert!(text(&frame).contains("no connection yet"));
}

#[test]
fn a_console_that_is_left_alone_sends_a_frame_a_minute_and_wakes_at_once() {
    let link = ScriptedLink::with(facts::models());
    let mut quiet = facts::vitals(1);
    quiet.runs.clear();
    link.change(|script| script.vitals = Some(Arc::new(quiet.clone())));
    let clock = Arc::new(Mutex::new(facts::now()));
    let mut pass = |console: &mut Headless, seconds: u32| {
        (0..seconds)
            .map(|_| {
                *clock.lock().unwrap() += SignedDuration::from_secs(1);
                quiet.at += SignedDuration::from_secs(1);
                quiet.process.cpu_ms += 7;
                link.measure(quiet.clone());
                console.wait(Duration::from_secs(1)).take_frames().len()
            })
            .sum::<usize>()
    };
    let now = clock.clone();
    let setup = Setup { now: Arc::new(move || *now.lock().unwrap()), ..Setup::sized(120, 40) };
    let mut console = Headless::with(Arc::new(link.clone()), setup);
    assert!(pass(&mut console, 15) > 10, "the clock counts seconds while somebody may be there");
    assert_eq!(pass(&mut console, 180), 3);
    console.assert_shows("   10:06Z");
    link.emit(facts::event(101, "quake.seen", "quakes", "{\"mag\":5.1}"));
    assert!(pass(&mut console, 1) > 0);
    console.assert_shows("quake.seen");
}
