//! The least that a durable append can be: a checksum, one write of the bytes that the journal writes, and one sync. They go to a
//! file that is filled with zeros before, as the journal's are, so that neither its length nor its blocks change; filling it
//! takes none of the floor's time, and some of the journal's.

use std::{
    fs::{self, File},
    hint::black_box,
    os::unix::fs::FileExt,
    path::Path,
};

use crate::{events, ours::Ours};

pub(crate) struct Floor {
    size: usize,
    batch: Vec<u8>,
}

impl Floor {
    /// For commits of so many events.
    pub(crate) fn new(size: usize) -> Self {
        Self { size, batch: vec![b'x'; bytes_of_commit(size)] }
    }

    pub(crate) fn rate(&self, commits: usize) -> f64 {
        let folder = events::folder();
        let file = zeros(&folder.path().join("floor"), self.batch.len() * commits);
        let mut at = 0;
        events::rate(self.size, commits, |_| {
            black_box(crc32c::crc32c(&self.batch));
            file.write_all_at(&self.batch, at).expect("there is room on the disk");
            file.sync_data().expect("the disk takes it");
            at += self.batch.len() as u64;
        })
    }
}

fn zeros(path: &Path, bytes: usize) -> File {
    let file = File::create(path).expect("the folder is ours");
    let zeros = vec![0; 1 << 20];
    for at in (0..bytes).step_by(zeros.len()) {
        file.write_all_at(&zeros, at as u64).expect("there is room on the disk");
    }
    file.sync_all().expect("the disk takes it");
    file
}

/// What a commit of ours takes on the disk, as found in the files of a journal.
fn bytes_of_commit(size: usize) -> usize {
    let journal = Ours::new();
    let empty = written(journal.folder());
    journal.rate(size, 2);
    (written(journal.folder()) - empty) / 2
}

/// Bytes up to the last one that is not zero, in all files.
fn written(folder: &Path) -> usize {
    let files = fs::read_dir(folder).expect("the folder is ours").flatten();
    let bytes = files.filter_map(|entry| fs::read(entry.path()).ok());
    bytes.map(|bytes| bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)).sum()
}
