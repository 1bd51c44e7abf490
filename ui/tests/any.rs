//! Whatever is pressed, sent or resized: nothing panics, nothing commands the terminal that the console did not mean.

use std::sync::{Arc, Mutex};

use flexcore_ui::{
    run::Input,
    testing::{Headless, ScriptedLink, facts},
};
use proptest::prelude::*;

fn console() -> (Headless, ScriptedLink) {
    let link = ScriptedLink::with(facts::models());
    link.change(|script| {
        script.vitals = Some(Arc::new(facts::vitals(1)));
        script.events = (1..=100).map(|at| facts::event(at, "quake.seen", "quakes", "{}")).collect();
    });
    (Headless::new(Arc::new(link.clone()), 120, 40), link)
}

#[derive(Debug, Clone)]
enum Step {
    Bytes(Vec<u8>),
    Resize(u16, u16),
    Event(String),
    Gone(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = prop::sample::select("jkgGhl/:?!zsSvyapPrRXAUnDUfTteEoOxmiCyn1234 []{}<>bcw-*q#:07".chars().collect::<Vec<_>>());
    let special =
        prop::sample::select(vec!["\x1b", "\r", "\t", "\x1b[A", "\x1b[B", "\x04", "\x15", "\x7f", "\x1b[200~x\ny\x1b[201~"]);
    let step = prop_oneof![
        8 => key.prop_map(|key| Step::Bytes(key.to_string().into_bytes())),
        3 => special.prop_map(|text| Step::Bytes(text.as_bytes().to_vec())),
        1 => prop::collection::vec(any::<u8>(), 0..12).prop_map(Step::Bytes),
        2 => (0_u16..500, 0_u16..200).prop_map(|(columns, rows)| Step::Resize(columns, rows)),
        1 => any::<String>().prop_map(Step::Event),
        1 => any::<bool>().prop_map(Step::Gone),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_keys_sizes_and_events_are_survived(steps in steps()) {
        let (mut console, link) = console();
        let at = Mutex::new(100);
        for step in steps {
            match step {
                Step::Bytes(bytes) => drop(console.send(Input::Bytes(bytes)).screen()),
                Step::Resize(columns, rows) => drop(console.resize(columns, rows).screen()),
                Step::Event(text) => {
                    let mut at = at.lock().unwrap();
                    *at += 1;
                    link.emit(facts::event(*at, &text, &text, &text));
                    console.settle();
                }
                Step::Gone(gone) => {
                    link.set_gone(gone);
                    console.settle();
                }
            }
            if console.ended().is_some() {
                break;
            }
        }
    }
}

#[test]
fn every_size_is_drawn() {
    let (mut console, _) = console();
    for overlay in ["", ":", "?", "!", "p", "/", "t", "["] {
        console.press("esc esc").press(overlay);
        for (columns, rows) in (0..130).step_by(13).flat_map(|columns| (0..60).step_by(7).map(move |rows| (columns, rows))) {
            console.resize(columns, rows).screen();
        }
        console.resize(120, 40);
    }
}

#[test]
fn text_from_outside_never_reaches_the_terminal_raw() {
    let (mut console, link) = console();
    console.take_frames();
    let hostile = "\x1b]0;owned\x07\x1b[2Jx\u{9b}31m\u{202e}evil\u{200b}";
    link.emit(facts::event(101, hostile, hostile, &format!("{{\"a\":\"{hostile}\"}}")));
    console.settle();
    let sent: Vec<u8> = console.take_frames().concat();
    let text = String::from_utf8_lossy(&sent);
    assert!(!text.contains("\x1b]0;") && !text.contains('\u{9b}') && !text.contains('\u{202e}') && !text.contains('\u{200b}'));
    console.assert_shows("␛]0;owned");
}

#[test]
fn a_key_costs_one_small_frame_and_idleness_costs_none() {
    let (mut console, _) = console();
    console.settle().take_frames();
    console.press("j");
    let frames = console.take_frames();
    assert_eq!(frames.len(), 1);
    // The row that was left, the one that is entered, and the hints, which go by what is selected.
    assert!(frames[0].len() <= 900, "{} bytes", frames[0].len());
    console.settle();
    assert_eq!(console.take_frames(), Vec::<Vec<u8>>::new());
}

#[test]
fn a_burst_of_events_is_one_frame() {
    let (mut console, link) = console();
    console.settle().take_frames();
    for at in 101..=400 {
        link.emit(facts::event(at, "quake.seen", "quakes", &format!("{{\"n\":{at}}}")));
    }
    console.settle();
    assert_eq!(console.take_frames().len(), 1);
    assert_eq!(console.model().facts.dropped, 0);
}
