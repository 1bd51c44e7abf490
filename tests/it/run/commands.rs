//! Commands that act on a running engine: by its socket, in its user's name.

use std::io::{BufRead, BufReader};

use rustix::process::Signal;
use serde_json::Value;

use super::process::{Done, Place, Running};

const COPY: &str = "
name: copy
steps:
  - {name: make, uses: generate, with: {count: 1, template: '{n: $n}'}}
  - {name: out, uses: drop}
";

fn served(place: &Place) -> Running {
    let mut running = place.start(&["serve", "."]);
    running.until("serving until SIGTERM");
    running
}

fn done(place: &Place, arguments: &[&str]) -> Done {
    let done = place.done(arguments);
    assert_eq!(done.code, Some(0), "{arguments:?}: {}", done.told);
    done
}

fn json(place: &Place, arguments: &[&str]) -> Value {
    let mut all = arguments.to_vec();
    all.push("--json");
    serde_json::from_str(&done(place, &all).out).unwrap()
}

#[test]
fn a_pipeline_is_operated_from_the_command_line() {
    let place = Place::with(COPY);
    let mut running = served(&place);
    assert!(done(&place, &["pipeline", "list"]).out.contains("copy  active"));
    assert!(done(&place, &["pipeline", "show", "copy"]).out.contains("uses: generate"));
    place.write("other.yaml", &COPY.replace("copy", "other"));
    assert_eq!(json(&place, &["pipeline", "create", "other.yaml"])["state"], "draft");
    let run = json(&place, &["pipeline", "run", "copy"]);
    let id = run["id"].as_str().unwrap();
    assert!(done(&place, &["runs", "show", id]).out.contains("run 1 of copy"));
    assert!(done(&place, &["runs", "list", "--pipeline", "copy"]).out.contains(id));
    done(&place, &["runs", "logs", id]);
    // It is well as soon as everything was looked at once.
    let well = (0..500).map(|_| place.done(&["node", "health"])).find(|health| health.code == Some(0));
    let health = well.expect("it is healthy in the end").out;
    assert!(health.starts_with("healthy") && health.contains("log writable"), "{health}");
    assert!(json(&place, &["node", "health"])["checks"].is_array());
    assert_eq!(json(&place, &["pipeline", "pause", "copy", "--reason", "lunch"])["paused_because"], "lunch");
    for verb in ["resume", "archive", "restore", "archive", "delete"] {
        done(&place, &["pipeline", verb, "copy"]);
    }
    let gone = place.done(&["pipeline", "show", "copy"]);
    assert_eq!(gone.code, Some(1));
    assert!(gone.told.contains("there is no pipeline `copy`"), "{}", gone.told);
    place.write("bad.yaml", "name: bad\n");
    let bad = place.done(&["pipeline", "create", "bad.yaml"]);
    assert!(bad.told.contains("1:1: "), "{}", bad.told);
    running.signal(Signal::TERM);
    assert_eq!(running.end().code(), Some(0), "{}", running.told);
    assert_eq!(place.done(&["node", "health"]).code, Some(2));
}

#[test]
fn why_it_is_so_is_told_on_the_command_line_now_and_then() {
    let place = Place::with(&COPY.replace("template: '{n: $n}'", "template: '$n | error'"));
    let mut running = served(&place);
    let run = json(&place, &["pipeline", "run", "copy"]);
    running.until("alert run-failed/copy");
    let id = run["id"].as_str().unwrap();
    let told = done(&place, &["runs", "why", id]).out;
    assert!(told.starts_with("run #1 of copy failed in attempt 1: step make: "), "{told}");
    assert!(told.contains("\nbecause:\n") && told.contains("\nyou can:\n"), "{told}");
    assert!(told.contains(&format!("flexcore runs retry {id}")), "{told}");
    let why = json(&place, &["runs", "why", id]);
    assert_eq!((&why["state"], &why["facts"][0]["type"]), (&"failed".into(), &"run.failed".into()));
    done(&place, &["pipeline", "pause", "copy", "--reason", "lunch"]);
    let told = done(&place, &["pipeline", "why", "copy"]).out;
    assert!(told.starts_with("copy is paused by ") && told.contains("lunch"), "{told}");
    assert!(told.contains("resume it: flexcore pipeline resume copy"), "{told}");
    let position = why["facts"][0]["position"].to_string();
    let then = done(&place, &["pipeline", "why", "copy", "--at", &position]).out;
    assert!(then.starts_with("copy is active"), "{then}");
    assert!(done(&place, &["pipeline", "why", "copy", "--at", "now"]).out.starts_with("copy is paused"));
    assert!(done(&place, &["queue", "why", "copy.dead"]).out.contains("dead letters of copy"));
    let bad = place.done(&["runs", "why", id, "--at", "yesterday"]);
    assert_eq!(bad.code, Some(2));
    assert!(bad.told.contains("--at: `yesterday` is no moment"), "{}", bad.told);
    assert_eq!(place.done(&["pipeline", "why", "other"]).code, Some(1));
    running.signal(Signal::TERM);
    assert_eq!(running.end().code(), Some(0), "{}", running.told);
}

