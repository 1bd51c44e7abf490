//! When the next frame may go. A line that is slower than the frames would fill with old ones, and a key would be seen
//! seconds later; so each frame ends with a question that every terminal answers, and the next one goes after the answer.
//! What is measured on the way is the delay of the line itself.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// Asks the terminal for its status; it answers [`ANSWER`] once it has taken in everything before.
pub const ASK: &[u8] = b"\x1b[5n";
/// What a terminal answers that works.
pub const ANSWER: &[u8] = b"\x1b[0n";

/// The most frames on their way.
pub const FRAMES_MAX: usize = 3;
/// The most bytes on their way before another frame is made; one frame may be larger.
pub const BYTES_MAX: usize = 64 << 10;
/// A second frame goes before the answer to the first when it waits no longer than this for its turn.
const QUEUED_MAX: Duration = Duration::from_millis(40);
/// A frame of no more bytes takes the round trip and hardly anything else.
const SMALL_BYTES: usize = 800;
/// A terminal that has not answered within this is taken for one that does not answer.
const PATIENCE_MIN: Duration = Duration::from_secs(1);
/// The same for one that answered before, at most.
const PATIENCE_MAX: Duration = Duration::from_secs(10);
/// Answers that are owed for longer than this do not come any more.
const OWED: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy)]
struct Flight {
    at: Instant,
    bytes: usize,
}

/// Frames on their way, and what their answers say about the line.
#[derive(Debug, Default)]
pub struct Pace {
    flights: VecDeque<Flight>,
    /// Frames that were given up: an answer that comes late is one of theirs.
    owed: VecDeque<Instant>,
    answers: bool,
    given_up: bool,
    asked_in_vain_since: Option<Instant>,
    /// What a small frame takes, lately.
    round_trip: Option<Duration>,
    /// What a byte of a large one takes beyond it, in seconds.
    per_byte: Option<f64>,
    latency: Option<Duration>,
}

impl Pace {
    /// A frame of so many bytes goes now.
    pub fn sent(&mut self, now: Instant, bytes: usize) {
        self.asked_in_vain_since.get_or_insert(now);
        self.flights.push_back(Flight { at: now, bytes });
    }

    /// The terminal answered.
    pub fn answered(&mut self, now: Instant) {
        self.answers = true;
        self.given_up = false;
        self.asked_in_vain_since = None;
        self.owed.retain(|at| now.duration_since(*at) < OWED);
        if self.owed.pop_front().is_some() {
            return;
        }
        if let Some(flight) = self.flights.pop_front() {
            self.measure(now.duration_since(flight.at), flight.bytes);
        }
        if let Some(next) = self.flights.front() {
            self.asked_in_vain_since = Some(next.at);
        }
    }

    fn measure(&mut self, took: Duration, bytes: usize) {
        if bytes <= SMALL_BYTES {
            let least = self.round_trip.map_or(took, |least| least.min(took));
            // A line may change under us: what was least once is slowly forgotten.
            self.round_trip = Some(least + took.saturating_sub(least) / 64);
        } else if let Some(round_trip) = self.round_trip {
            let per_byte = took.saturating_sub(round_trip).as_secs_f64() / bytes as f64;
            self.per_byte = Some(self.per_byte.map_or(per_byte, |before| before * 0.75 + per_byte * 0.25));
        }
        self.latency = Some(self.latency.map_or(took, |before| (before * 3 + took) / 4));
    }

    /// How long a frame takes to the terminal and its answer back, lately.
    pub fn latency(&self) -> Option<Duration> {
        self.latency
    }

    /// Whether frames are only timed, because nothing answers.
    pub fn is_timed(&self) -> bool {
        self.given_up
    }

    /// Whether an answer is awaited from a terminal that does answer.
    pub fn awaits(&self) -> bool {
        self.answers && !self.given_up && !self.flights.is_empty()
    }

    /// How long a terminal that answered before has not.
    pub fn silent_for(&self, now: Instant) -> Duration {
        let since = self.asked_in_vain_since.filter(|_| self.answers);
        since.map_or(Duration::ZERO, |since| now.duration_since(since))
    }

    /// When a frame may go at the latest: now, or once the oldest on its way is given up.
    pub fn room_at(&self, now: Instant, urgent: bool) -> Instant {
        let Some(oldest) = self.flights.front() else { return now };
        let bytes: usize = self.flights.iter().map(|flight| flight.bytes).sum();
        let is_free = self.per_byte.is_some_and(|per_byte| per_byte * bytes as f64 <= QUEUED_MAX.as_secs_f64());
        let fits = self.flights.len() < FRAMES_MAX && bytes <= BYTES_MAX;
        // What a key caused goes first, once: it is small, and somebody waits for it.
        let goes = fits && ((urgent && self.flights.len() == 1) || (self.answers && is_free));
        if goes { now } else { oldest.at + self.patience() }
    }

