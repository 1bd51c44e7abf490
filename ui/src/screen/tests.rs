//! The drill-downs in the whole console without a terminal: keys in, screen compared. The engine is a table of answers.

mod past;
mod why;
mod world;

use flexcore_engine::{
    alert::{About, Severity as AlertSeverity},
    event::alert::{AlertResolved, AlertSilenced},
};
use ratatui::{Terminal, backend::TestBackend};

use crate::{
    effect::{Change, Effect},
    keymap::Keymap,
    model::{Model, facts::Facts},
    msg::Msg,
    terminal::key::Key,
    theme::Theme,
    update::update,
    view::view,
};
use world::World;

/// A console over a world.
struct Stage {
    model: Model,
    world: World,
    submitted: Vec<Change>,
    copied: Vec<String>,
}

impl Stage {
    fn new(world: World, size: (u16, u16)) -> Self {
        let facts = Facts::new(world::now(), "alice".into(), false);
        let model = Model::new(facts, Keymap::default(), Theme::default(), size);
        let mut stage = Self { model, world, submitted: Vec::new(), copied: Vec::new() };
        stage.send(Msg::Models(Box::new(stage.world.models())));
        stage.send(Msg::Backlog(stage.world.events.clone()));
        for vitals in stage.world.vitals() {
            stage.send(Msg::Vitals(vitals));
        }
        stage
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Copy(text) => self.copied.push(text.to_string()),
                Effect::Submit(_, changes) => self.submitted.extend(changes),
                effect => {
                    if let Some((tag, answer)) = self.world.answer(effect) {
                        self.send(Msg::Answer(tag, answer));
                    }
                }
            }
        }
    }

    fn send(&mut self, msg: Msg) {
        let now = world::now();
        let effects = update(&mut self.model, now, msg);
        self.perform(effects);
    }

    fn press(&mut self, keys: &str) -> &mut Self {
        for key in keys.split_whitespace() {
            // Two changes within 300 ms are one held key.
            self.model.last_change = None;
            self.send(Msg::Key(key.parse::<Key>().unwrap()));
        }
        self
    }

    fn type_text(&mut self, text: &str) -> &mut Self {
        text.chars().for_each(|c| self.send(Msg::Key(Key::char(c))));
        self
    }

    fn screen(&self) -> String {
        let (columns, rows) = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        let frame = terminal.draw(|frame| view(&self.model, frame)).unwrap();
        let text = crate::widget::ink::rows(frame.buffer).join("\n");
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "a control character reached a cell");
        text
    }

    /// A change that was submitted, as it stands.
    #[track_caller]
    fn submits(&self, index: usize) -> String {
        format!("{:?}", self.submitted[index])
    }

    #[track_caller]
    fn shows(&mut self, wanted: &str) -> &mut Self {
        let screen = self.screen();
        assert!(screen.contains(wanted), "`{wanted}` is not shown:\n{screen}");
        self
    }
}

const SIZES: [(u16, u16); 2] = [(80, 24), (120, 40)];

/// The console on the pipeline.
fn on_pipeline(world: World, size: (u16, u16)) -> Stage {
    let mut stage = Stage::new(world, size);
    stage.press("enter");
    stage
}

/// Every screen and part, one after the other.
const TOUR: [&str; 31] = [
    "enter",
    "2",
    "3",
    "enter",
    "left",
    "4",
    "tab",
    "1",
    "j enter",
    "2",
    "enter",
    "u",
    "u",
    "n",
    "q",
    "3",
    "4",
    "tab",
    "tab",
    "q",
    "g g enter",
    "L L L L L",
    "q q 3 j enter",
    "enter",
    "enter",
    "2",
    "q 4 enter",
    "q # j",
    "q 1 n",
    "enter",
    "d",
];

#[test]
fn every_screen_can_be_drawn_in_every_size() {
    for size in SIZES.into_iter().chain([(40, 10), (200, 60), (41, 11), (500, 12)]) {
        for world in [World::quakes(), World::empty()] {
            let mut stage = Stage::new(world, size);
            for keys in TOUR {
                stage.press(keys);
                stage.screen();
            }
        }
    }
}

