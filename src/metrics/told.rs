//! Which names are told, out of many: first come, first told, and for as long as the process lives.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Mutex, PoisonError},
};

/// The name of all the others.
pub(super) const OTHER: &str = "other";

/// Names that are told.
#[derive(Debug, Default)]
pub(super) struct Told {
    names: Mutex<HashSet<String>>,
}

impl Told {
    /// Sums what belongs to each name, or to [`OTHER`].
    pub(super) fn sums<T: Default>(
        &self,
        max: usize,
        items: impl IntoIterator<Item = (String, T)>,
        add: impl Fn(&mut T, T),
    ) -> BTreeMap<String, T> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sums = BTreeMap::new();
        for (name, value) in items {
            let is_told = names.contains(&name) || (names.len() < max && names.insert(name.clone()));
            let key = if is_told { name } else { OTHER.to_owned() };
            add(sums.entry(key).or_default(), value);
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_first_are_summed_and_who_was_told_stays_so() {
        let told = Told::default();
        let sums = |items: &[(&str, u64)]| {
            let items = items.iter().map(|(name, count)| ((*name).to_owned(), *count));
            told.sums(2, items, |sum, count| *sum += count).into_iter().collect::<Vec<_>>()
        };
        assert_eq!(sums(&[("m", 1), ("z", 2)]), [("m".to_owned(), 1), ("z".to_owned(), 2)]);
        let later = sums(&[("a", 4), ("b", 8), ("m", 1), ("z", 2)]);
        assert_eq!(later, [("m".to_owned(), 1), ("other".to_owned(), 12), ("z".to_owned(), 2)]);
    }
}
