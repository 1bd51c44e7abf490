//! Who is here: in the console, by command, in the log; and what consoles showed.

use serde_json::Value;

use super::world::{LIVE, World, done};

const SIZE: (u16, u16) = (120, 40);

#[test]
fn two_consoles_see_each_other_and_the_log_has_both_from_begin_to_end() {
    let world = World::new();
    world.pipeline(LIVE);
    let ana = world.terminal("ana", SIZE, &["-t"], &[]);
    ana.wait_for("live");
    let mut ben = world.terminal("ben", (80, 24), &["-t"], &[]);
    ben.wait_for("+1  ben");
    ana.wait_for("with ben  ana");
    let (_, out, _) = done(&mut world.command("wall", &["-T"], &["node", "sessions"]));
    let rows: Vec<Vec<&str>> = out.lines().map(|line| line.split_whitespace().take(3).collect()).collect();
    assert_eq!(rows[0], ["WHO", "ROLE", "BY"]);
    assert_eq!(
        rows[1..],
        [["operator:ana", "admin", "ssh"], ["operator:ben", "operator", "ssh"], ["operator:wall", "viewer", "ssh"]]
    );
    ben.press("q");
    assert_eq!(ben.wait_exit(), 0);
    ana.wait_until("ben is gone", |screen| !screen.contents().contains("with ben"));
    let types = ["--type", "session.opened", "--type", "session.closed"];
    let (_, out, _) = done(&mut world.command("wall", &["-T"], &[&["events", "--json"][..], &types].concat()));
    let events: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_ben: Vec<_> = events.iter().filter(|event| event["actor"]["name"] == "ben").collect();
    assert_eq!((of_ben.len(), &of_ben[0]["type"], &of_ben[1]["type"]), (2, &"session.opened".into(), &"session.closed".into()));
    assert_eq!((&of_ben[0]["data"]["role"], &of_ben[0]["data"]["command"]), (&Value::from("operator"), &Value::Null));
    assert!(of_ben[0]["data"]["from"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert_eq!((&of_ben[1]["data"]["reason"], &of_ben[1]["data"]["exit_code"]), (&Value::from(""), &Value::from(0)));
    assert_eq!(of_ben[0]["stream"], of_ben[1]["stream"]);
    let of_wall = events.iter().find(|event| event["actor"]["name"] == "wall").unwrap();
    assert_eq!(of_wall["data"]["command"], "node");
}

#[test]
fn health_lists_who_is_here() {
    let world = World::new();
    let mut ana = world.terminal("ana", SIZE, &["-t"], &[]);
    ana.wait_for("ana");
    let wall = world.terminal("wall", SIZE, &["-t"], &[]);
    wall.wait_for("wall");
    ana.press("4\r");
    ana.wait_for("Here now 2");
    ana.wait_for("viewer   ssh 127.0.0.1:");
}

#[test]
fn a_recording_replays_what_was_seen() {
    let recordings = tempfile::tempdir().unwrap();
    let world = World::with(&[("sshd.recordings", recordings.path().to_str().unwrap())]);
    world.pipeline(LIVE);
    let mut terminal = world.terminal("ana", SIZE, &["-t"], &[]);
    terminal.wait_for("live");
    terminal.press("?");
    terminal.wait_for("Keys here");
    terminal.press("\x1b");
    terminal.wait_until("the help is gone", |screen| !screen.contents().contains("Keys here"));
    terminal.resize((80, 24));
    terminal.wait_until("the small screen", |screen| screen.contents().lines().any(|line| line.starts_with(" 4 Health")));
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
    let (_, out, _) = done(&mut world.command("wall", &["-T"], &["events", "--json", "--type", "session.opened"]));
    let opened: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    let file = opened["data"]["recording"].as_str().unwrap();
    assert!(file.contains("-ana-"), "{file}");
    let text = std::fs::read_to_string(recordings.path().join(file)).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let header = lines.next().unwrap();
    assert_eq!((&header["version"], &header["width"], &header["height"]), (&2.into(), &120.into(), &40.into()));
    let mut parser = vt100::Parser::new(40, 120, 0);
    let (mut seen, mut sizes, mut last) = (Vec::new(), Vec::new(), 0.0);
    for line in lines {
        let (at, data) = (line[0].as_f64().unwrap(), line[2].as_str().unwrap());
        assert!(at >= last, "time goes on");
        last = at;
        if line[1] == "r" {
            sizes.push(data.to_owned());
            parser.screen_mut().set_size(24, 80);
        } else {
            parser.process(data.as_bytes());
            seen.push(parser.screen().contents());
        }
    }
    assert!(seen.iter().any(|screen| screen.contains("live")) && seen.iter().any(|screen| screen.contains("Keys here")));
    assert_eq!(sizes, ["80x24"]);
    assert!(!parser.screen().alternate_screen(), "a player's terminal is as it was before");
}
