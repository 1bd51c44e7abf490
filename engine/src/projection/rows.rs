//! Rows by key, of which copies share what they have in common. A copy costs a pointer a row, and a row is copied only when
//! one of two copies changes it: that makes read models cheap to hand out, and cheap to keep at many moments.

use std::{borrow::Borrow, collections::BTreeMap, fmt, ops::Index, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Rows by key, in the order of the keys.
pub struct Rows<K, V> {
    rows: BTreeMap<K, Arc<V>>,
}

impl<K: Ord, V> Rows<K, V> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The row of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.rows.get(key).map(|row| &**row)
    }

    /// Whether a key has a row.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.rows.contains_key(key)
    }

    /// Every key, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator + Clone {
        self.rows.keys()
    }

    /// Every row, in the order of the keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator + Clone {
        self.rows.values().map(|row| &**row)
    }

    /// Every row, in the order of the keys, to be held: it stays as it is, and a row that changes is another one then.
    pub fn held(&self) -> impl DoubleEndedIterator<Item = &Arc<V>> + ExactSizeIterator + Clone {
        self.rows.values()
    }

    /// Every key with its row, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + ExactSizeIterator + Clone {
        self.rows.iter().map(|(key, row)| (key, &**row))
    }

    /// Sets the row of a key.
    pub fn insert(&mut self, key: K, row: V) {
        self.rows.insert(key, Arc::new(row));
    }

    /// Drops the row of a key.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.rows.remove(key);
    }

    /// The rows that another copy does not share with this one.
    pub(crate) fn own<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a V> {
        let is_shared = |key: &K, row: &Arc<V>| other.rows.get(key).is_some_and(|known| Arc::ptr_eq(known, row));
        self.rows.iter().filter(move |(key, row)| !is_shared(key, row)).map(|(_, row)| &**row)
    }
}

impl<K: Ord, V: Clone> Rows<K, V> {
    /// The row of a key, to change it; copied first when other copies share it.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.rows.get_mut(key).map(Arc::make_mut)
    }
}

impl<K: Ord + Borrow<Q>, V, Q: Ord + ?Sized> Index<&Q> for Rows<K, V> {
    type Output = V;

    /// # Panics
    /// When the key has no row.
    fn index(&self, key: &Q) -> &V {
        &self.rows[key]
    }
}

impl<'a, K, V> IntoIterator for &'a Rows<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = std::iter::Map<std::collections::btree_map::Iter<'a, K, Arc<V>>, fn((&'a K, &'a Arc<V>)) -> (&'a K, &'a V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.iter().map(|(key, row)| (key, &**row))
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Rows<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(rows: I) -> Self {
        Self { rows: rows.into_iter().map(|(key, row)| (key, Arc::new(row))).collect() }
    }
}

impl<K: Clone, V> Clone for Rows<K, V> {
    fn clone(&self) -> Self {
        Self { rows: self.rows.clone() }
    }
}

impl<K, V> Default for Rows<K, V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new() }
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Rows<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Rows<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rows.fmt(f)
    }
}

impl<K: Serialize, V: Serialize> Serialize for Rows<K, V> {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        self.rows.serialize(output)
    }
}

impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Deserialize<'de> for Rows<K, V> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(input).map(|rows| Self { rows })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_shares_its_rows_until_one_of_the_two_changes_one() {
        let mut live: Rows<u8, String> = (0..4).map(|key| (key, key.to_string())).collect();
        let kept = live.clone();
        assert_eq!(live.own(&kept).count(), 0);
        live.get_mut(&2).unwrap().push('!');
        live.insert(9, "new".into());
        live.remove(&0);
        assert_eq!(live.own(&kept).collect::<Vec<_>>(), ["2!", "new"]);
        assert_eq!((&kept[&2], kept.len(), kept.contains_key(&9)), (&"2".to_owned(), 4, false));
        let read: Rows<u8, String> = serde_json::from_str(&serde_json::to_string(&live).unwrap()).unwrap();
        assert_eq!(read, live);
    }
}
