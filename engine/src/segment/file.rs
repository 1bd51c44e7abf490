//! A file of a folder. What is appended goes to the disk past the system's cache: it is to be there at once, so a copy that the
//! system makes, keeps and looks for again at the sync costs as much as the disk itself; and where the cache has nothing of the file,
//! as of one that was just filled, a little write through it reads a block first.
//!
//! A disk takes nothing but whole blocks then, from memory that begins where a block could. So what is appended is written with
//! what its first block holds already, and zeros behind it. Where the file system knows no such writes, it is written like everything
//! else.

use std::{
    fs::File,
    io::{self, ErrorKind},
    mem,
    os::unix::fs::FileExt,
};

use rustix::{fs::FallocateFlags, io::Errno};

use super::{
    disk::{DiskFile, STEP_BYTES, fill, write_all_at},
    slab::{BLOCK, Slab},
};

pub(super) struct FolderFile {
    file: File,
    /// Where the last append ended, and what its last block holds before that.
    end: Option<u64>,
    last: Vec<u8>,
    /// A copy of what does not stand where a disk takes it from.
    copy: Slab,
    way: Way,
    /// What the disk said of an append: told at the next sync, as it is of what goes through the cache. Nobody knows what is there then.
    lost: Option<io::Error>,
}

/// How the file is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Cached,
    Direct,
    /// The file system has no other.
    OnlyCached,
}

impl FolderFile {
    pub(super) fn new(file: File) -> Self {
        Self { file, end: None, last: Vec::new(), copy: Slab::default(), way: Way::Cached, lost: None }
    }

    fn go(&mut self, way: Way) {
        if self.way != way && self.way != Way::OnlyCached {
            self.way = if set_direct(&self.file, way == Way::Direct).is_ok() { way } else { Way::OnlyCached };
        }
    }

    /// Appends bytes that stand where a disk takes them from; whether they do.
    fn append_as_it_is(&mut self, offset: u64, bytes: &mut Slab) -> io::Result<bool> {
        let (before, start) = (offset as usize % BLOCK, offset - offset % BLOCK as u64);
        if self.end.take() != Some(offset) {
            self.go(Way::Cached);
            self.last.resize(before, 0);
            self.file.read_exact_at(&mut self.last, start)?;
        }
        self.go(Way::Direct);
        let file = &self.file;
        let Some(written) = bytes.in_blocks(&self.last, |blocks| write_blocks(file, start, blocks)) else {
            self.end = Some(offset);
            return Ok(false);
        };
        match written {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                self.go(Way::Cached);
                self.way = Way::OnlyCached;
                return write_all_at(self, offset, bytes).map(|()| true);
            }
            Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => return Err(error),
            Err(error) => self.lost = Some(error),
        }
        let end = offset + bytes.len() as u64;
        let kept = end as usize % BLOCK;
        if kept <= bytes.len() {
            self.last.clear();
        }
        self.last.extend_from_slice(&bytes[bytes.len().saturating_sub(kept)..]);
        self.end = Some(end);
        Ok(true)
    }

    /// Appends a copy.
    fn append_copy(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut copy = mem::take(&mut self.copy);
        copy.restart(offset, bytes.len());
        copy.end().extend_from_slice(bytes);
        let written = self.append_as_it_is(offset, &mut copy);
        self.copy = copy;
        // A copy stands where it should.
        if written? { Ok(()) } else { write_all_at(self, offset, bytes) }
    }

    fn told(&mut self) -> io::Result<()> {
        self.lost.take().map_or(Ok(()), Err)
    }
}

