//! Bytes on their way to a disk that takes nothing but whole blocks, from memory that begins where a block could. They are made
//! where they can be written from, so that nobody has to copy them.

use std::ops::{Deref, DerefMut};

/// What places, lengths and memory are multiples of. No disk in use asks for more.
pub(crate) const BLOCK: usize = 4_096;

/// Bytes that are added to at their end.
#[derive(Debug, Default, Clone)]
pub(crate) struct Slab {
    /// Room for what comes before them in their first block, then the bytes.
    memory: Vec<u8>,
    start: usize,
}

impl Slab {
    /// Begins anew, with bytes for a place in a file. If there are no more than so many, their memory does not move.
    pub(crate) fn restart(&mut self, place: u64, bytes_max: usize) {
        self.memory.clear();
        // Up to the first block, in it before the bytes, and in the last one behind them.
        self.memory.reserve(bytes_max + 3 * BLOCK);
        self.start = self.memory.as_ptr().align_offset(BLOCK) + place as usize % BLOCK;
        self.memory.resize(self.start, 0);
    }

    /// Where bytes are added. What is there already stays.
    pub(crate) fn end(&mut self) -> &mut Vec<u8> {
        &mut self.memory
    }

    pub(crate) fn truncate(&mut self, bytes: usize) {
        self.memory.truncate(self.start + bytes);
    }

    /// Has them written as whole blocks, with what comes before them in the first one and zeros behind them in the last one. `None`:
    /// they do not stand where that is possible.
    pub(super) fn in_blocks<T>(&mut self, before: &[u8], write: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let (first, end) = (self.start.checked_sub(before.len())?, self.memory.len());
        let is_border = self.memory.as_ptr().wrapping_add(first).align_offset(BLOCK) == 0;
        let last = first + (end - first).next_multiple_of(BLOCK);
        if !is_border || last > self.memory.capacity() {
            return None;
        }
        self.memory[first..self.start].copy_from_slice(before);
        self.memory.resize(last, 0);
        let written = write(&self.memory[first..]);
        self.memory.truncate(end);
        Some(written)
    }
}

impl Deref for Slab {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[self.start..]
    }
}

impl DerefMut for Slab {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    #[test]
    fn bytes_for_any_place_are_written_from_where_they_stand() {
        let mut slab = Slab::default();
        for (place, count) in [(0, 0), (0, BLOCK), (1, 10), (100, BLOCK - 100), (4_095, 2), (4_095, 3 * BLOCK), (10_000, 70_000)]
        {
            slab.restart(place, count);
            slab.end().extend(iter::repeat_n(b'x', count));
            let before = vec![b'b'; place as usize % BLOCK];
            let written = slab.in_blocks(&before, <[u8]>::to_vec).unwrap();
            let wanted = before.len() + count;
            assert_eq!(written.len(), wanted.next_multiple_of(BLOCK), "{place} {count}");
            assert!(written[..before.len()] == before && written[before.len()..wanted] == *slab);
            assert!(written[wanted..].iter().all(|byte| *byte == 0) && slab.len() == count);
        }
    }

    #[test]
    fn bytes_that_stand_elsewhere_are_not() {
        let mut slab = Slab::default();
        slab.restart(7, 100);
        slab.end().extend_from_slice(&[1; 100]);
        assert!(slab.in_blocks(&[0; 8], |_| ()).is_none(), "another place");
        slab.end().resize(1 << 20, 1);
        slab.end().shrink_to_fit();
        let before = slab.to_vec();
        let _ = slab.in_blocks(&[0; 7], |_| ());
        assert_eq!(*slab, *before, "more than was said");
    }
}
