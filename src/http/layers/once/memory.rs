//! What was answered to which key, within bounds of count, bytes and age; the oldest go first.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    body::Bytes,
    http::{HeaderMap, StatusCode},
};

use crate::http::problem::Problem;

/// The most keys remembered.
pub(super) const KEYS_MAX: usize = 10_000;
/// How long one is remembered.
pub(super) const AGE_MAX: Duration = Duration::from_secs(24 * 3_600);
/// The largest answer kept, in bytes.
pub(super) const ANSWER_BYTES_MAX: usize = 256 << 10;
/// The most bytes of answers.
pub(super) const BYTES_MAX: usize = 64 << 20;

type Scope = [u8; 32];

/// An answer.
#[derive(Debug, Clone)]
pub(in crate::http) struct Kept {
    pub(in crate::http) status: StatusCode,
    pub(in crate::http) headers: HeaderMap,
    pub(in crate::http) body: Bytes,
    pub(in crate::http) problem: Option<Arc<Problem>>,
    /// Whether the body is there; one that was too large is not kept.
    pub(in crate::http) is_whole: bool,
}

impl Kept {
    fn fit(self) -> Self {
        if self.body.len() > ANSWER_BYTES_MAX { Self { body: Bytes::new(), is_whole: false, ..self } } else { self }
    }
}

struct Entry {
    content: [u8; 32],
    at: Instant,
    answer: Option<Kept>,
}

/// What a key is to the request that brings it.
#[derive(Debug)]
pub(in crate::http) enum Begun {
    /// New: carry the request out.
    First,
    /// The request that brought it first is still being answered.
    Running,
    /// It was answered so.
    Known(Kept),
    /// It came with another request.
    Other,
}

#[derive(Default)]
struct Inner {
    entries: HashMap<Scope, Entry>,
    order: VecDeque<(Instant, Scope)>,
    bytes: usize,
}

/// What was answered to which key.
#[derive(Default)]
pub(in crate::http) struct Memory(Mutex<Inner>);

impl Memory {
    pub(in crate::http) fn begin(&self, scope: Scope, content: [u8; 32]) -> Begun {
        let mut inner = self.lock();
        let now = Instant::now();
        inner.drop_old(now);
        match inner.entries.get(&scope) {
            Some(entry) if entry.content != content => Begun::Other,
            Some(Entry { answer: Some(kept), .. }) => Begun::Known(kept.clone()),
            Some(_) => Begun::Running,
            None => {
                inner.entries.insert(scope, Entry { content, at: now, answer: None });
                inner.order.push_back((now, scope));
                Begun::First
            }
        }
    }

    /// What takes the answer; dropped without one, the key is new again.
    pub(in crate::http) fn running(&self, scope: Scope) -> Running<'_> {
        Running { memory: self, scope, answered: false }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn drop_old(&mut self, now: Instant) {
        while let Some((at, scope)) = self.order.front().copied() {
            let is_over = self.order.len() >= KEYS_MAX || self.bytes > BYTES_MAX;
            if !is_over && now.saturating_duration_since(at) < AGE_MAX {
                break;
            }
            self.order.pop_front();
            // A key that was given up and came again stands further back.
            if self.entries.get(&scope).is_some_and(|entry| entry.at == at) {
                self.remove(&scope);
            }
        }
    }

    fn remove(&mut self, scope: &Scope) {
        let answer = self.entries.remove(scope).and_then(|entry| entry.answer);
        self.bytes -= answer.map_or(0, |kept| kept.body.len());
    }
}

pub(in crate::http) struct Running<'a> {
    memory: &'a Memory,
    scope: Scope,
    answered: bool,
}

impl Running<'_> {
    pub(in crate::http) fn done(mut self, kept: Kept) {
        self.answered = true;
        let (kept, mut inner) = (kept.fit(), self.memory.lock());
        let bytes = kept.body.len();
        if let Some(entry) = inner.entries.get_mut(&self.scope) {
            entry.answer = Some(kept);
            inner.bytes += bytes;
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.memory.lock().remove(&self.scope);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(bytes: usize) -> Kept {
        Kept { status: StatusCode::OK, headers: HeaderMap::new(), body: vec![b'x'; bytes].into(), problem: None, is_whole: true }
    }

    fn scope(number: usize) -> Scope {
        let mut scope = [0; 32];
        scope[..8].copy_from_slice(&number.to_le_bytes());
        scope
    }

    #[test]
    fn a_key_is_new_then_running_then_known() {
        let memory = Memory::default();
        assert!(matches!(memory.begin(scope(1), [1; 32]), Begun::First));
        assert!(matches!(memory.begin(scope(1), [1; 32]), Begun::Running));
        memory.running(scope(1)).done(answer(3));
        assert!(matches!(memory.begin(scope(1), [1; 32]), Begun::Known(kept) if &kept.body[..] == b"xxx"));
        assert!(matches!(memory.begin(scope(1), [2; 32]), Begun::Other));
    }

    #[test]
    fn a_request_that_was_not_answered_leaves_its_key_new() {
        let memory = Memory::default();
        assert!(matches!(memory.begin(scope(1), [1; 32]), Begun::First));
        drop(memory.running(scope(1)));
        assert!(matches!(memory.begin(scope(1), [1; 32]), Begun::First));
    }

    #[test]
    fn neither_keys_nor_bytes_grow_beyond_their_maximum() {
        let memory = Memory::default();
        for number in 0..KEYS_MAX + 10 {
            memory.begin(scope(number), [0; 32]);
        }
        assert!(memory.lock().entries.len() <= KEYS_MAX);
        for number in 0..400 {
            memory.begin(scope(1_000_000 + number), [0; 32]);
            memory.running(scope(1_000_000 + number)).done(answer(ANSWER_BYTES_MAX));
        }
        let inner = memory.lock();
        assert!(inner.bytes <= BYTES_MAX + ANSWER_BYTES_MAX, "{}", inner.bytes);
        let bytes: usize = inner.entries.values().filter_map(|entry| entry.answer.as_ref()).map(|kept| kept.body.len()).sum();
        assert_eq!(bytes, inner.bytes);
    }

    #[test]
    fn a_large_answer_is_known_as_such() {
        let memory = Memory::default();
        memory.begin(scope(1), [0; 32]);
        memory.running(scope(1)).done(answer(ANSWER_BYTES_MAX + 1));
        assert!(matches!(memory.begin(scope(1), [0; 32]), Begun::Known(kept) if !kept.is_whole));
    }
}
