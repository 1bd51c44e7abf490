//! Keys: how long their frames take, and how many bytes.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::pty::Program;

/// The selected row of the pane with the focus.
const MARK: &str = "▶";

/// Milliseconds of moves of the selection, at moments that have nothing to do with those of frames.
pub(crate) fn latencies(program: &Program, keys: usize) -> Vec<f64> {
    let row = |screen: &vt100::Screen| screen.contents().lines().position(|line| line.contains(MARK));
    (0..keys)
        .map(|at| {
            thread::sleep(Duration::from_millis(40 + (at as u64 * 37) % 90));
            let before = program.look(row);
            let pressed = Instant::now();
            program.press(if at % 8 < 4 { "j" } else { "k" });
            ms(program.until("the next row", |screen| row(screen) != before) - pressed)
        })
        .collect()
}

/// The same of the peer.
pub(crate) fn peer_latencies(peer: &Program, keys: usize) -> Vec<f64> {
    (0..keys)
        .map(|at| {
            thread::sleep(Duration::from_millis(40 + (at as u64 * 37) % 90));
            let before = peer.look(vt100::Screen::contents);
            let pressed = Instant::now();
            peer.press(if at % 8 < 4 { "\x1b[B" } else { "\x1b[A" });
            peer.until("the next row", |screen| screen.contents() != before);
            ms(peer.quiet() - pressed)
        })
        .collect()
}

/// What each move takes of what is counted, where nothing else moves.
pub(crate) fn bytes_a_move(program: &Program, keys: usize, count: impl Fn() -> u64) -> Vec<f64> {
    let (down, up) = if program.asks() { ("j", "k") } else { ("\x1b[B", "\x1b[A") };
    (0..keys)
        .map(|at| {
            let before = count();
            program.press(if at % 8 < 4 { down } else { up });
            thread::sleep(Duration::from_millis(30));
            program.quiet();
            (count() - before) as f64
        })
        .collect()
}

pub(crate) fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}
