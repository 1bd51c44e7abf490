//! Sessions: what a client's terminal shows, and how each ends by itself.

use std::sync::Arc;

use flexcore::local_link::LocalLink;

use super::world::{LIVE, World};

const SIZE: (u16, u16) = (120, 40);

#[test]
fn a_console_starts_works_compressed_and_leaves_the_terminal_as_it_was() {
    let world = World::new();
    world.pipeline(LIVE);
    let log = world.path("log");
    let mut terminal = world.terminal("ana", SIZE, &["-t", "-v", "-E", log.to_str().unwrap(), "-o", "LogLevel=DEBUG"], &[]);
    terminal.wait_for("live");
    assert!(terminal.in_alternate_screen(), "the console has a screen of its own");
    terminal.press("?");
    terminal.wait_for("Keys here");
    terminal.press("\x1b");
    terminal.wait_until("the help is gone", |screen| !screen.contents().contains("Keys here"));
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
    terminal.assert_restored();
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("server->client cipher: chacha20-poly1305@openssh.com MAC: <implicit> compression: zlib@openssh.com"));
}

#[test]
fn a_terminal_may_be_of_any_size_and_change_it() {
    let world = World::new();
    world.pipeline(LIVE);
    let mut terminal = world.terminal("ana", SIZE, &["-t"], &[]);
    terminal.wait_for("live");
    for size in [(1, 1), (39, 9), (40, 10), (80, 24), (300, 100), (5, 60), (1_000, 500), (0, 0), (120, 40)] {
        terminal.resize(size);
    }
    terminal.wait_for("live");
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
    terminal.assert_restored();
}

#[test]
fn a_storm_of_sizes_is_weathered() {
    let world = World::new();
    world.pipeline(LIVE);
    let mut terminal = world.terminal("ana", SIZE, &["-t"], &[]);
    terminal.wait_for("live");
    for at in 0..300_u16 {
        terminal.resize((20 + at % 180, 5 + at % 60));
    }
    terminal.resize((80, 24));
    terminal.wait_until("the last size is drawn", |screen| {
        screen.contents().contains("live") && screen.contents().lines().all(|line| line.chars().count() <= 80)
    });
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
    terminal.assert_restored();
}

#[test]
fn a_panic_in_one_session_ends_it_alone() {
    let world = World::linked(|app, name, role| {
        assert_ne!(&*name, "ben", "a panic on purpose");
        Arc::new(LocalLink::of(app.clone(), name, role))
    });
    world.pipeline(LIVE);
    let mut ana = world.terminal("ana", SIZE, &["-t"], &[]);
    ana.wait_for("live");
    let mut ben = world.terminal("ben", SIZE, &["-t"], &[]);
    ben.wait_for("this session failed; the engine's log says how");
    assert_eq!(ben.wait_exit(), 1);
    ben.assert_restored();
    ana.press("?");
    ana.wait_for("Keys here");
}

#[test]
fn an_engine_that_stops_says_so_to_everybody() {
    let world = World::new();
    let (mut ana, mut wall) = (world.terminal("ana", SIZE, &["-t"], &[]), world.terminal("wall", SIZE, &["-t"], &[]));
    ana.wait_for("ana");
    wall.wait_for("wall");
    world.runtime.block_on(world.served.stop(flexcore_engine::unit::Duration::from_secs(10)));
    for terminal in [&mut ana, &mut wall] {
        terminal.wait_for("the engine stops");
        assert_eq!(terminal.wait_exit(), 1);
        terminal.assert_restored();
    }
}
