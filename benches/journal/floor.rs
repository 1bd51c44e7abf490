//! The least that a durable append can be: a checksum, one write of the bytes that the journal writes, and one sync. They go to a
//! file that is filled before, so that neither its length nor its blocks change; filling it takes none of the floor's time. All rounds
//! write to the same one: a file that goes is given back to the disk within one of the next syncs, whoever asks for it. One floor
//! writes as programs do, the other past the system's cache, as the journal does.

use std::{
    fs::{self, File, OpenOptions},
    hint::black_box,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
};

use rustix::fs::OFlags;
use tempfile::TempDir;

use crate::{events, ours::Ours};

const BLOCK: usize = 4_096;

pub(crate) struct Floor {
    size: usize,
    is_direct: bool,
    bytes: usize,
    /// Memory for a commit in whole blocks, wherever in them it begins.
    blocks: Vec<u8>,
    folder: TempDir,
}

impl Floor {
    /// For commits of so many events.
    pub(crate) fn new(size: usize, is_direct: bool) -> Self {
        let bytes = bytes_of_commit(size);
        Self { size, is_direct, bytes, blocks: vec![b'x'; bytes + 3 * BLOCK], folder: events::folder() }
    }

    pub(crate) fn rate(&self, commits: usize) -> f64 {
        let path = self.folder.path().join("floor");
        if !path.exists() {
            zeros(&path, self.bytes * (commits + 1) + BLOCK);
        }
        let flags = if self.is_direct { OFlags::DIRECT } else { OFlags::empty() };
        let opened = OpenOptions::new().write(true).custom_flags(flags.bits().cast_signed()).open(&path);
        let file = opened.expect("the file system of the target folder can be written past its cache");
        let border = self.blocks.as_ptr().align_offset(BLOCK);
        let mut at = 0;
        let commit = |()| {
            black_box(crc32c::crc32c(&self.blocks[border..border + self.bytes]));
            let (start, end) =
                if self.is_direct { (at - at % BLOCK, (at + self.bytes).next_multiple_of(BLOCK)) } else { (at, at + self.bytes) };
            file.write_all_at(&self.blocks[border..border + end - start], start as u64).expect("there is room on the disk");
            file.sync_data().expect("the disk takes it");
            at += self.bytes;
        };
        events::rate(self.size, commits, || (), commit)
    }
}

fn zeros(path: &Path, bytes: usize) {
    let file = File::create(path).expect("the folder is ours");
    let zeros = vec![0; 1 << 20];
    for at in (0..bytes).step_by(zeros.len()) {
        file.write_all_at(&zeros, at as u64).expect("there is room on the disk");
    }
    file.sync_all().expect("the disk takes it");
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
