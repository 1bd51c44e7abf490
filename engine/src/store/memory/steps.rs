//! A truncation in steps: however much goes, none of them keeps an append waiting for long. First is said which streams go
//! with their last events, then the events go. So a crash on the way leaves nothing that nobody names again.

use crate::id::StreamName;

/// Streams that are named in one step.
const FORGET_MAX: usize = 4_096;
/// Events that go in one step.
const EVENTS_MAX: u64 = 32_768;

/// What is truncated at once.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) struct Step<'f> {
    /// Events before this position go.
    pub(in crate::store) before: u64,
    /// Streams that go with their last events.
    pub(in crate::store) forget: &'f [StreamName],
    /// Nothing comes after it.
    pub(in crate::store) is_last: bool,
}

/// The steps to a position from where the log begins now. The names of one take no more than so many bytes, four beside each
/// included, unless it is one name.
pub(in crate::store) fn steps(oldest: u64, before: u64, forget: &[StreamName], bytes_max: usize) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let mut rest = forget;
    while !rest.is_empty() {
        let (named, later) = rest.split_at(count(rest, bytes_max));
        steps.push(Step { before: oldest, forget: named, is_last: false });
        rest = later;
    }
    let mut at = oldest;
    while at < before {
        at = before.min(at.saturating_add(EVENTS_MAX));
        match steps.last_mut() {
            // The events may go with the last names.
            Some(step) if step.before == oldest => step.before = at,
            _ => steps.push(Step { before: at, forget: &[], is_last: false }),
        }
    }
    if let Some(step) = steps.last_mut() {
        step.is_last = true;
    }
    steps
}

fn count(streams: &[StreamName], bytes_max: usize) -> usize {
    let mut bytes = 0;
    let fits = |stream: &&StreamName| {
        bytes += stream.as_str().len() + 4;
        bytes <= bytes_max
    };
    streams.iter().take(FORGET_MAX).take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<StreamName> {
        (0..count).map(|at| StreamName(format!("run/{at:06}").into())).collect()
    }

    fn shape(steps: &[Step<'_>]) -> Vec<(u64, usize, bool)> {
        steps.iter().map(|step| (step.before, step.forget.len(), step.is_last)).collect()
    }

    #[test]
    fn a_small_truncation_is_one_step() {
        let names = names(2);
        assert_eq!(shape(&steps(1, 100, &names, 1_000)), [(100, 2, true)]);
        assert_eq!(shape(&steps(1, 100, &[], 1_000)), [(100, 0, true)]);
        assert_eq!(shape(&steps(5, 5, &names, 1_000)), [(5, 2, true)]);
        assert_eq!(steps(5, 3, &[], 1_000), []);
    }

    #[test]
    fn all_names_come_before_most_events_and_no_step_is_large() {
        let names = names(10_000);
        let all = steps(1, 100_001, &names, 1 << 20);
        let (limits, last) = ([1 + EVENTS_MAX, 1 + 2 * EVENTS_MAX, 1 + 3 * EVENTS_MAX], 100_001);
        let events = [(limits[0], 1_808, false), (limits[1], 0, false), (limits[2], 0, false), (last, 0, true)];
        assert_eq!(shape(&all), [&[(1, 4_096, false), (1, 4_096, false)][..], &events].concat());
        // Ten bytes a name and four beside.
        assert_eq!(shape(&steps(1, 2, &names[..5], 30)), [(1, 2, false), (1, 2, false), (2, 1, true)]);
        assert_eq!(shape(&steps(1, 2, &names[..2], 3)), [(1, 1, false), (2, 1, true)]);
    }
}
