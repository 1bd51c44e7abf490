//! How many there are at once, in all and of one: connections that have not come in yet, by address; connections and sessions
//! that have, by key.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

/// So many in all, and so many of one.
pub(super) struct Count<K> {
    max: u32,
    each_max: u32,
    taken: Mutex<Taken<K>>,
}

struct Taken<K> {
    all: u32,
    each: HashMap<K, u32>,
}

/// Which limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// There are as many as may be in all.
    All(u32),
    /// This one has as many as it may have.
    Each(u32),
}

impl<K: Clone + Eq + Hash> Count<K> {
    pub(super) fn new(max: u32, each_max: u32) -> Arc<Self> {
        Arc::new(Self { max, each_max, taken: Mutex::new(Taken { all: 0, each: HashMap::new() }) })
    }

    /// A place for one, until it is dropped.
    pub(super) fn take(self: &Arc<Self>, key: K) -> Result<Place<K>, Full> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.max {
            return Err(Full::All(self.max));
        }
        if taken.each.get(&key).is_some_and(|count| *count >= self.each_max) {
            return Err(Full::Each(self.each_max));
        }
        taken.all += 1;
        *taken.each.entry(key.clone()).or_default() += 1;
        Ok(Place { count: self.clone(), key })
    }
}

/// One place; dropping it makes room.
pub(super) struct Place<K: Clone + Eq + Hash> {
    count: Arc<Count<K>>,
    key: K,
}

impl<K: Clone + Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self.count.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        if let Some(count) = taken.each.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                taken.each.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_so_many_in_all_and_so_many_of_one() {
        let count = Count::new(3, 2);
        let (first, second) = (count.take("a"), count.take("a"));
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(count.take("a").err(), Some(Full::Each(2)));
        let other = count.take("b");
        assert_eq!(count.take("c").err(), Some(Full::All(3)));
        drop(first);
        assert!(count.take("a").is_ok());
        drop((second, other));
        assert!(count.taken.lock().unwrap().each.is_empty());
    }
}
