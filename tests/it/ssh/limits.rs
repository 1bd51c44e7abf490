//! Limits: how many, how fast, how long; and that a hundred at once are no more than a hundred.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Stdio,
};

use flexcore_engine::{event::Event, id::Position, port::store::Filter};
use rustix::process::{Pid, Signal, kill_process};
use tokio::task::JoinSet;

use super::{
    raw::{connected, console, ends, shows},
    world::{LIVE, World, done},
};

const SIZE: (u16, u16) = (120, 40);

#[test]
fn a_hundred_at_once_have_a_console_each() {
    let world = World::with(&[("sshd.sessions_max", "100"), ("sshd.sessions_each_max", "100")]);
    world.pipeline(LIVE);
    let address = world.served.address.unwrap();
    world.runtime.block_on(async {
        let mut clients = JoinSet::new();
        // A connection that has not come in yet is one of fifty of its address.
        let door = std::sync::Arc::new(tokio::sync::Semaphore::new(40));
        for at in 0..100 {
            let door = door.clone();
            clients.spawn(async move {
                let knocking = door.acquire().await.unwrap();
                let handle = connected(address, ["ana", "ben", "wall"][at % 3]).await.unwrap();
                drop(knocking);
                let mut channel = console(&handle, "xterm-256color", 80, 24).await.unwrap();
                assert!(shows(&mut channel, "live").await, "client {at} saw nothing");
                (handle, channel)
            });
        }
        let mut open = clients.join_all().await;
        let (_, told) = refused(&world);
        assert!(told.contains("there are 100 sessions already (setting sshd.sessions_max)"), "{told}");
        for (_, channel) in &mut open {
            channel.data(&b"q"[..]).await.unwrap();
            assert_eq!(ends(channel).await, Some(0));
        }
    });
}

fn refused(world: &World) -> (Option<i32>, String) {
    let (code, _, told) = done(&mut world.command("ana", &["-T", "-o", "LogLevel=INFO"], &["node"]));
    (code, told)
}

#[test]
fn one_key_has_so_many_sessions_and_hears_which_setting_says_so() {
    let world = World::with(&[("sshd.sessions_each_max", "1")]);
    let ana = world.terminal("ana", SIZE, &["-t"], &[]);
    ana.wait_for("ana");
    let (code, told) = refused(&world);
    assert_eq!(code, Some(255), "{told}");
    assert!(told.contains("there are 1 sessions of this key already (setting sshd.sessions_each_max)"), "{told}");
    let ben = world.terminal("ben", SIZE, &["-t"], &[]);
    ben.wait_for("ben");
}

#[test]
fn an_address_that_knocks_too_often_is_told_to_wait() {
    let world = World::with(&[("sshd.rate_max", "1")]);
    let knocks: Vec<String> = (0..5)
        .map(|_| {
            let mut line = String::new();
            let stream = TcpStream::connect(world.served.address.unwrap()).unwrap();
            std::io::BufRead::read_line(&mut std::io::BufReader::new(&stream), &mut line).unwrap();
            line
        })
        .collect();
    assert!(knocks[0].starts_with("SSH-2.0-FlexCore_"), "{knocks:?}");
    assert!(knocks.iter().any(|line| line.starts_with("Too many connections from your address in a second")), "{knocks:?}");
}

#[test]
fn whoever_does_not_come_in_in_time_is_cut_off() {
    let world = World::with(&[("sshd.login_max", "1s")]);
    let mut silent = TcpStream::connect(world.served.address.unwrap()).unwrap();
    let mut half = TcpStream::connect(world.served.address.unwrap()).unwrap();
    half.write_all(b"SSH-2.0-test\r\n").unwrap();
    for stream in [&mut silent, &mut half] {
        // The end, or a reset: what matters is that it comes.
        let _ = stream.read_to_end(&mut Vec::new());
    }
}

#[test]
fn one_connection_tries_so_many_keys() {
    let world = World::with(&[("sshd.attempts_max", "2")]);
    let keys: Vec<String> = ["one", "two", "three"].iter().flat_map(|name| ["-i".to_owned(), world.key_file(name)]).collect();
    let more: Vec<&str> = keys.iter().map(String::as_str).chain(["-T"]).collect();
    let (code, _, told) = done(&mut world.command("ana", &more, &["node"]));
    assert_eq!(code, Some(255), "{told}");
    assert!(told.contains("Too many authentication attempts"), "{told}");
}

#[test]
fn a_console_at_which_nobody_sits_ends() {
    let world = World::with(&[("sshd.idle_max", "1s")]);
    world.pipeline(LIVE);
    let mut terminal = world.terminal("wall", SIZE, &["-t"], &[]);
    terminal.wait_for("no key was pressed for 1s (setting sshd.idle_max)");
    assert_eq!(terminal.wait_exit(), 1);
    terminal.assert_restored();
}

/// Waits for the end of a session, and says why it ended.
fn reason(world: &World) -> String {
    world.runtime.block_on(async {
        let store = world.app.engine.store();
        let mut seen = Position(0);
        loop {
            let page = store.read(seen, &Filter::default(), 1_000).await.unwrap();
            for envelope in &page.events {
                if let Some(Ok(Event::SessionClosed(closed))) = envelope.decode() {
                    return closed.reason;
                }
            }
            seen = page.seen;
            store.wait_past(seen).await;
        }
    })
}

#[test]
fn a_client_that_stands_still_is_cut_off() {
    let world = World::with(&[("sshd.stalled_max", "1s")]);
    world.pipeline(&LIVE.replace("1h", "50ms"));
    let mut command = world.command("ana", &["-tt"], &[]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut keys, mut shown) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut seen = Vec::new();
    let mut answered = 0;
    // A terminal that answers, until it no longer does.
    while answered < 3 {
        let mut piece = [0; 4096];
        let count = shown.read(&mut piece).unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&piece[..count]);
        let asked = seen.windows(4).filter(|window| window == b"\x1b[5n").count();
        while answered < asked {
            keys.write_all(b"\x1b[0n").unwrap();
            answered += 1;
        }
    }
    kill_process(Pid::from_child(&child), Signal::STOP).unwrap();
    assert!(reason(&world).contains("the terminal has said nothing for"));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_client_that_is_killed_leaves_room_for_the_next() {
    let world = World::with(&[("sshd.sessions_max", "1")]);
    world.pipeline(LIVE);
    let mut command = world.command("ana", &["-tt"], &[]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0; 100]).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(reason(&world), "the client is gone");
    let mut next = world.terminal("ana", SIZE, &["-t"], &[]);
    next.wait_for("live");
    next.press("q");
    assert_eq!(next.wait_exit(), 0);
}

#[test]
fn a_reader_that_takes_nothing_is_cut_off_and_nothing_piles_up() {
    let world = World::with(&[("sshd.stalled_max", "1s")]);
    // More than pipes, windows and buffers on the way can hold.
    world.runtime.block_on(async {
        let water = "~".repeat(60_000);
        for at in 0..400 {
            world.append("flood.drop", format!("{{\"at\":{at},\"water\":\"{water}\"}}")).await;
        }
    });
    let mut command = world.command("wall", &["-T", "-o", "Compression=no"], &["events", "--json", "--type", "flood.drop"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    assert_eq!(reason(&world), "the client takes nothing");
    // Nobody waits for it any more.
    assert!(done(&mut world.command("wall", &["-T"], &["node"])).0 == Some(0));
    child.kill().unwrap();
    child.wait().unwrap();
}