#[test]
fn queues_and_the_node_are_operated_from_the_command_line() {
    let place = Place::with(COPY);
    let mut running = served(&place);
    assert!(done(&place, &["queue", "send", "orders", "{\"n\": 1}"]).out.starts_with("sent: "));
    assert!(done(&place, &["queue", "list"]).out.contains("orders"));
    assert_eq!(json(&place, &["queue", "peek", "orders"])["items"][0]["body"]["n"], 1);
    assert_eq!(done(&place, &["queue", "purge", "orders"]).out, "1 message purged\n");
    assert_eq!(place.done(&["queue", "redrive", "orders"]).code, Some(1));
    assert_eq!(place.done(&["queue", "send", "orders", "{"]).code, Some(2));
    assert!(done(&place, &["node"]).out.contains("with the role admin"));
    running.signal(Signal::TERM);
    assert_eq!(running.end().code(), Some(0), "{}", running.told);
}

#[test]
fn where_nothing_runs_or_too_much_the_command_says_so() {
    let place = Place::with(COPY);
    let none = place.done(&["node"]);
    assert_eq!(none.code, Some(2));
    assert!(none.told.contains("no engine of yours is running") && none.told.contains("flexcore"), "{}", none.told);
    let odd = place.done(&["node", "--url", "http://127.0.0.1:1"]);
    assert_eq!(odd.code, Some(2), "{}", odd.told);
    let (mut first, mut second) = (served(&place), served(&place));
    let two = place.done(&["node"]);
    assert_eq!(two.code, Some(2));
    assert_eq!(two.told.matches("--socket ").count(), 2, "{}", two.told);
    let which = two.told.split("--socket ").nth(1).unwrap().split_whitespace().next().unwrap();
    done(&place, &["node", "--socket", which]);
    for running in [&mut first, &mut second] {
        running.signal(Signal::TERM);
        assert_eq!(running.end().code(), Some(0), "{}", running.told);
    }
}

