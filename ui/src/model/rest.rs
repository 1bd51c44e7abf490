//! Whether anything goes on. Where nothing does, the screen rests: what only counts seconds moves once a minute. Where nothing has for
//! minutes, it sleeps: it says as of when it is, and that holds until something happens. So a console that is left open sends nothing
//! over its line and wakes nobody.

use flexcore_engine::{pipeline::definition::Mode, vitals::RunVitals};
use jiff::{SignedDuration, Timestamp};

use super::facts::Facts;

/// The screen rests when nothing has stirred for so long. Longer than the window of a rate: all of them have come to 0.
const STIRS_FOR: SignedDuration = SignedDuration::from_secs(10);
/// The screen sleeps when nothing has for so long, as its engine does by then.
const STIRS_LATELY: SignedDuration = SignedDuration::from_secs(180);
/// How often a console that sleeps looks at the clock all the same.
const SLEEPS_FOR: SignedDuration = SignedDuration::from_hours(1);
/// A new minute is drawn so late where no figures come with it, which an engine at rest takes by whole minutes: the console
/// wakes once for both, and shows the figures of that minute.
const AWAITS_FIGURES: SignedDuration = SignedDuration::from_millis(250);
/// What is due sooner is counted down in seconds.
const COUNTS_DOWN: SignedDuration = SignedDuration::from_secs(60);

/// Whether the screen rests.
#[derive(Debug, Clone, Default)]
pub struct Rest {
    stirred_at: Timestamp,
    state: State,
    still: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Awake,
    /// A minute is shown.
    Resting(i64),
    Asleep,
}

impl Rest {
    /// Something happened that is worth a frame of its own.
    pub fn stir(&mut self, now: Timestamp) {
        *self = Self { stirred_at: now, ..Self::default() };
    }

    /// Figures came that tell nothing new.
    pub fn same_figures(&mut self) {
        self.still = self.is_resting();
    }

    /// A second has passed. `quiet`: nothing that is known counts in seconds; `timed`: time alone will change something.
    pub fn tick(&mut self, now: Timestamp, quiet: bool, timed: bool) {
        let still_for = now.duration_since(self.stirred_at);
        let state = match () {
            () if !quiet || still_for < STIRS_FOR => State::Awake,
            () if timed || still_for < STIRS_LATELY => State::Resting(minute_of(now)),
            () => State::Asleep,
        };
        self.still = state != State::Awake && state == self.state;
        self.state = state;
    }

    /// Whether it rests, and shows an earlier minute than that of now.
    pub fn is_minute_over(&self, now: Timestamp) -> bool {
        matches!(self.state, State::Resting(shown) if shown != minute_of(now))
    }

    /// Whether it rests, asleep or not.
    pub fn is_resting(&self) -> bool {
        self.state != State::Awake
    }

    /// Whether what is shown stands until something happens.
    pub fn is_asleep(&self) -> bool {
        self.state == State::Asleep
    }

    /// Whether the last thing that came is no reason to draw.
    pub fn is_still(&self) -> bool {
        self.still
    }

    /// When something that is shown moves by itself, if it rests: the minute after the one that is shown, what is due soon, an engine
    /// elsewhere that fell silent.
    pub fn moves_at(&self, facts: &Facts, shown: Timestamp) -> Timestamp {
        let own = if self.is_asleep() { shown + SLEEPS_FOR } else { minute_after(shown) + AWAITS_FIGURES };
        let due = facts.due.next().and_then(|due| due.checked_sub(COUNTS_DOWN).ok());
        let silent = facts.silent_at();
        due.into_iter().chain(silent).fold(own, Timestamp::min)
    }
}

fn minute_of(now: Timestamp) -> i64 {
    now.as_second().div_euclid(60)
}

fn minute_after(shown: Timestamp) -> Timestamp {
    Timestamp::from_second((minute_of(shown) + 1) * 60).unwrap_or(Timestamp::MAX)
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

/// Whether something that is shown changes at a moment that no event tells: a silence ends.
pub fn is_timed(facts: &Facts) -> bool {
    facts.models.alerts.raised().any(|(_, row)| row.is_silenced(facts.now))
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
            rest.tick(after(secs), true, false);
            (rest.is_resting(), rest.is_still())
        };
        assert_eq!([tick(1), tick(9)], [(false, false); 2]);
        assert_eq!([tick(10), tick(11), tick(12)], [(true, false), (true, true), (true, true)]);
        let minutes = (13..=132).filter(|secs| !tick(*secs).1).count();
        assert_eq!(minutes, 2, "one frame for each new minute");
        let frames: Vec<i64> = (133..=1_000).filter(|secs| !tick(*secs).1).collect();
        assert_eq!(frames.last(), Some(&180), "then it sleeps");
        assert!(rest.is_asleep());
        rest.tick(after(1_000), true, true);
        assert!(rest.is_resting() && !rest.is_asleep(), "time will change something");
        rest.stir(after(1_001));
        assert!(!rest.is_resting() && !rest.is_still());
        rest.tick(after(1_200), false, false);
        assert!(!rest.is_resting(), "something counts in seconds");
    }

    #[test]
    fn what_moves_by_itself_is_the_minute_what_is_due_and_an_engine_that_falls_silent() {
        let second = SignedDuration::from_secs(1);
        let mut facts = Facts::new(now() + second * 5, "ana".into(), false);
        let rest = Rest { state: State::Asleep, ..Rest::default() };
        assert_eq!(rest.moves_at(&facts, facts.now), facts.now + SLEEPS_FOR, "no minute moves what sleeps");
        let rest = Rest { state: State::Resting(minute_of(facts.now)), ..Rest::default() };
        let moves_at = |facts: &Facts, shown| rest.moves_at(facts, shown);
        assert_eq!(moves_at(&facts, facts.now), minute_after(now()) + AWAITS_FIGURES);
        facts.due.answered("copy".parse().unwrap(), Some(facts.now + second * 75));
        assert_eq!(moves_at(&facts, facts.now), facts.now + second * 15, "it is counted down for a minute");
        (facts.place, facts.connection, facts.heard_at) = (Some("box".into()), Connection::Live, Some(facts.now - second * 2));
        assert_eq!(moves_at(&facts, facts.now), facts.now + second * 8);
        assert!(is_quiet(&facts));
        facts.now += second * 10;
        assert!(!is_quiet(&facts), "its silence is counted in seconds");
    }
}
