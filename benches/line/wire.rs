//! A line: so many bytes a second, and late by as much as the way is long.

use std::{
    io::Read,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// Pieces of bytes that are on their way at once: what does not fit waits where it comes from.
const PIECES_MAX: usize = 8;
/// The same where there is no limit to how fast they go.
const FAST_PIECES_MAX: usize = 1_024;

/// A line between two ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wire {
    /// Bytes a second; `None`: as fast as it goes.
    rate: Option<f64>,
    /// From one end to the other.
    pub(crate) delay: Duration,
}

impl Wire {
    pub(crate) const LOCAL: Self = Self { rate: None, delay: Duration::ZERO };

    /// So many bytes a second, and there and back takes so long.
    pub(crate) fn slow(rate: f64, round_trip: Duration) -> Self {
        Self { rate: Some(rate), delay: round_trip / 2 }
    }

    /// Brings bytes from one end to the other until there are no more, or the other end takes none (`false`).
    pub(crate) fn carry(self, mut from: impl Read, mut to: impl FnMut(&[u8]) -> bool + Send) {
        let room = if self.rate.is_some() { PIECES_MAX } else { FAST_PIECES_MAX };
        let (send, arrive) = mpsc::sync_channel::<(Instant, Vec<u8>)>(room);
        thread::scope(|scope| {
            scope.spawn(move || {
                for (at, bytes) in arrive {
                    thread::sleep(at.saturating_duration_since(Instant::now()));
                    if !to(&bytes) {
                        return;
                    }
                }
            });
            let mut chunk = vec![0; self.rate.map_or(1 << 16, |rate| (rate / 100.0).max(64.0) as usize)];
            let mut free_at = Instant::now();
            while let Ok(read @ 1..) = from.read(&mut chunk) {
                if let Some(rate) = self.rate {
                    free_at = free_at.max(Instant::now()) + Duration::from_secs_f64(read as f64 / rate);
                    thread::sleep(free_at.saturating_duration_since(Instant::now()));
                }
                if send.send((Instant::now() + self.delay, chunk[..read].to_vec())).is_err() {
                    break;
                }
            }
            drop(send);
        });
    }
}
