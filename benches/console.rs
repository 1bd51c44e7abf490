//! One frame of the console at 120×40 with 10,000 pipelines and 20,000 events: from what happened to the bytes for the
//! terminal, beside ratatui's own table with all its rows made.

mod harness;
#[path = "console/ours.rs"]
mod ours;
#[path = "console/peer.rs"]
mod peer;

use std::time::{Duration, Instant};

use harness::Bench;

/// Columns and rows of the terminal.
const SIZE: (u16, u16) = (120, 40);
const PIPELINES: usize = 10_000;
/// Frames of one round.
const FRAMES: usize = 200;
/// The longest frame that nobody notices, with room for a terminal and a slow machine.
const FRAME_MS_MAX: f64 = 1.0;

/// Milliseconds of the middle one of a round's frames: those in which another program had the processor do not count.
fn frame_ms(mut frame: impl FnMut(usize)) -> f64 {
    let mut took: Vec<_> = (0..FRAMES).map(|at| timed(|| frame(at))).collect();
    took.sort_unstable();
    took[FRAMES / 2].as_secs_f64() * 1e3
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn main() {
    let mut bench = Bench::new("console");
    let mut screen = ours::Screen::new();
    bench.within("frame, selection moves a row", "ms", FRAME_MS_MAX, 9, || frame_ms(|at| screen.scroll(at)));
    let (moved, scrolled) = (screen.bytes_of_move(), screen.bytes_of_scroll());
    bench.note(format!("bytes to the terminal: {moved} for a move on the page, {scrolled} for one that scrolls it"));

    let mut screen = ours::Screen::new();
    bench.within("frame, 100 events come", "ms", FRAME_MS_MAX, 9, || frame_ms(|_| screen.events(100)));

    let mut screen = ours::Screen::new();
    bench.within("frame, everything is drawn anew", "ms", FRAME_MS_MAX, 9, || frame_ms(|_| screen.repaint()));

    let (mut screen, mut table) = (ours::Screen::new(), peer::Screen::new());
    bench.pair(
        "frame, selection moves a row",
        "ratatui's Table, all rows",
        "frames/s",
        5.0,
        7,
        || 1e3 / frame_ms(|at| screen.scroll(at)),
        || 1e3 / frame_ms(|at| table.scroll(at)),
    );
    bench.note("the peer draws one table and nothing else; ours is the whole overview with four panes".into());
    bench.print();
}
