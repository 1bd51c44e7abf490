//! What keys do on the overview: moving, filtering, marking, asking before anything changes.

use std::sync::Arc;

use flexcore_engine::{
    aggregate::Rejection,
    command::{Command, PipelineCommand, QueueCommand},
    event::pipeline::Outcome,
    handle::Refusal,
    projection::{
        board::PipelineState,
        describe::{Severity, describe},
    },
};
use flexcore_ui::{
    run::{End, Input},
    testing::{Headless, ScriptedLink, facts},
};

fn console() -> (Headless, ScriptedLink) {
    let link = ScriptedLink::with(facts::models());
    link.change(|script| script.vitals = Some(Arc::new(facts::vitals(1))));
    (Headless::new(Arc::new(link.clone()), 120, 40), link)
}

fn submitted(link: &ScriptedLink) -> Vec<String> {
    link.script().submitted.iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_changes_on_one_key() {
    let (mut console, link) = console();
    for key in ["a", "p", "r", "X", "A", "U"] {
        console.press(key).press("esc esc");
    }
    console.press("3 D esc U esc");
    assert_eq!(submitted(&link), Vec::<String>::new());
}

#[test]
fn a_sheet_says_the_effect_and_yes_does_it() {
    let (mut console, link) = console();
    console.press("p").assert_shows("Pause deploy-prod").assert_shows("its triggers start nothing");
    insta::assert_snapshot!("sheet-120x40", console.screen());
    console.press("enter").assert_hides("its triggers start nothing");
    assert_eq!(submitted(&link), Vec::<String>::new());
    console.press("p y");
    assert_eq!(submitted(&link), ["pause pipeline deploy-prod"]);
    console.assert_shows("pause pipeline deploy-prod: done");
}

#[test]
fn a_refusal_stands_until_a_key_is_pressed() {
    let (mut console, link) = console();
    let name = facts::name("deploy-prod");
    let rejection = Rejection::PipelineIs { name, state: PipelineState::Archived, verb: "pause" };
    link.change(|script| script.refusals.push_back(Some(Refusal::Rejected(rejection))));
    console.press("p y").assert_shows("pipeline `deploy-prod` is archived: cannot pause it");
    console.press("j").assert_hides("cannot pause it");
    console.press("!").assert_shows("cannot pause it");
}

#[test]
fn a_protected_pipeline_wants_its_name_typed() {
    let (_, link) = console();
    link.change(|script| {
        let row = script.models.board.pipelines.get_mut("release").unwrap();
        Arc::make_mut(&mut row.revisions[0].definition).protected = true;
    });
    let mut console = Headless::new(Arc::new(link.clone()), 120, 40);
    console.press("G a").assert_shows("type release to confirm");
    console.press("y enter");
    assert_eq!(submitted(&link), Vec::<String>::new());
    console.press("backspace").type_text("release").press("enter");
    assert_eq!(submitted(&link), ["activate pipeline release"]);
}

#[test]
fn marked_pipelines_are_acted_on_together_and_what_does_not_fit_is_left_out() {
    let (mut console, link) = console();
    console.press("* p").assert_shows("Pause 2 pipelines").assert_shows("left out: nightly (paused)");
    console.press("y");
    assert_eq!(submitted(&link), ["pause pipeline deploy-prod", "pause pipeline quakes"]);
    assert!(console.model().overview.pipelines.marks.is_empty());
}

#[test]
fn a_run_gets_its_id_when_it_is_sent() {
    let (mut console, link) = console();
    console.press("r y");
    let script = link.script();
    assert!(matches!(&script.submitted[..], [Command::Pipeline(_, PipelineCommand::RequestRun { .. })]));
    drop(script);
    drop(console);
}

#[test]
fn purging_a_queue_wants_its_name_typed_and_redriving_does_not() {
    let (mut console, link) = console();
    console.press("3 D").assert_shows("Purge exports").assert_shows("312 waiting message(s) are lost");
    console.type_text("exports").press("enter");
    console.press("G U").assert_shows("40 dead letter(s) become messages again").press("y");
    let script = link.script();
    assert!(matches!(&script.submitted[0], Command::Queue(_, QueueCommand::Purge { .. })));
    assert!(matches!(&script.submitted[1], Command::Queue(_, QueueCommand::Redrive { .. })));
}

#[test]
fn a_held_key_asks_once() {
    let (mut console, _) = console();
    console.send(Input::Bytes(b"aaa".to_vec()));
    console.assert_shows("deploy-prod is active: cannot activate it");
    assert_eq!(console.model().messages.all().len(), 1);
}

#[test]
fn a_read_only_console_shows_no_action() {
    let link = ScriptedLink::with(facts::models()).read_only();
    let mut console = Headless::new(Arc::new(link.clone()), 120, 40);
    console.assert_shows("alice (read-only)").assert_hides("activate");
    console.press("a p r ?").assert_hides("activate").press("esc :").type_text("activate").assert_hides("activate…");
    console.press("enter");
    assert_eq!(submitted(&link), Vec::<String>::new());
}

#[test]
fn a_filter_narrows_while_it_is_typed_and_escape_undoes_it() {
    let (mut console, _) = console();
    console.press("/").type_text("night").assert_shows("1/5").assert_hides("release");
    console.press("esc").assert_shows("release");
    console.press("/").type_text("!prod").press("enter").assert_shows("/!prod 4/5");
    console.press("esc").assert_hides("/!prod");
}

#[test]
fn what_is_wrong_with_a_filter_is_said_where_it_is_typed() {
    let (mut console, _) = console();
    console.press("/").type_text("/pro(").assert_shows("unclosed group").assert_shows("deploy-prod").assert_hides("nightly");
    console.press("enter").assert_shows("unclosed group");
    console.press("backspace").assert_hides("unclosed group").assert_shows("enter keep");
    console.press("esc").assert_shows("nightly");
    console.press("/").type_text("jq:.a").assert_shows("jq is for the pane of events");
}

#[test]
fn events_are_filtered_by_text_kind_correlation_and_jq() {
    let link = ScriptedLink::with(facts::models());
    link.change(|script| {
        let kind = |at: u64| if at.is_multiple_of(2) { "quake.seen" } else { "heartbeat" };
        script.events = (1..=100).map(|at| facts::event(at, kind(at), "quakes", &format!("{{\"n\":{at}}}"))).collect();
    });
    let mut console = Headless::new(Arc::new(link), 120, 40);
    let shown = |console: &Headless| console.model().overview.events.shown.len();
    console.press("2 /").type_text("quake.").press("enter");
    assert_eq!(shown(&console), 50);
    console.press("esc /").type_text("jq:\"n\":1").press("enter");
    assert_eq!(shown(&console), 12);
    console.press("esc /").type_text("jq:a|").press("enter").assert_shows("jq: unexpected `|`");
    console.press("esc o");
    assert_eq!(shown(&console), 34);
    console.press("esc x").assert_shows("!quake.seen");
    assert_eq!(shown(&console), 50);
    console.press("esc");
    assert_eq!(shown(&console), 100);
}

#[test]
fn the_next_failure_is_one_key_away() {
    let link = ScriptedLink::with(facts::models());
    let mut console = Headless::new(Arc::new(link.clone()), 120, 40);
    for at in 101..=140 {
        link.emit(if at == 120 { facts::run_ended(at, "quakes", Outcome::Failed) } else { facts::event(at, "x", "y", "{}") });
    }
    console.settle().press("2");
    let failing = describe(&facts::run_ended(1, "quakes", Outcome::Failed));
    console.press("E");
    let expected = (failing.severity == Severity::Error).then_some(120);
    let at = console.model().overview.events.selected().map(|position| position.0);
    assert_eq!(at, expected.or(Some(140)));
}

#[test]
fn the_palette_finds_actions_by_name_and_teaches_their_keys() {
    let (mut console, _) = console();
    console.press(":").type_text("pause").assert_shows("pause or resume…");
    insta::assert_snapshot!("palette-120x40", console.screen());
    console.press("enter").assert_shows("Pause deploy-prod");
}

#[test]
fn help_is_about_where_one_is() {
    let (mut console, _) = console();
    console.press("?").assert_shows("activate…").assert_hides("next failure");
    insta::assert_snapshot!("help-120x40", console.screen());
    console.press("esc 2 ?").assert_shows("next failure").assert_hides("activate…");
}

#[test]
fn a_name_is_copied_to_the_terminals_clipboard() {
    let (mut console, _) = console();
    console.take_frames();
    console.press("y").assert_shows("name sent to the terminal's clipboard");
    let frames: String = console.take_frames().iter().map(|frame| String::from_utf8_lossy(frame).into_owned()).collect();
    assert!(frames.contains("\x1b]52;c;ZGVwbG95LXByb2Q="), "{frames:?}");
}

#[test]
fn q_leaves_from_the_overview_and_control_c_twice_from_anywhere() {
    let (mut console, _) = console();
    console.press("q");
    assert_eq!(console.ended(), Some(&End::Left));
    let (mut console, _) = self::console();
    console.press("C-c").assert_shows("press C-c again to leave").press("C-c");
    assert_eq!(console.ended(), Some(&End::Left));
}

#[test]
fn a_terminal_that_is_gone_ends_the_console() {
    let (mut console, _) = console();
    console.send(Input::Closed("the terminal hung up".into()));
    assert_eq!(console.ended(), Some(&End::Closed("the terminal hung up".into())));
}

#[test]
fn pasted_text_is_not_pressed_as_keys() {
    let (mut console, link) = console();
    console.paste("q\np\ny\n");
    assert_eq!((console.ended(), submitted(&link).len()), (None, 0));
    console.press("/").paste("rele\nase").assert_shows("/rele ase");
}