/// Input is invalid where the file system does not write this way after all.
fn write_blocks(file: &File, start: u64, blocks: &[u8]) -> io::Result<()> {
    let mut done = 0;
    while done < blocks.len() {
        match file.write_at(&blocks[done..], start + done as u64) {
            // What is left of a block is written once more, with all of it.
            Ok(count) if count >= BLOCK => done += count - count % BLOCK,
            Ok(_) => return Err(ErrorKind::WriteZero.into()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn set_direct(file: &File, is_direct: bool) -> rustix::io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        let mut flags = rustix::fs::fcntl_getfl(file)?;
        flags.set(rustix::fs::OFlags::DIRECT, is_direct);
        rustix::fs::fcntl_setfl(file, flags)
    }
    #[cfg(not(target_os = "linux"))]
    Err(Errno::NOTSUP)
}

impl DiskFile for FolderFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.go(Way::Cached);
        self.end = None;
        self.file.write_at(bytes, offset)
    }

    fn append_at(&mut self, offset: u64, bytes: &mut Slab) -> io::Result<()> {
        if self.way == Way::OnlyCached {
            return write_all_at(self, offset, bytes);
        }
        if self.append_as_it_is(offset, bytes)? {
            return Ok(());
        }
        let parts = bytes.chunks(STEP_BYTES);
        parts.zip((offset..).step_by(STEP_BYTES)).try_for_each(|(part, offset)| self.append_copy(offset, part))
    }

    fn reserve(&mut self, length: u64) -> io::Result<()> {
        match rustix::fs::fallocate(&self.file, FallocateFlags::empty(), 0, length) {
            Err(Errno::NOTSUP | Errno::NOSYS) => fill(self, 0, length),
            reserved => Ok(reserved?),
        }
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        self.end = None;
        self.file.set_len(length)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.told()?;
        self.file.sync_data()
    }

    fn sync_all(&mut self) -> io::Result<()> {
        self.told()?;
        self.file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::segment::sim::Coins;

    const LENGTH: usize = 4 << 20;

    fn file(way: Way) -> FolderFile {
        let mut file = FolderFile::new(tempfile::tempfile().unwrap());
        file.way = way;
        file.reserve(LENGTH as u64).unwrap();
        file
    }

    fn contents(file: &mut FolderFile) -> Vec<u8> {
        file.go(Way::Cached);
        let mut bytes = vec![0; LENGTH];
        file.file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }

    #[test]
    fn appends_of_any_length_stand_one_behind_the_other_whichever_way_they_go() {
        for way in [Way::Cached, Way::OnlyCached] {
            let (mut file, mut coins, mut written) = (file(way), Coins::new(7), vec![b'h'; 64]);
            write_all_at(&mut file, 0, &written).unwrap();
            while written.len() < LENGTH - (1 << 20) {
                let limit = [10, 5_000, 50_000, 1 << 20][coins.below(4) as usize];
                let bytes = vec![1 + coins.below(255) as u8; 1 + coins.below(limit) as usize];
                let (place, mut slab) = (written.len() as u64, Slab::default());
                slab.restart(place + coins.below(2), bytes.len());
                slab.end().extend_from_slice(&bytes);
                file.append_at(place, &mut slab).unwrap();
                written.extend_from_slice(&bytes);
                if coins.below(4) == 0 {
                    write_all_at(&mut file, 0, &[b'w'; 64]).unwrap();
                    written[..64].fill(b'w');
                }
                file.sync_data().unwrap();
            }
            written.resize(LENGTH, 0);
            assert!(contents(&mut file) == written, "{way:?}");
        }
    }

    #[test]
    fn nothing_but_the_rest_of_its_last_block_changes_behind_an_append() {
        let mut file = file(Way::Cached);
        write_all_at(&mut file, 0, &vec![b'x'; 8 * BLOCK]).unwrap();
        let mut slab = Slab::default();
        slab.end().resize(16 << 10, b'a');
        file.append_at(100, &mut slab).unwrap();
        let (found, end) = (contents(&mut file), 100 + (16 << 10));
        let are = |range: Range<usize>, wanted: u8| found[range].iter().all(|byte| *byte == wanted);
        assert!(are(0..100, b'x') && are(100..end, b'a'));
        assert!(are(end..end.next_multiple_of(BLOCK), if file.way == Way::OnlyCached { b'x' } else { 0 }));
        assert!(are(end.next_multiple_of(BLOCK)..8 * BLOCK, b'x'));
    }

    #[test]
    fn what_the_disk_says_of_an_append_is_told_at_the_sync() {
        let named = tempfile::NamedTempFile::new().unwrap();
        // It cannot be written to.
        let mut file = FolderFile::new(File::open(named.path()).unwrap());
        let mut slab = Slab::default();
        slab.end().extend_from_slice(b"lost");
        file.append_at(0, &mut slab).unwrap();
        assert_eq!(file.sync_data().unwrap_err().raw_os_error(), Some(Errno::BADF.raw_os_error()));
    }
}
