//! Who comes in: keys, roles, and what is refused.

use std::fs;

use flexcore::ssh::SshError;

use super::world::{LIVE, PEOPLE, World, done, line};
use crate::run::process::Place;

const SIZE: (u16, u16) = (120, 40);

#[test]
fn a_key_that_is_not_known_does_not_come_in_and_nothing_else_is_asked() {
    let world = World::new();
    let (code, out, told) = done(&mut world.command("stranger", &["-T"], &[]));
    assert_eq!((code, &*out), (Some(255), ""));
    assert!(told.contains("Permission denied (publickey)."), "{told}");
}

#[test]
fn a_viewer_looks_an_operator_steers_and_an_admin_changes() {
    let world = World::new();
    world.pipeline(LIVE);
    let mut wall = world.terminal("wall", SIZE, &["-t"], &[]);
    wall.wait_for("wall (read-only)");
    wall.wait_for("live");
    wall.press("p");
    wall.wait_for("read-only");
    let mut ben = world.terminal("ben", SIZE, &["-t"], &[]);
    ben.wait_until("ben may act", |screen| screen.contents().contains("ben  ") && screen.contents().contains("● running"));
    ben.press("p");
    ben.wait_for("Pause live");
    ben.press("y");
    ben.wait_for("‖ paused");
    wall.wait_for("‖ paused");
    let events = world.runtime.block_on(world.app.engine.store().read(
        flexcore_engine::id::Position(0),
        &flexcore_engine::port::store::Filter { stream_prefix: None, types: vec!["pipeline.paused".into()] },
        10,
    ));
    assert_eq!(events.unwrap().events[0].event.actor.to_string(), "ben");
    let mut ana = world.terminal("ana", SIZE, &["-t"], &[]);
    ana.wait_for("‖ paused");
    ana.press("q");
    assert_eq!(ana.wait_exit(), 0);
}

#[test]
fn the_host_has_the_same_key_after_a_restart() {
    let world = World::new();
    assert_eq!(done(&mut world.command("ana", &["-T"], &[])).0, Some(2));
    let (fingerprint, port) = (world.served.fingerprint.clone(), world.port());
    let World { folder, app, served, runtime, listening } = world;
    runtime.block_on(served.stop(flexcore_engine::unit::Duration::from_secs(5)));
    drop((app, listening));
    let again = World::begun(folder, &[], None).unwrap();
    assert_eq!(again.served.fingerprint, fingerprint);
    // What was learned for one port is not asked about for another.
    let known = fs::read_to_string(again.path("known")).unwrap();
    fs::write(again.path("known"), known.replace(&port, &again.port())).unwrap();
    let strict = ["-T", "-o", "StrictHostKeyChecking=yes"];
    assert_eq!(done(&mut again.command("ana", &strict, &[])).0, Some(2));
}

#[test]
fn nothing_is_served_to_nobody() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("keys"), "# nobody yet\n").unwrap();
    let Err(SshError::Keys(error)) = World::begun(folder, &[], None) else { panic!("it was served") };
    assert!(error.to_string().contains("has no key, so nobody could come in"), "{error}");
    let place = Place::new();
    let told = place.done(&["serve", "--ssh", "127.0.0.1:0", "--set", "socket=none"]).told;
    assert!(told.contains("--ssh needs to know who may come in: set sshd.authorized_keys"), "{told}");
    place.write("keys", &line("role=\"boss\" ", "ana"));
    let set = format!("sshd.authorized_keys={}", place.path("keys").display());
    let done = place.done(&["serve", "--ssh", "127.0.0.1:0", "--set", "socket=none", "--set", &set]);
    assert!(done.told.contains("keys: line 1: `boss` is not a role: viewer, operator or admin"), "{}", done.told);
    assert_eq!(done.code, Some(2));
}

#[test]
fn whoever_loses_the_key_loses_the_session() {
    let world = World::new();
    let mut ben = world.terminal("ben", SIZE, &["-t"], &[]);
    ben.wait_for("ben");
    fs::write(world.path("keys"), line(PEOPLE[0].1, PEOPLE[0].0)).unwrap();
    assert_eq!(world.served.reload(), Some(1));
    ben.wait_for("your key may no longer come in");
    assert_eq!(ben.wait_exit(), 1);
    ben.assert_restored();
    assert_eq!(done(&mut world.command("ben", &["-T"], &[])).0, Some(255));
}

#[test]
fn everything_but_consoles_and_commands_is_refused() {
    let world = World::new();
    let (code, _, told) = done(&mut world.command("ana", &["-T"], &[]));
    assert_eq!(
        (code, &*told),
        (Some(2), "flexcore: a console needs a terminal (`ssh -t`); without one there are commands, which `help` lists\n")
    );
    let (code, _, told) = done(&mut world.command("ana", &["-s"], &["sftp"]));
    assert_eq!(code, Some(255), "{told}");
    assert!(told.contains("subsystem request failed"), "{told}");
    let forward = ["-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:22"];
    let (code, _, told) = done(&mut world.command("ana", &forward, &[]));
    assert_eq!(code, Some(255), "{told}");
    assert!(told.contains("forwarding failed"), "{told}");
    let (code, _, told) = done(&mut world.command("ana", &["-W", "127.0.0.1:22"], &[]));
    assert_eq!(code, Some(255), "{told}");
    assert!(told.contains("stdio forwarding failed"), "{told}");
}
