//! The line between the console and the terminal, as far as its answers tell.

use std::time::Duration;

/// How long a frame and its answer take.
#[derive(Debug, Clone, Default)]
pub struct Line {
    measured: Option<Duration>,
    shown: Option<Duration>,
}

impl Line {
    /// The terminal answered after so long.
    pub fn measured(&mut self, latency: Duration) {
        self.measured = Some(latency);
    }

    /// Once a second: what is shown follows what is measured when it differs by a quarter. A figure that trembled would be
    /// a frame of its own, and the answer to that frame would make it tremble again.
    pub fn tick(&mut self) {
        let Some(measured) = self.measured.map(|measured| measured.max(Duration::from_millis(1))) else { return };
        let is_near = |shown: Duration| measured * 4 > shown * 3 && measured * 4 < shown * 5;
        let is_low = |shown: Duration| measured.max(shown) < Duration::from_millis(5);
        if !self.shown.is_some_and(|shown| is_near(shown) || is_low(shown)) {
            self.shown = Some(measured);
        }
    }

    /// What the header says.
    pub fn latency(&self) -> Option<Duration> {
        self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figure_moves_only_when_the_line_does() {
        let mut line = Line::default();
        let mut after = |ms: u64| {
            line.measured(Duration::from_millis(ms));
            line.tick();
            line.latency().map(|latency| latency.as_millis())
        };
        assert_eq!([100, 110, 90, 130, 131].map(&mut after), [Some(100), Some(100), Some(100), Some(130), Some(130)]);
        assert_eq!([0, 2, 4, 1].map(&mut after), [Some(1), Some(1), Some(1), Some(1)]);
    }
}
