//! When leases end, soonest first. Nearly all leases of a queue are of one length, so they end in the order in which they
//! began: those stand in a row, where a tree would cost more than the rest of a receive.

use std::{
    collections::{BTreeMap, VecDeque},
    iter,
};

use jiff::Timestamp;

use crate::id::MessageId;

/// Holes that may stay, beside half of the row.
const SLACK_MAX: usize = 64;

/// The end of a lease, and the ticket that tells it from others of the same moment: later ones are greater.
type End = (Timestamp, u64);

#[derive(Debug, Default)]
pub(super) struct LeaseEnds {
    /// A hole is a lease that was answered. The first is never one.
    row: VecDeque<(End, Option<MessageId>)>,
    holes: usize,
    /// Those that end before one that was there already.
    early: BTreeMap<End, MessageId>,
}

impl LeaseEnds {
    /// Adds a lease that has just begun.
    pub(super) fn insert(&mut self, end: End, id: MessageId) {
        if self.row.back().is_none_or(|(last, _)| *last < end) {
            self.row.push_back((end, Some(id)));
        } else {
            self.early.insert(end, id);
        }
    }

    /// The lease has ended, or was answered.
    pub(super) fn remove(&mut self, end: End) {
        let at = match self.row.front() {
            Some((first, _)) if *first == end => Some(0),
            _ => self.row.binary_search_by_key(&end, |(known, _)| *known).ok(),
        };
        let Some(at) = at.filter(|at| self.row[*at].1.take().is_some()) else {
            self.early.remove(&end);
            return;
        };
        self.holes += 1;
        while self.row.pop_front_if(|(_, id)| id.is_none()).is_some() {
            self.holes -= 1;
        }
        if at > 0 && self.holes > self.row.len() / 2 + SLACK_MAX {
            self.row.retain(|(_, id)| id.is_some());
            self.holes = 0;
        }
    }

    /// The lease that ends first.
    pub(super) fn first(&self) -> Option<(End, MessageId)> {
        self.iter().next()
    }

    /// All, soonest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (End, MessageId)> {
        let mut row = self.row.iter().filter_map(|(end, id)| id.map(|id| (*end, id))).peekable();
        let mut early = self.early.iter().map(|(end, id)| (*end, *id)).peekable();
        iter::from_fn(move || {
            let is_early = early.peek().is_some_and(|(end, _)| row.peek().is_none_or(|(other, _)| end < other));
            if is_early { early.next() } else { row.next() }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(second: i64, ticket: u64) -> End {
        (Timestamp::from_second(second).unwrap(), ticket)
    }

    fn tickets(ends: &LeaseEnds) -> Vec<u64> {
        ends.iter().map(|((_, ticket), _)| ticket).collect()
    }

    #[test]
    fn the_soonest_comes_first_whatever_the_order_in_which_leases_began() {
        let mut ends = LeaseEnds::default();
        for (ticket, second) in [30, 30, 10, 40, 20, 40].into_iter().enumerate() {
            ends.insert(end(second, ticket as u64), MessageId::fresh());
        }
        assert_eq!((tickets(&ends), ends.early.len()), (vec![2, 4, 0, 1, 3, 5], 2));
        for (second, ticket, left) in [(10, 2, 4), (30, 1, 4), (40, 5, 4), (20, 4, 0), (30, 0, 3)] {
            ends.remove(end(second, ticket));
            assert_eq!(ends.first().map(|((_, ticket), _)| ticket), Some(left));
        }
        ends.remove(end(40, 3));
        assert!(ends.first().is_none() && ends.row.is_empty() && ends.holes == 0);
    }

    #[test]
    fn answers_in_any_order_leave_no_holes_behind() {
        let mut ends = LeaseEnds::default();
        (0..1_000).for_each(|ticket| ends.insert(end(30, ticket), MessageId::fresh()));
        (1..999).rev().for_each(|ticket| ends.remove(end(30, ticket)));
        assert!(ends.row.len() < 200, "{}", ends.row.len());
        assert_eq!(tickets(&ends), [0, 999]);
        ends.remove(end(30, 500));
        assert_eq!(tickets(&ends), [0, 999]);
    }
}
