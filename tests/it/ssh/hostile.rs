//! What no client may do: garbage, floods, lies about its terminal.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use super::{
    raw::{connected, console, ends, shows},
    world::{LIVE, World, done},
};

fn still_serves(world: &World) {
    let (code, out, told) = done(&mut world.command("wall", &["-T"], &["node"]));
    assert_eq!(code, Some(0), "{told}");
    assert!(out.contains("as operator:wall"), "{out}");
}

#[test]
fn garbage_before_the_handshake_costs_the_connection_and_nothing_else() {
    let world = World::new();
    let endless = vec![b'x'; 1 << 20];
    let packet = [b"SSH-2.0-x\r\n".to_vec(), vec![0xff; 4096]].concat();
    let zeros = [b"SSH-2.0-x\r\n".to_vec(), vec![0; 4096]].concat();
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"SSH-1.0-old\r\n", b"\0\0\0\0\0\0\0\0\r\n", &endless, &packet, &zeros] {
        let mut stream = TcpStream::connect(world.served.address.unwrap()).unwrap();
        // It may be cut off before all was sent, or read.
        let _ = stream.write_all(bytes);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    still_serves(&world);
}

#[test]
fn whatever_is_typed_is_typed_at_a_console() {
    let world = World::new();
    world.pipeline(LIVE);
    let address = world.served.address.unwrap();
    world.runtime.block_on(async {
        let handle = connected(address, "wall").await.unwrap();
        let mut channel = console(&handle, "xterm-256color", 80, 24).await.unwrap();
        assert!(shows(&mut channel, "live").await);
        let mut state = 1_u32;
        // Without the bytes that leave: `q`, and Ctrl-C.
        let mut noise = vec![0; 200_000];
        noise.fill_with(|| {
            loop {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let byte = (state >> 24) as u8;
                if ![b'q', b'Q', 3].contains(&byte) {
                    break byte;
                }
            }
        });
        channel.data(&noise[..]).await.unwrap();
        channel.data(&b"\x1b\x1b[200~"[..]).await.unwrap();
        channel.eof().await.unwrap();
        assert_eq!(ends(&mut channel).await, Some(1));
    });
    still_serves(&world);
}

#[test]
fn a_terminal_that_lies_about_itself_is_drawn_within_reason() {
    let world = World::new();
    world.pipeline(LIVE);
    let address = world.served.address.unwrap();
    world.runtime.block_on(async {
        let handle = connected(address, "wall").await.unwrap();
        for (term, columns, rows) in [("\x1b]0;x\x07", u32::MAX, u32::MAX), ("", 0, 0), (&*"x".repeat(30_000), 80, 24)] {
            let mut channel = console(&handle, term, columns, rows).await.unwrap();
            assert!(shows(&mut channel, "live").await, "{columns}x{rows}");
            for size in [0, 1, 65_535, u32::MAX] {
                channel.window_change(size, size, 0, 0).await.unwrap();
            }
            channel.window_change(80, 24, 0, 0).await.unwrap();
            channel.data(&b"q"[..]).await.unwrap();
            assert_eq!(ends(&mut channel).await, Some(0));
        }
    });
    still_serves(&world);
}

#[test]
fn a_connection_has_ten_sessions_and_a_channel_runs_one_thing() {
    let world = World::new();
    let address = world.served.address.unwrap();
    world.runtime.block_on(async {
        let handle = connected(address, "ana").await.unwrap();
        let mut channels = Vec::new();
        for _ in 0..10 {
            channels.push(handle.channel_open_session().await.unwrap());
        }
        let refused = handle.channel_open_session().await.unwrap_err().to_string();
        assert!(refused.contains("ResourceShortage"), "{refused}");
        let channel = &mut channels[0];
        for _ in 0..1_000 {
            channel.set_env(false, "LD_PRELOAD", "/tmp/x.so").await.unwrap();
        }
        channel.exec(true, "node").await.unwrap();
        channel.exec(true, "node").await.unwrap();
        assert_eq!(ends(channel).await, Some(0));
    });
    still_serves(&world);
}

#[test]
fn other_clients_than_opensshs_need_not_compress() {
    let world = World::new();
    let address = world.served.address.unwrap();
    world.runtime.block_on(async {
        let mut config = russh::client::Config::default();
        config.preferred.compression = std::borrow::Cow::Owned(vec![russh::compression::NONE]);
        let connected = russh::client::connect(std::sync::Arc::new(config), address, super::raw::Trusting).await;
        assert!(connected.is_ok(), "{:?}", connected.err());
    });
}
