//! Commands with words after them, what was done lately, menus, and keys that mean nothing.

use std::sync::Arc;

use flexcore_ui::{
    testing::{Headless, ScriptedLink, facts},
    theme::Role,
};
use ratatui::style::Color;

fn console() -> (Headless, ScriptedLink) {
    let link = ScriptedLink::with(facts::models());
    link.change(|script| {
        script.vitals = Some(Arc::new(facts::vitals(1)));
        script.events = (1..=30).map(|at| facts::event(at, "quake.seen", "quakes", "{}")).collect();
    });
    let mut console = Headless::new(Arc::new(link.clone()), 120, 40);
    console.settle();
    (console, link)
}

#[test]
fn a_command_acts_on_the_thing_that_is_named_after_it_and_asks_first() {
    let (mut console, link) = console();
    console.press("2 :").type_text("run qua").assert_shows("run quakes").press("enter").assert_shows("Run quakes").press("y");
    let submitted: Vec<_> = link.script().submitted.iter().map(ToString::to_string).collect();
    assert_eq!(submitted.len(), 1);
    console.press(":").type_text("run nothing-like-this").assert_shows("nothing is called that").press("enter esc");
    assert_eq!(link.script().submitted.len(), 1);
}

#[test]
fn tab_completes_a_command_that_wants_a_name_and_shows_what_there_is() {
    let (mut console, _) = console();
    console.press("2 :").type_text("archi").press("tab").assert_shows(": archive ").assert_shows("archive quakes");
}

#[test]
fn what_was_done_lately_comes_first() {
    let (mut console, _) = console();
    console.press(":").type_text("pipeline quakes").press("enter").assert_shows("overview › quakes").press("esc :");
    let screen = console.screen();
    let (lately, first) = (screen.find("lately").unwrap(), screen.find("activate…").unwrap_or(usize::MAX));
    assert!(lately < first, "{screen}");
    console.press("enter").assert_shows("overview › quakes");
}

#[test]
fn a_time_range_is_chosen_from_a_menu_or_typed_and_esc_clears_it() {
    let (mut console, _) = console();
    console.press("2 T").assert_shows("Events of").assert_shows("the last 15m").press("3").assert_shows("last 15m  ");
    console.press("T").assert_shows("▸ 3 the last 15m").press("j enter").assert_shows("last 30m  ").press("T q");
    console.press(":").type_text("since 90s").press("enter").assert_shows("last 90s  ");
    console.press(":").type_text("since soon").assert_shows("write it like 90s, 20m, 2h or all").press("enter esc");
    console.press(":").type_text("since all").press("enter").assert_hides("last 90s");
    console.press("T 1").assert_shows("last 1m  ").press("esc").assert_hides("last 1m  ");
}

#[test]
fn colours_are_seen_while_they_are_chosen_and_esc_goes_back() {
    let (mut console, _) = console();
    let ground = |console: &Headless| console.model().theme.style(Role::Text).bg;
    console.press(":").type_text("theme").press("enter").assert_shows("Colours").assert_shows("0 terminal");
    console.press("j j").assert_shows("Colours");
    assert_eq!(ground(&console), Some(Color::Rgb(0x14, 0x16, 0x1b)));
    console.press("esc").assert_hides("Colours");
    assert_eq!(ground(&console), None);
    console.press(":").type_text("theme").press("enter 3").assert_shows("colours: light");
    assert_eq!(ground(&console), Some(Color::Rgb(255, 255, 255)));
}

#[test]
fn a_key_that_means_nothing_says_so_and_is_not_kept_among_the_messages() {
    let (mut console, _) = console();
    console.press("Q").assert_shows("Q means nothing here").press("j").assert_hides("means nothing");
    console.press("!").assert_shows("nothing was said yet");
}

#[test]
fn the_footer_offers_what_would_be_done_and_not_what_would_be_refused() {
    let (mut console, _) = console();
    console.press("/").type_text("quakes").press("enter").assert_shows("p pause…").assert_hides("a activate…");
    console.press(":").assert_hides("p pause…").assert_hides("? help");
}
