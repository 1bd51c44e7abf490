//! Decides when a frame is drawn, and sends it: at most one is being written, few are on their way, and each kind of change
//! may wait for as long as nobody minds.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::{
    model::Model,
    terminal::{
        canvas::{Abilities, Canvas},
        output::Output,
        pace::{ASK, Pace},
    },
    view::view,
};

/// Why a frame is wanted. It says how long the frame may wait after the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// A key, its answer, another size: somebody waits for it.
    Key,
    /// Events.
    Events,
    /// Figures.
    Figures,
    /// A second has passed.
    Clock,
}

impl Cause {
    fn after(self) -> Duration {
        Duration::from_millis(match self {
            // Screens show 60 to 120 frames a second: what is made between two of them is seen by nobody. Also behind a frame of
            // events: a key that waited longer would be late on one of six of those.
            Self::Key => 8,
            Self::Events => 100,
            Self::Figures => 500,
            Self::Clock => 1_000,
        })
    }
}

/// Between two frames while the terminal has not the focus.
const UNFOCUSED: Duration = Duration::from_secs(1);
/// Between two frames for a terminal that does not answer.
const TIMED: Duration = Duration::from_millis(500);
/// How long the last frame may take before the terminal is given back all the same.
const LAST_FRAME: Duration = Duration::from_millis(200);

pub(super) struct Painter {
    canvas: Canvas,
    output: Output,
    pace: Pace,
    /// A frame is being written.
    writing: bool,
    focused: bool,
    last: Option<Instant>,
    due: Option<Instant>,
    /// A key waits for its frame.
    urgent: bool,
}

/// What the writing of frames said.
pub(super) enum Wrote {
    Frame,
    Gone,
}

impl Painter {
    pub(super) fn new(size: (u16, u16), abilities: Abilities, output: Output) -> Self {
        Self {
            canvas: Canvas::new(size, abilities),
            output,
            pace: Pace::default(),
            writing: false,
            focused: true,
            last: None,
            due: Some(Instant::now()),
            urgent: true,
        }
    }

    /// A frame is wanted.
    pub(super) fn want(&mut self, cause: Cause) {
        let now = Instant::now();
        let after = match cause {
            Cause::Key => Cause::Key.after(),
            cause if !self.focused => cause.after().max(UNFOCUSED),
            cause if self.pace.is_timed() => cause.after().max(TIMED),
            cause => cause.after(),
        };
        self.urgent |= cause == Cause::Key;
        let at = self.last.map_or(now, |last| (last + after).max(now));
        self.due = Some(self.due.map_or(at, |earlier| earlier.min(at)));
    }

    pub(super) fn focus(&mut self, focused: bool) {
        self.focused = focused;
        self.want(Cause::Key);
    }

    /// When to come back; `None`: a frame is being written, or nothing is wanted.
    pub(super) fn wake_at(&self, now: Instant) -> Option<Instant> {
        let due = self.due.filter(|_| !self.writing)?;
        Some(due.max(self.pace.room_at(now, self.urgent)))
    }

    pub(super) fn draw_if_due(&mut self, model: &Model) {
        let now = Instant::now();
        if self.wake_at(now).is_none_or(|at| at > now) {
            return;
        }
        self.pace.expire(now);
        (self.due, self.last, self.urgent) = (None, Some(now), false);
        let Some(mut frame) = self.canvas.frame(|frame| view(model, frame)) else { return };
        frame.extend_from_slice(ASK);
        self.pace.sent(now, frame.len());
        self.writing = self.output.frames.try_send(frame).is_ok();
    }

    /// Waits until a frame is written.
    pub(super) async fn written(&mut self) -> Wrote {
        match self.output.written.recv().await {
            Some(()) => Wrote::Frame,
            None => Wrote::Gone,
        }
    }

    pub(super) fn wrote(&mut self) {
        self.writing = false;
    }

    /// The terminal answered; gives how long it took.
    pub(super) fn answered(&mut self) -> Option<Duration> {
        self.pace.answered(Instant::now());
        self.pace.latency()
    }

    /// How long a terminal that answered before has not.
    pub(super) fn silent_for(&self) -> Duration {
        self.pace.silent_for(Instant::now())
    }

    /// Whether the terminal still owes an answer that would be typed into what comes after the console.
    pub(super) fn awaits(&self) -> bool {
        self.pace.awaits()
    }

    /// Waits until nothing is being written, or for so long that the terminal is given back in the middle of it.
    pub(super) async fn finish(&mut self) {
        if std::mem::take(&mut self.writing) {
            let _ = timeout(LAST_FRAME, self.output.written.recv()).await;
        }
    }

    /// Draws all of it the next time.
    pub(super) fn forget(&mut self, size: (u16, u16)) {
        self.canvas.forget(size);
        self.want(Cause::Key);
    }

    /// Takes the terminal again and draws all of it.
    pub(super) fn enter(&mut self, size: (u16, u16)) {
        self.pace.forget();
        self.canvas.enter(size);
        self.want(Cause::Key);
    }

    /// Goes before the next frame.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.canvas.put(bytes);
        self.want(Cause::Key);
    }
}
