//! Commands in a session: the command line's own, with the role of the key, as a program would call them.

use std::{io::Write, process::Stdio};

use serde_json::Value;

use super::world::{LIVE, World, done};

fn asked(world: &World, name: &str, words: &[&str]) -> (Option<i32>, String, String) {
    done(&mut world.command(name, &["-T"], words))
}

#[test]
fn commands_answer_as_the_command_line_does_with_its_exit_codes() {
    let world = World::new();
    world.pipeline(LIVE);
    let (code, out, told) = asked(&world, "wall", &["pipeline", "list"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(out.starts_with("NAME") && out.contains("live  active"), "{out}");
    let (code, out, _) = asked(&world, "wall", &["events", "--json", "--type", "pipeline.created"]);
    assert_eq!(code, Some(0));
    let events: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((events.len(), &events[0]["type"]), (1, &Value::from("pipeline.created")));
    let (code, out, _) = asked(&world, "ben", &["node"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("as operator:ben with the role operator"), "{out}");
    let (code, out, told) = asked(&world, "ben", &["pipeline", "show", "nothing"]);
    assert_eq!((code, &*out), (Some(1), ""));
    assert!(told.contains("there is no pipeline `nothing`"), "{told}");
    let (code, _, told) = asked(&world, "ben", &["pipeline", "dance"]);
    assert_eq!(code, Some(2));
    assert!(told.contains("unrecognized subcommand 'dance'"), "{told}");
    let (code, out, _) = asked(&world, "ben", &["help"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("Usage: ssh HOST <COMMAND>") && out.contains("events") && !out.contains("doctor"), "{out}");
}

#[test]
fn a_role_is_the_same_by_command_as_by_console_and_the_actor_is_the_keys_name() {
    let world = World::new();
    world.pipeline(LIVE);
    let (code, _, told) = asked(&world, "wall", &["pipeline", "pause", "live"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("this takes the role operator; yours is viewer"), "{told}");
    let (code, out, _) = asked(&world, "ben", &["pipeline", "pause", "live", "--reason", "'too loud'"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("live is paused"), "{out}");
    let (code, _, told) = asked(&world, "ben", &["pipeline", "rollback", "live", "1"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("this takes the role admin; yours is operator"), "{told}");
    let (_, out, _) = asked(&world, "wall", &["events", "--json", "--type", "pipeline.paused"]);
    let paused: Value = serde_json::from_str(out.trim()).unwrap();
    assert_eq!((&paused["actor"]["name"], &paused["data"]["reason"]), (&Value::from("ben"), &Value::from("too loud")));
}

#[test]
fn files_come_from_the_client_by_standard_input_and_from_nowhere_else() {
    let world = World::new();
    let mut command = world.command("ana", &["-T"], &["pipeline", "create", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(LIVE.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "live is draft, revision 1\n");
    let (code, _, told) = asked(&world, "ana", &["pipeline", "create", "/etc/passwd"]);
    assert_eq!(code, Some(2));
    assert!(told.contains("/etc/passwd would be a file of the engine's machine: write - and give it"), "{told}");
    let (code, _, told) = asked(&world, "ana", &["events", "/var/lib/flexcore"]);
    assert_eq!(code, Some(2));
    assert!(told.contains("a session asks the engine itself"), "{told}");
    let (code, _, told) = asked(&world, "ana", &["pipeline", "list", "--url", "http://127.0.0.1:1"]);
    assert_eq!(code, Some(2));
    assert!(told.contains("without --url, --socket and --token"), "{told}");
}

#[test]
fn what_is_no_command_of_a_running_engine_is_refused() {
    let world = World::new();
    for (words, part) in [
        (&["doctor", "/"][..], "`doctor` is not about a running engine and is not served"),
        (&["sh", "-c", "id"][..], "unrecognized subcommand 'sh'"),
        (&["queue", "send", "q", "'oops"][..], "a quote is not closed"),
        (&["$(reboot)"][..], "unrecognized subcommand '$(reboot)'"),
    ] {
        let (code, out, told) = asked(&world, "ana", words);
        assert_eq!((code, &*out), (Some(2), ""), "{told}");
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn events_are_followed_until_ctrl_c_and_lines_are_lines_on_a_terminal() {
    let world = World::new();
    let mut terminal = world.terminal("wall", (120, 40), &["-t"], &["events", "--follow", "--since", "0"]);
    terminal.wait_for("engine.started");
    world.pipeline(LIVE);
    terminal.wait_for("pipeline.activated");
    assert!(terminal.contents().lines().filter(|line| line.starts_with("20")).count() > 2, "{}", terminal.contents());
    terminal.press("\x03");
    assert_eq!(terminal.wait_exit(), 130);
}

#[test]
fn a_follower_whose_client_is_gone_is_gone() {
    let world = World::new();
    let mut command = world.command("wall", &["-T"], &["events", "--follow", "--since", "0"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut first).unwrap();
    assert!(first.contains("engine.started"), "{first}");
    child.kill().unwrap();
    child.wait().unwrap();
    // Stopping waits for every session.
    world.runtime.block_on(world.served.stop(flexcore_engine::unit::Duration::from_secs(60)));
}
