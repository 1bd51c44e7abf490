//! Messages that a receiver would get now: ten priorities, first in first out in each.
//!
//! A dropped message leaves a hole that is skipped later: closing it at once would move half of a long queue.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use jiff::Timestamp;

use super::message::Message;
use crate::port::queue::PRIORITY_MAX;

const CLASSES: usize = PRIORITY_MAX as usize + 1;

/// Holes and outdated ages that may stay, beside as many as there are messages.
const SLACK_MAX: usize = 64;

#[derive(Debug)]
struct Slot {
    ticket: u64,
    message: Option<Message>,
}

#[derive(Debug, Default)]
struct Class {
    slots: VecDeque<Slot>,
    holes: usize,
}

impl Class {
    fn pop(&mut self) -> Option<Message> {
        while let Some(slot) = self.slots.pop_front() {
            match slot.message {
                Some(message) => return Some(message),
                None => self.holes -= 1,
            }
        }
        None
    }

    fn find(&self, ticket: u64) -> Option<usize> {
        self.slots.binary_search_by_key(&ticket, |slot| slot.ticket).ok()
    }

    fn holds(&self, ticket: u64) -> bool {
        self.find(ticket).is_some_and(|at| self.slots[at].message.is_some())
    }

    fn remove(&mut self, ticket: u64) -> Option<Message> {
        let at = self.find(ticket)?;
        let message = self.slots[at].message.take()?;
        self.holes += 1;
        if self.holes > self.slots.len() / 2 + SLACK_MAX {
            self.slots.retain(|slot| slot.message.is_some());
            self.holes = 0;
        }
        Some(message)
    }
}

/// Ready messages in the order in which receivers get them.
#[derive(Debug, Default)]
pub(in crate::queue) struct Ready {
    classes: [Class; CLASSES],
    len: usize,
    ticket: u64,
    /// When each was sent, oldest on top. Taken messages stay until they come to the top or outnumber the others.
    ages: BinaryHeap<Reverse<(Timestamp, u64, u8)>>,
}

impl Ready {
    pub(in crate::queue) fn len(&self) -> usize {
        self.len
    }

    /// Puts a message last in its priority; the ticket finds it again.
    pub(in crate::queue) fn push(&mut self, message: Message) -> u64 {
        self.ticket += 1;
        let (ticket, priority) = (self.ticket, message.priority);
        self.trim_ages();
        self.ages.push(Reverse((message.sent_at, ticket, priority)));
        self.classes[usize::from(priority)].slots.push_back(Slot { ticket, message: Some(message) });
        self.len += 1;
        ticket
    }

    /// The first message of the best priority.
    pub(in crate::queue) fn pop(&mut self) -> Option<Message> {
        if self.len == 0 {
            return None;
        }
        let message = self.classes.iter_mut().find_map(Class::pop)?;
        self.len -= 1;
        Some(message)
    }

    /// Takes one out of the middle.
    pub(in crate::queue) fn remove(&mut self, priority: u8, ticket: u64) -> Option<Message> {
        let message = self.classes[usize::from(priority)].remove(ticket)?;
        self.len -= 1;
        Some(message)
    }

    /// Empties it.
    pub(in crate::queue) fn clear(&mut self) {
        // The ticket goes on: a ticket of before must not find a message of after.
        *self = Self { ticket: self.ticket, ..Self::default() };
    }

    pub(in crate::queue) fn iter(&self) -> impl Iterator<Item = &Message> {
        self.classes.iter().flat_map(|class| &class.slots).filter_map(|slot| slot.message.as_ref())
    }

    /// When the oldest of them was sent.
    pub(in crate::queue) fn oldest(&mut self) -> Option<Timestamp> {
        while let Some(Reverse((sent_at, ticket, priority))) = self.ages.peek() {
            if self.classes[usize::from(*priority)].holds(*ticket) {
                return Some(*sent_at);
            }
            self.ages.pop();
        }
        None
    }

    fn trim_ages(&mut self) {
        if self.ages.len() >= 2 * self.len + SLACK_MAX {
            let classes = &self.classes;
            self.ages.retain(|Reverse((_, ticket, priority))| classes[usize::from(*priority)].holds(*ticket));
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::id::MessageId;

    fn message(priority: u8, sent_s: i64) -> Message {
        let sent_at = Timestamp::from_second(sent_s).unwrap();
        let (id, body) = (MessageId::fresh(), Bytes::from_static(b"1"));
        Message { id, body, priority, deliveries: 0, attempts: 0, sent_at, expires_at: None }
    }

    #[test]
    fn the_best_priority_comes_first_and_each_in_order_of_arrival() {
        let mut ready = Ready::default();
        for (priority, sent) in [(5, 1), (0, 2), (5, 3), (9, 4), (0, 5)] {
            ready.push(message(priority, sent));
        }
        let order: Vec<i64> = std::iter::from_fn(|| ready.pop()).map(|message| message.sent_at.as_second()).collect();
        assert_eq!(order, [2, 5, 1, 3, 4]);
    }

    #[test]
    fn a_removed_message_leaves_no_trace_and_holes_are_closed() {
        let mut ready = Ready::default();
        let tickets: Vec<u64> = (0..1_000).map(|sent| ready.push(message(3, sent))).collect();
        for ticket in &tickets[1..999] {
            assert!(ready.remove(3, *ticket).is_some());
            assert!(ready.remove(3, *ticket).is_none());
        }
        assert!(ready.classes[3].slots.len() < 200);
        assert_eq!((ready.len(), ready.iter().count()), (2, 2));
        assert_eq!(ready.pop().map(|message| message.sent_at.as_second()), Some(0));
        assert_eq!(ready.pop().map(|message| message.sent_at.as_second()), Some(999));
        assert!(ready.pop().is_none());
    }

    #[test]
    fn the_oldest_is_known_whatever_the_order_of_arrival() {
        let mut ready = Ready::default();
        for sent in [50, 10, 90] {
            ready.push(message((sent % 7) as u8, sent));
        }
        assert_eq!(ready.oldest().map(Timestamp::as_second), Some(10));
        while let Some(message) = ready.pop() {
            let rest = ready.iter().map(|message| message.sent_at).min();
            assert_eq!(ready.oldest(), rest, "after {}", message.sent_at);
        }
    }

    #[test]
    fn ages_of_taken_messages_do_not_pile_up() {
        let mut ready = Ready::default();
        for sent in 0..10_000 {
            ready.push(message(0, sent));
            ready.pop();
        }
        assert!(ready.ages.len() <= SLACK_MAX + 1);
    }
}
