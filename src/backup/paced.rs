//! A file that is written at length beside an engine that works: what is written is synced step by step, because at the end
//! it would be much at once, and every append of the engine would wait for it.

use std::{
    fs::File,
    io::{self, Write},
};

/// Bytes after which what is written is synced.
const STEP_BYTES: usize = 512 << 10;

pub(super) struct Paced {
    pub(super) file: File,
    unsynced: usize,
}

impl Paced {
    pub(super) fn new(file: File) -> Self {
        Self { file, unsynced: 0 }
    }
}

impl Write for Paced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = STEP_BYTES - self.unsynced;
        let count = self.file.write(&bytes[..bytes.len().min(room)])?;
        self.unsynced += count;
        if self.unsynced == STEP_BYTES {
            self.file.sync_data()?;
            self.unsynced = 0;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_is_written_in_steps() {
        let (folder, bytes) = (tempfile::tempdir().unwrap(), (0..STEP_BYTES * 2 + 77).map(|at| at as u8).collect::<Vec<_>>());
        let path = folder.path().join("long");
        let mut paced = Paced::new(File::create(&path).unwrap());
        assert_eq!(paced.write(&bytes).unwrap(), STEP_BYTES, "no more than a step goes unsynced");
        paced.write_all(&bytes[STEP_BYTES..]).unwrap();
        assert_eq!((paced.unsynced, std::fs::read(&path).unwrap() == bytes), (77, true));
    }
}