    /// Gives up frames that were not answered in time.
    pub fn expire(&mut self, now: Instant) {
        let patience = self.patience();
        while let Some(flight) = self.flights.front().filter(|flight| now.duration_since(flight.at) >= patience) {
            self.given_up = true;
            self.owed.push_back(flight.at);
            self.flights.pop_front();
        }
        while self.owed.len() > 64 {
            self.owed.pop_front();
        }
    }

    /// The terminal was given away and taken again: what was on its way has arrived, or never will.
    pub fn forget(&mut self) {
        self.flights.clear();
        self.asked_in_vain_since = None;
    }

    fn patience(&self) -> Duration {
        match self.latency {
            Some(latency) if self.answers && !self.given_up => (latency * 4).clamp(PATIENCE_MIN, PATIENCE_MAX),
            _ => PATIENCE_MIN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A line that takes `per_byte` and a round trip, and frames as often as they may go, some of them small: the longest that
    /// a frame was on the line.
    fn longest(bytes: usize, per_byte: Duration, round_trip: Duration, frames: usize) -> Duration {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let (mut now, mut line_free, mut answers) = (start, start, VecDeque::new());
        let mut longest = Duration::ZERO;
        for frame in 0..frames {
            let bytes = if frame % 5 == 0 { 300 } else { bytes };
            loop {
                let room = pace.room_at(now, false);
                match answers.front().copied().filter(|answer| *answer <= room.max(now)) {
                    Some(answer) if room > now => {
                        now = answer;
                        answers.pop_front();
                        pace.answered(now);
                    }
                    _ => {
                        now = room.max(now);
                        break;
                    }
                }
            }
            pace.expire(now);
            line_free = line_free.max(now) + per_byte * bytes as u32;
            longest = longest.max(line_free - now);
            pace.sent(now, bytes);
            answers.push_back(line_free + round_trip);
        }
        longest
    }

    #[test]
    fn frames_never_queue_up_on_a_slow_line() {
        // 3 kB at 25 kB/s take 120 ms; a second one behind it is not sent.
        let longest = longest(3_000, Duration::from_micros(40), 100 * MS, 200);
        assert!(longest <= 150 * MS, "{longest:?}");
    }

    #[test]
    fn a_fast_line_with_a_long_way_carries_more_than_one_frame() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        for at in 0..8 {
            let now = start + 200 * MS * at;
            pace.sent(now, if at % 2 == 0 { 300 } else { 3_000 });
            pace.answered(now + 150 * MS);
        }
        let now = start + 2_000 * MS;
        pace.sent(now, 3_000);
        assert_eq!(pace.room_at(now, false), now);
        pace.sent(now, 3_000);
        pace.sent(now, 3_000);
        assert!(pace.room_at(now, true) > now, "never more than {FRAMES_MAX}");
    }

    #[test]
    fn a_keys_frame_goes_first_once() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        pace.sent(now, 3_000);
        assert!(pace.room_at(now, false) > now);
        assert_eq!(pace.room_at(now, true), now);
        pace.sent(now, 300);
        assert!(pace.room_at(now, true) > now);
    }

    #[test]
    fn a_terminal_that_never_answers_gets_timed_frames_and_one_that_answers_late_is_trusted_again() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        pace.sent(start, 10_000);
        let room = pace.room_at(start, false);
        assert_eq!(room, start + PATIENCE_MIN);
        pace.expire(room);
        assert!(pace.is_timed());
        assert_eq!(pace.room_at(room, false), room);
        pace.sent(room, 500);
        pace.answered(room + 100 * MS);
        assert!(!pace.is_timed());
        assert_eq!(pace.latency(), None, "a late answer measures nothing");
        assert!(pace.room_at(room + 100 * MS, false) > room + 100 * MS, "the second frame is still on its way");
        pace.answered(room + 200 * MS);
        assert_eq!(pace.room_at(room + 200 * MS, false), room + 200 * MS);
    }

    #[test]
    fn a_terminal_that_stops_answering_is_silent_since_the_first_question() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        pace.sent(start, 100);
        assert_eq!(pace.silent_for(start + 5_000 * MS), Duration::ZERO, "it never answered: it may not be able to");
        pace.answered(start + MS);
        pace.sent(start + 10 * MS, 100);
        pace.expire(start + 2_000 * MS);
        pace.sent(start + 2_000 * MS, 100);
        assert_eq!(pace.silent_for(start + 3_010 * MS), 3_000 * MS);
    }
}