#[test]
fn a_failed_pipeline_says_at_once_what_failed_where_by_which_record_and_since_when() {
    for size in SIZES {
        let mut stage = on_pipeline(World::quakes(), size);
        stage.shows("✖ step clean: cannot compare null and 1").shows(r#"record {"id":"us7000","mag":4.2}"#);
        stage.shows("since 10:00:21Z (2m ago)   failed run #2");
    }
}

#[test]
fn the_graph_has_live_numbers_on_its_edges() {
    let mut stage = on_pipeline(World::quakes(), (80, 24));
    stage.shows("│        40/s │ map").shows("▇░░ 1 300 │").shows("▇▇▇ 3 990 │").shows("Steps of run #3, attempt 1");
}

#[test]
fn the_schedule_shows_the_next_ten_moments() {
    let mut stage = on_pipeline(World::quakes(), (120, 40));
    stage.press("2").shows("in 30s").shows("2026-01-31 10:08:11Z").shows("Sat 31 Jan 10:08:11 UTC");
}

#[test]
fn the_difference_of_revisions_is_one_line_and_can_be_rolled_back() {
    let mut stage = on_pipeline(World::quakes(), (80, 24));
    stage.press("d").shows("Difference of 1 and 2: 1 added, 1 removed").shows("8      -     with: {filter: '.mag > 1'}");
    stage.press("B").shows("choose the revision to go back to first");
    stage.press("j B").shows("Roll quakes back to revision 1");
    stage.press("y");
    assert!(stage.submits(0).contains("Rollback { number: 1 }"));
}

#[test]
fn checkpoints_are_compared_set_and_rolled_back_while_no_run_lives() {
    let mut live = on_pipeline(World::tides(true), (80, 24));
    live.press("L L L L L").shows("Checkpoints 3").press("j B").shows("tides has 1 live run(s): p pauses it first");
    live.press("c").shows("p pauses it first");
    let mut stage = on_pipeline(World::tides(false), (120, 40));
    stage.press("H").shows("From version 2 to 3").shows("{\"n\":200}").shows("{\"n\":300}");
    stage.press("j space k").shows("From version 2 to 3").press("j j").shows("From version 1 to 2");
    stage.press("B").shows("Roll the checkpoints of tides back to version 1").shows("read, tides.json: {\"n\":100}");
    stage.press("y");
    assert!(stage.submits(0).contains("RollBackCheckpoints { to: 1"));
    assert!(stage.submits(0).contains("newest: 3"));
    stage.press("c").shows("Set a checkpoint of tides").type_text(" no").press("enter").shows("write a name: 1 to 64 of");
    assert_eq!(stage.submitted.len(), 1, "what cannot be a step is said, not passed over");
    stage.press("backspace backspace backspace enter");
    assert!(stage.submits(1).contains("SetCheckpoints"));
    for size in [(40, 10), (41, 11), (80, 24), (500, 12)] {
        on_pipeline(World::tides(false), size).press("H").screen();
    }
    let mut batch = on_pipeline(World::quakes(), (80, 24));
    batch.press("H").shows("Checkpoints 1").shows("Checkpoints as of run #2, which is failed").shows("quakes.json");
    batch.press("B").shows("quakes is a batch: each of its runs begins at the beginning");
}

#[test]
fn nothing_changes_without_a_question() {
    let mut stage = on_pipeline(World::quakes(), (80, 24));
    for (key, question) in [("p", "Pause quakes"), ("r", "Run quakes"), ("X", "Cancel"), ("R", "Run quakes with parameters")] {
        stage.press(key).shows(question).press("esc");
    }
    assert!(stage.submitted.is_empty());
}

#[test]
fn a_pause_takes_a_reason() {
    let mut stage = on_pipeline(World::quakes(), (80, 24));
    stage.press("p").type_text("bad data").shows("reason  bad data");
    stage.press("enter");
    assert!(stage.submits(0).contains("Pause { reason: \"bad data\" }"));
    stage.shows("overview › quakes ─");
}

#[test]
fn a_protected_pipeline_wants_its_name() {
    let mut stage = on_pipeline(World::of(&serde_json::json!({"protected": true})), (80, 24));
    stage.press("p enter").press("y enter");
    assert!(stage.submitted.is_empty());
    stage.press("backspace").type_text("quakes").press("enter");
    assert_eq!(stage.submitted.len(), 1);
}

#[test]
fn parameters_are_checked_before_anything_starts() {
    let mut stage = on_pipeline(World::quakes(), (80, 24));
    stage.press("R").type_text("soon").press("enter").shows("write a day, like 2026-01-31");
    assert!(stage.submitted.is_empty());
    stage.press("C-u").type_text("2026-01-31").press("tab").type_text("2.5").press("enter");
    assert!(stage.submits(0).contains(r#"params: {"day": String("2026-01-31"), "min_mag": Number(2.5)}"#));
}

#[test]
fn an_edited_definition_shows_its_mistakes_with_their_lines_and_then_asks() {
    let mut world = World::quakes();
    world.edited = Ok(world::OLD_TEXT.replace("uses: map", "uses: mapp"));
    world.mistakes = vec![
        world::mistake(7, 11, "there is no step type `mapp`", "did you mean `map`?"),
        world::mistake(4, 5, "two", "mend it"),
    ];
    let mut stage = on_pipeline(world, (80, 24));
    stage.press("E").shows("2 mistake(s): E edits again").shows("7:11 there is no step type `mapp`").shows("did you mean `map`?");
    stage.press("j").shows("4:5 two");
    stage.world.mistakes.clear();
    stage.press("E").shows("Save revision 3 of quakes").shows("refused if somebody else changed it since revision 2");
    stage.press("y");
    assert!(stage.submits(0).contains("Revise"));
}

#[test]
fn a_run_leads_to_its_error_its_log_and_its_events() {
    let mut stage = on_pipeline(World::quakes(), (80, 24));
    stage.press("j enter").shows("overview › quakes › run #2").shows("because filter `.magnitude > 1`");
    stage.press("3").shows("in step clean; no other try mends it").shows("\"mag\": 4.2");
    stage.press("4").shows(r#"{"file":"quakes.jso"#);
    stage.press("tab").shows("␛[2Jline 7 is ⟨U+202E⟩torn").press("i").shows("warnings and failures only");
    stage.press("2 e").shows("run.failed").press("enter").shows("type run.failed").shows("stream run/");
    stage.press("enter").shows("run #2").press("P").shows("overview › quakes ─");
}

#[test]
fn a_filter_that_is_cleared_holds_nowhere_any_more() {
    let mut stage = on_pipeline(World::quakes(), (80, 24));
    stage.press("j enter 2 /").type_text("failed").press("enter");
    let lines = stage.screen().matches("run.").count();
    stage.press("tab tab tab esc 2").shows("run.started");
    assert!(stage.screen().matches("run.").count() > lines, "{}", stage.screen());
    let mut stage = on_pipeline(World::quakes(), (80, 24));
    stage.press("/").type_text("failed").press("enter 4 esc 1").shows("Runs 3");
}

#[test]
fn an_answer_that_comes_late_takes_nothing_away() {
    let mut stage = on_pipeline(World::quakes(), (120, 40));
    stage.press("j enter 2").shows("run.failed");
    let whole = stage.screen();
    let tag = stage.model.top().unwrap().tag;
    let of_run = format!("run/{}", world::run(2));
    let mine: Vec<_> = stage.world.events.iter().filter(|event| event.stream.as_str() == of_run).take(3).cloned().collect();
    let page = flexcore_engine::port::store::Page { seen: mine[2].position, events: mine.into() };
    stage.send(Msg::Answer(tag, crate::effect::Answer::ReadBack(Ok(page))));
    assert_eq!(stage.screen(), whole);
}

#[test]
fn themes_of_one_name_are_told_apart_and_said_as_the_setting_takes_them() {
    let mut stage = Stage::new(World::quakes(), (120, 40));
    for folder in ["a", "b"] {
        let setting = format!("{folder}/mine.toml");
        let choice = crate::theme::Choice { name: "mine".into(), setting, palette: crate::theme::Palette::mono() };
        stage.model.themes.all.push(choice);
    }
    stage.press("C 5").shows("`--set console.theme=b/mine.toml` begins with them");
    assert_eq!(stage.model.themes.chosen, 5);
    stage.press("C 3").shows("`--set console.theme=light` begins with them");
}

#[test]
fn a_live_run_is_cancelled_with_a_reason_and_an_ended_one_runs_again() {
    let mut stage = on_pipeline(World::quakes(), (80, 24));
    stage.press("enter X").type_text("enough").press("enter");
    stage.press("R").shows("the run is running: X cancels it").press("q j enter R").shows("Run #2 of quakes again").press("y");
    assert!(stage.submits(0).contains(&format!("{:?}, Cancel {{ reason: \"enough\"", world::run(3))));
    assert!(stage.submits(1).contains(&format!("of: {:?}", world::run(2))));
}

#[test]
fn an_event_is_a_tree_that_can_be_folded_and_copied() {
    let mut stage = on_pipeline(World::quakes(), (120, 40));
    stage.press("j enter 2 enter").shows("▾ error").shows("correlation 00000000-0000-0000-0000-00000000000c");
    stage.press("j j y");
    stage.press("Y");
    assert!(stage.copied[1].starts_with('.'), "{:?}", stage.copied);
    stage.press("F").shows("▸ error").press("p").shows("run.step_ended").press("o").shows("belongs to 0000000c");
}

#[test]
fn hostile_event_data_is_shown_and_not_obeyed() {
    let mut world = World::quakes();
    let flood = format!("{{\"t\":\"\\u001b]0;x\\u0007\u{202e}\",\"z\":\"{}\",\"raw\":\"\u{9b}31m\"}}", "\u{301}".repeat(5_000));
    world.custom("user/x", "bad\u{1b}[31m", flood.into_bytes().into(), 1, 99);
    let mut stage = Stage::new(world, (80, 24));
    stage.press("2 G enter").shows("␛]0;x␇⟨U+202E⟩").shows("⟨+2").shows("bad␛[31m").shows("⟨U+009B⟩31m");
    stage.press("u").screen();
}

#[test]
fn a_growing_queue_says_so() {
    let mut stage = Stage::new(World::quakes(), (80, 24));
    stage
        .press("3 g g enter")
        .shows("queue orders")
        .shows("depth 12 000")
        .shows("grows ↑")
        .shows("nothing waits: a sends a message");
}

#[test]
fn a_message_is_sent_only_when_it_is_json() {
    let mut stage = Stage::new(World::quakes(), (80, 24));
    stage.press("3 g g enter a").type_text("{\"id\": 1").press("enter").shows("write JSON, like");
    stage.type_text("}").press("enter");
    assert!(stage.submits(0).contains(r#"Send { body: b"{\"id\":1}""#));
}

#[test]
fn a_dead_letter_is_mended_tried_and_all_are_replayed() {
    let mut world = World::quakes();
    world.edited = Ok("{\"mag\": 4.2,,}".into());
    let mut stage = Stage::new(world, (80, 24));
    stage.press("3 j enter").shows("3 Dead letters 40").shows("cannot compare null and 1").shows("from quakes.json:1");
    stage.press("E").shows("not JSON: ");
    stage.world.edited = Ok("{\"mag\": 4.2}\n".into());
    stage.press("E").shows("Keep the edited body").press("y");
    stage.press("d").shows("Tried on revision 2 (esc goes back)").shows("dead-letter").press("1 3");
    stage.press("* R").shows("all 40 dead letters go through quakes again").shows("one run of revision 2").press("y");
    assert!(stage.submits(0).contains("EditDeadLetter"));
    assert!(stage.submits(1).starts_with("Replay") && stage.submits(1).contains("messages: []"));
}

#[test]
fn marked_dead_letters_are_discarded_and_all_only_by_name() {
    let mut stage = Stage::new(World::quakes(), (80, 24));
    stage.press("3 j enter space space X").shows("2 dead letters are lost for good").press("esc");
    stage.press("* X").shows("all 40 dead letters are lost for good").press("y enter");
    assert!(stage.submitted.is_empty());
}

#[test]
fn a_new_pipeline_goes_from_template_to_mistakes_to_samples_to_life() {
    let mut world = World::quakes();
    world.edited = Ok("name: fresh\nstepz: []\n".into());
    world.mistakes =
        vec![world::mistake(2, 1, "unknown key `stepz`", "did you mean `steps`?"), world::mistake(1, 1, "no steps", "add one")];
    let mut stage = Stage::new(world, (80, 24));
    stage.press("n").shows("csv to ndjson").shows("name: fresh").press("enter");
    stage
        .shows("2:1 unknown key `stepz`")
        .shows("2 │ stepz: []")
        .shows("1:1 no steps")
        .press("a")
        .shows("2 mistake(s) to mend first");
    stage.world.mistakes.clear();
    stage
        .press("e")
        .shows("fresh: no mistakes")
        .press("d")
        .shows("5 record(s) after read")
        .press("j")
        .shows("5 record(s) after clean");
    stage.press("a").shows("Create and activate fresh").press("y");
    assert_eq!(stage.submitted.len(), 2);
}

#[test]
fn health_shows_what_was_seen_and_the_worst_first() {
    let mut stage = Stage::new(World::quakes(), (80, 24));
    let screen = stage.press("4 enter").screen();
    let place = |text: &str| screen.find(text).unwrap_or_else(|| panic!("`{text}` is not shown:\n{screen}"));
    assert!(place("40 in quakes.dead") < place("appended in 0.1 ms"));
    stage.shows("memory").shows("31 MiB").shows("workers 1 of 4 busy");
}

/// A pipeline's runs fail, and the disk is nearly full.
fn alarmed() -> World {
    let mut world = World::quakes();
    world.alert("run-failed/quakes", About::Pipeline("quakes".parse().unwrap()), AlertSeverity::Warning, 120);
    world.alert("disk-low", About::Engine, AlertSeverity::Critical, 60);
    world.alert("queue-old/orders", About::Queue("orders".parse().unwrap()), AlertSeverity::Warning, 30);
    world.say("alert/queue-old/orders", AlertResolved { since: world::now(), reason: "it is no longer so".into() }, 20, 1);
    world
}

#[test]
fn raised_alerts_are_counted_at_the_top_and_listed_the_worst_first() {
    for size in SIZES {
        let mut stage = Stage::new(alarmed(), size);
        stage.shows("1 critical  1 warning");
        let screen = stage.press("#").shows("Alerts 2 raised of 3").screen();
        let place = |text: &str| screen.find(text).unwrap_or_else(|| panic!("`{text}` is not shown:\n{screen}"));
        assert!(place("disk-low") < place("run-failed/quakes") && place("run-failed/quakes") < place("queue-old/orders"));
        stage.shows("✖ critical").shows("disk-low is so: 3").shows("about the engine");
        insta::assert_snapshot!(format!("alerts-{}x{}", size.0, size.1), screen);
    }
}

#[test]
fn an_alert_leads_to_what_it_is_about() {
    let mut stage = Stage::new(alarmed(), (80, 24));
    stage.press("# enter").shows("overview › alerts › health").press("q");
    stage.press("j enter").shows("› quakes").press("q");
    stage.press("j enter").shows("› queue orders");
}

#[test]
fn an_alert_is_silenced_for_a_time_and_marked_ones_together() {
    let mut stage = Stage::new(alarmed(), (80, 24));
    stage.press("# u").shows("it is not silenced");
    stage.press("s").shows("Silence disk-low").type_text("soon").press("enter").shows("write a length of time");
    stage.press("C-u").type_text("2h").press("tab").type_text("known").press("enter");
    assert!(stage.submits(0).contains("AlertId(\"disk-low\"), Silence { length: Duration(7200s), reason: \"known\" }"));
    stage.press("space space s").shows("Silence 2 alerts").press("enter");
    assert!(stage.submits(2).contains("run-failed/quakes") && stage.submits(2).contains("3600s"), "{}", stage.submits(2));
}

#[test]
fn a_silence_is_shown_with_its_end_and_ended_when_confirmed() {
    let mut world = alarmed();
    let until = world::now() + jiff::SignedDuration::from_mins(30);
    world.say("alert/disk-low", AlertSilenced { until, reason: "a larger one comes".into() }, 5, 1);
    let mut stage = Stage::new(world, (80, 24));
    stage.shows("1 warning").press("#").press("j").shows("30m").shows("silenced until").shows("alice: a larger one comes");
    stage.press("u").shows("End the silence of disk-low").press("y");
    assert!(stage.submits(0).contains("Duration(0ns)"), "{}", stage.submits(0));
}

#[test]
fn empty_places_say_what_to_do() {
    let mut stage = Stage::new(World::empty(), (80, 24));
    stage.press("4 enter").shows("no figures yet").press("q 1 n").shows("csv to ndjson");
}
