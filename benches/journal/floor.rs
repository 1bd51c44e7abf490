//! The least that a durable append can be: one write of the bytes that the journal writes, and one sync. The file is filled
//! with zeros before, as the journal's are, so that neither its length nor its blocks change.

use std::{
    cell::Cell,
    fs::{self, File},
    os::unix::fs::FileExt,
    path::Path,
};

use tempfile::TempDir;

use crate::{events, ours::Ours};

const FILE_BYTES: u64 = 64 << 20;

pub(crate) struct Floor {
    file: File,
    at: Cell<u64>,
    _folder: TempDir,
}

impl Floor {
    pub(crate) fn new() -> Self {
        let folder = events::folder();
        let file = File::create(folder.path().join("floor")).expect("the folder is ours");
        let zeros = vec![0; 1 << 20];
        for at in (0..FILE_BYTES).step_by(zeros.len()) {
            file.write_all_at(&zeros, at).expect("there is room on the disk");
        }
        file.sync_all().expect("the disk takes it");
        Self { file, at: Cell::new(0), _folder: folder }
    }

    pub(crate) fn rate(&self, size: usize, commits: usize) -> f64 {
        let batch = vec![b'x'; bytes_of_commit(size)];
        events::rate(size, commits, |_| {
            // Over again from the beginning is the same to the disk as another file.
            let at = self.at.get();
            self.file.write_all_at(&batch, at).expect("there is room on the disk");
            self.file.sync_data().expect("the disk takes it");
            let next = at + batch.len() as u64;
            self.at.set(if next + batch.len() as u64 > FILE_BYTES { 0 } else { next });
        })
    }
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
