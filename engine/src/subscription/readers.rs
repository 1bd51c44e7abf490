//! Who reads the log, and how far they are: looked at, never waited for.

use std::sync::{
    Arc, Mutex, PoisonError, Weak,
    atomic::{AtomicU64, Ordering},
};

use crate::id::Position;

/// The readers of one log. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Readers {
    all: Arc<Mutex<Vec<Weak<Reader>>>>,
}

#[derive(Debug)]
struct Reader {
    name: String,
    position: AtomicU64,
}

/// A reader's place among the others, until it is dropped.
#[derive(Debug)]
pub struct Reading {
    reader: Arc<Reader>,
}

impl Readers {
    /// A reader that has seen everything up to a position. Names need not be unique.
    pub fn enter(&self, name: impl Into<String>, position: Position) -> Reading {
        let reader = Arc::new(Reader { name: name.into(), position: AtomicU64::new(position.0) });
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that left are cleared away whenever one comes: there are never more than came at the same time, and one.
        all.retain(|reader| reader.strong_count() > 0);
        all.push(Arc::downgrade(&reader));
        Reading { reader }
    }

    /// Every reader, in the order in which they came.
    pub fn all(&self) -> Vec<(String, Position)> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let present = all.iter().filter_map(Weak::upgrade);
        present.map(|reader| (reader.name.clone(), Position(reader.position.load(Ordering::Relaxed)))).collect()
    }
}

impl Reading {
    /// Everything up to here was handed on.
    pub fn seen(&self, position: Position) {
        self.reader.position.store(position.0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_known_as_long_as_it_lives() {
        let readers = Readers::default();
        let first = readers.enter("first", Position(3));
        let second = readers.enter("second", Position(0));
        second.seen(Position(7));
        assert_eq!(readers.all(), [("first".to_owned(), Position(3)), ("second".to_owned(), Position(7))]);
        drop(first);
        assert_eq!(readers.all(), [("second".to_owned(), Position(7))]);
    }
}
