//! Whether anything goes on. Where nothing does, the screen rests: what only counts seconds moves once a minute, so that a
//! console that is left open sends nothing over its line.

use flexcore_engine::{pipeline::definition::Mode, vitals::RunVitals};
use jiff::{SignedDuration, Timestamp};

use super::facts::Facts;

/// The screen rests when nothing has stirred for so long. Longer than the window of a rate: all of them have come to 0.
const STIRS_FOR: SignedDuration = SignedDuration::from_secs(10);
/// A new minute is drawn so late where no figures come with it, which an engine at rest takes by whole minutes: the console
/// wakes once for both, and shows the figures of that minute.
const AWAITS_FIGURES: SignedDuration = SignedDuration::from_millis(250);
/// What is due sooner is counted down in seconds.
const COUNTS_DOWN: SignedDuration = SignedDuration::from_secs(60);

/// Whether the screen rests.
#[derive(Debug, Clone, Default)]
pub struct Rest {
    stirred_at: Timestamp,
    /// The minute that is shown, while it rests.
    minute: Option<i64>,
    still: bool,
}

impl Rest {
    /// Something happened that is worth a frame of its own.
    pub fn stir(&mut self, now: Timestamp) {
        *self = Self { stirred_at: now, ..Self::default() };
    }

    /// Figures came that tell nothing new.
    pub fn same_figures(&mut self) {
        self.still = self.minute.is_some();
    }

    /// A second has passed. `quiet`: nothing that is known counts in seconds.
    pub fn tick(&mut self, now: Timestamp, quiet: bool) {
        let rests = quiet && now.duration_since(self.stirred_at) >= STIRS_FOR;
        let minute = rests.then(|| now.as_second().div_euclid(60));
        self.still = rests && self.minute == minute;
        self.minute = minute;
    }

    /// Whether it rests, and shows an earlier minute than that of now.
    pub fn is_minute_over(&self, now: Timestamp) -> bool {
        self.minute.is_some_and(|shown| shown != now.as_second().div_euclid(60))
    }

    /// Whether it rests.
    pub fn is_resting(&self) -> bool {
        self.minute.is_some()
    }

    /// Whether the last thing that came is no reason to draw.
    pub fn is_still(&self) -> bool {
        self.still
    }
}

/// Whether nothing that is known counts in seconds: the engine answers, no batch runs, nothing is due within a minute.
pub fn is_quiet(facts: &Facts) -> bool {
    let is_batch = |run: &RunVitals| {
        let row = facts.models.board.pipelines.get(&run.pipeline);
        row.is_none_or(|row| row.definition().mode == Mode::Batch)
    };
    let runs = facts.vitals.as_ref().map_or(&[][..], |vitals| &vitals.runs);
    !facts.is_stale()
        && facts.silence().is_none()
        && !facts.due.is_due_before(facts.now + COUNTS_DOWN)
        && !runs.iter().any(is_batch)
}

/// When something that is shown at rest moves by itself: the minute after the one that is shown, what is due soon, an engine
/// elsewhere that fell silent.
pub fn moves_at(facts: &Facts, shown: Timestamp) -> Timestamp {
    let minute = Timestamp::from_second((shown.as_second().div_euclid(60) + 1) * 60).unwrap_or(Timestamp::MAX);
    let minute = minute + AWAITS_FIGURES;
    let due = facts.due.next().and_then(|due| due.checked_sub(COUNTS_DOWN).ok());
    let silent = facts.silent_at();
    due.into_iter().chain(silent).fold(minute, Timestamp::min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::facts::Connection, testing::facts::now};

    #[test]
    fn it_rests_after_ten_seconds_without_anything_and_moves_once_a_minute() {
        let after = |secs| now() + SignedDuration::from_secs(secs);
        let mut rest = Rest::default();
        rest.stir(now());
        let mut tick = |secs| {
            rest.tick(after(secs), true);
            (rest.is_resting(), rest.is_still())
        };
        assert_eq!([tick(1), tick(9)], [(false, false); 2]);
        assert_eq!([tick(10), tick(11), tick(12)], [(true, false), (true, true), (true, true)]);
        let minutes = (13..=132).filter(|secs| !tick(*secs).1).count();
        assert_eq!(minutes, 2, "one frame for each new minute");
        rest.stir(after(133));
        assert!(!rest.is_resting() && !rest.is_still());
        rest.tick(after(200), false);
        assert!(!rest.is_resting(), "something counts in seconds");
    }

    #[test]
    fn what_moves_by_itself_is_the_minute_what_is_due_and_an_engine_that_falls_silent() {
        let second = SignedDuration::from_secs(1);
        let mut facts = Facts::new(now() + second * 5, "ana".into(), false);
        let minute = Timestamp::from_second((now().as_second().div_euclid(60) + 1) * 60).unwrap();
        assert_eq!(moves_at(&facts, facts.now), minute + AWAITS_FIGURES);
        facts.due.answered("copy".parse().unwrap(), Some(facts.now + second * 75));
        assert_eq!(moves_at(&facts, facts.now), facts.now + second * 15, "it is counted down for a minute");
        (facts.place, facts.connection, facts.heard_at) = (Some("box".into()), Connection::Live, Some(facts.now - second * 2));
        assert_eq!(moves_at(&facts, facts.now), facts.now + second * 8);
        assert!(is_quiet(&facts));
        facts.now += second * 10;
        assert!(!is_quiet(&facts), "its silence is counted in seconds");
    }
}