#[test]
fn tokens_are_made_listed_and_revoked() {
    let place = Place::new();
    let at = "api.tokens=keys/tokens.json";
    let token = done(&place, &["token", "create", "ci", "--role", "operator", "--expires", "1h", "--set", at]).out;
    assert!(token.starts_with("fxc_"), "{token}");
    let listed = done(&place, &["token", "list", "--set", at]).out;
    assert!(listed.contains("ci") && listed.contains("operator") && !listed.contains(token.trim()), "{listed}");
    let mut running = place.start(&["serve", "--http", "127.0.0.1:0", "--set", at]);
    running.until("the API is served");
    let address = running.told.split("address=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let url = format!("http://{address}");
    let asked = done(&place, &["node", "--url", &url, "--token", token.trim()]).out;
    assert!(asked.contains("as token:ci with the role operator"), "{asked}");
    assert_eq!(place.done(&["node", "--url", &url]).code, Some(1));
    done(&place, &["token", "revoke", "ci", "--set", at]);
    let mut refused = false;
    while !refused {
        refused = place.done(&["node", "--url", &url, "--token", token.trim()]).code == Some(1);
    }
    running.signal(Signal::TERM);
    assert_eq!(running.end().code(), Some(0), "{}", running.told);
    assert_eq!(place.done(&["token", "list"]).code, Some(2));
}

#[test]
fn alerts_are_listed_and_silenced_from_the_command_line() {
    let place =
        Place::with(&format!("{COPY}\n").replace("{count: 1, template: '{n: $n}'}", "{count: 1, template: '$n | error'}"));
    let mut running = served(&place);
    done(&place, &["pipeline", "run", "copy"]);
    running.until("alert run-failed/copy");
    assert!(done(&place, &["alert", "list", "--state", "raised"]).out.contains("run-failed/copy  raised"));
    assert!(done(&place, &["alert", "show", "run-failed/copy"]).out.contains("look at pipeline copy"));
    let silenced = json(&place, &["alert", "silence", "run-failed/copy", "--for", "2h", "--reason", "known"]);
    assert_eq!(silenced["silence"]["reason"], "known");
    assert!(done(&place, &["alert", "list", "--silenced"]).out.contains("run-failed/copy"));
    assert_eq!(done(&place, &["alert", "unsilence", "run-failed/copy"]).out, "run-failed/copy is no longer silenced\n");
    let again = place.done(&["alert", "unsilence", "run-failed/copy"]);
    assert_eq!(again.code, Some(1));
    assert!(again.told.contains("is not silenced"), "{}", again.told);
    running.signal(Signal::TERM);
    assert_eq!(running.end().code(), Some(0), "{}", running.told);
}

#[test]
fn a_message_is_received_answered_and_mended_from_the_command_line() {
    let place = Place::with(COPY);
    let mut running = served(&place);
    done(&place, &["queue", "declare", "orders", "--attempts-max", "1"]);
    for n in ["1", "2"] {
        done(&place, &["queue", "send", "orders", n]);
    }
    let received = json(&place, &["queue", "receive", "orders", "--max", "2", "--lease", "60s"]);
    let ids: Vec<&str> = received["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
    done(&place, &["queue", "extend", "orders", ids[0], "--delivery", "1", "--lease", "2m"]);
    assert_eq!(done(&place, &["queue", "ack", "orders", ids[0], "--delivery", "1"]).out, format!("{} is done\n", ids[0]));
    done(&place, &["queue", "nack", "orders", ids[1], "--delivery", "1", "--error", "odd"]);
    assert!(done(&place, &["queue", "dead", "orders"]).out.contains("odd"));
    done(&place, &["queue", "edit", "orders", ids[1], "{\"n\": 2}"]);
    assert_eq!(json(&place, &["queue", "dead", "orders"])["items"][0]["body"]["n"], 2);
    done(&place, &["queue", "redrive", "orders", ids[1]]);
    assert!(done(&place, &["queue", "show", "orders"]).out.contains("1 ready"));
    running.signal(Signal::TERM);
    assert_eq!(running.end().code(), Some(0), "{}", running.told);
}

#[test]
fn events_are_followed_through_a_restart_of_the_engine() {
    let place = Place::with(COPY);
    let kept = ["serve", ".", "--data", "data"];
    let mut running = place.start(&kept);
    running.until("serving until SIGTERM");
    let mut follow = place.start(&[
        "events",
        "--follow",
        "--since",
        "1",
        "--type",
        "pipeline.activated",
        "--type",
        "pipeline.paused",
        "--json",
    ]);
    let mut lines = BufReader::new(follow.child.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(next()["type"], "pipeline.activated");
    done(&place, &["pipeline", "pause", "copy"]);
    let paused = next();
    assert_eq!(paused["type"], "pipeline.paused");
    running.signal(Signal::TERM);
    assert_eq!(running.end().code(), Some(0), "{}", running.told);
    let mut running = place.start(&kept);
    running.until("serving until SIGTERM");
    done(&place, &["pipeline", "resume", "copy"]);
    done(&place, &["pipeline", "pause", "copy"]);
    let again = next();
    assert_eq!(again["type"], "pipeline.paused");
    assert!(again["position"].as_u64() > paused["position"].as_u64());
    let newest = done(&place, &["events", "--max", "1", "--type", "pipeline.paused"]).out;
    assert!(newest.lines().count() == 1 && newest.contains("copy"), "{newest}");
    running.signal(Signal::TERM);
    assert_eq!(running.end().code(), Some(0), "{}", running.told);
}
