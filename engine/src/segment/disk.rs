//! What the journal needs of a disk, as a port of its own: a test gives it one that runs full, tears writes and fails to
//! sync, which no real disk does when asked.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read, Seek, SeekFrom},
    iter,
    path::PathBuf,
    thread,
    time::Duration,
};

use super::{file::FolderFile, slab::Slab};

/// Bytes of zeros that are written at once.
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

/// One folder of files. What is done to names is there after a crash once [`Disk::sync`] has returned.
pub(crate) trait Disk: Send + Sync + 'static {
    fn names(&self) -> io::Result<Vec<String>>;
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;
    /// So many bytes of a file, from a place on; fewer where it ends.
    fn read_at(&self, name: &str, offset: u64, count: usize) -> io::Result<Vec<u8>>;
    /// An empty file, in place of one of that name.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// A file that is there, to be written to.
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn remove(&self, name: &str) -> io::Result<()>;
    fn sync(&self) -> io::Result<()>;
}

/// One file. What is written is there after a crash once a sync has returned.
pub(crate) trait DiskFile: Send {
    /// Writes some of the bytes, at least one; how many.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<usize>;
    /// Writes all of the bytes, where nothing that counts follows: what does, up to the next block, may become zeros.
    fn append_at(&mut self, offset: u64, bytes: &mut Slab) -> io::Result<()>;
    /// Makes an empty file so long, of zeros for which there is room.
    fn reserve(&mut self, length: u64) -> io::Result<()>;
    fn set_len(&mut self, length: u64) -> io::Result<()>;
    /// What was written within the length that the file had at the last [`DiskFile::sync_all`].
    fn sync_data(&mut self) -> io::Result<()>;
    /// What was written, and the length.
    fn sync_all(&mut self) -> io::Result<()>;
}

/// Writes all of the bytes.
pub(crate) fn write_all_at(file: &mut dyn DiskFile, mut offset: u64, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(offset, bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => (offset, bytes) = (offset + count as u64, &bytes[count..]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes zeros. The blocks are then there, and a later sync has no metadata to write.
pub(crate) fn fill(file: &mut dyn DiskFile, from: u64, to: u64) -> io::Result<()> {
    let mut at = from;
    while at < to {
        let count = (to - at).min(ZEROS.len() as u64);
        write_all_at(file, at, &ZEROS[..count as usize])?;
        at += count;
    }
    Ok(())
}

/// Bytes of a large file after which what is written is synced. At its end it would be much at once, and syncs of other files
/// of the same disk, which appends wait for, would wait for all of it.
pub(crate) const STEP_BYTES: usize = 512 << 10;

/// After each step that is read where nobody waits for it, so long nothing is read: a disk that is kept busy with much to read makes
/// a little write wait for all of it.
const PAUSE: Duration = Duration::from_millis(1);

/// Reads a file where nobody waits for it, in steps, so that whoever writes meanwhile finds the disk free.
pub(crate) fn read_in_steps(disk: &dyn Disk, name: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let step = disk.read_at(name, bytes.len() as u64, STEP_BYTES)?;
        bytes.extend_from_slice(&step);
        if step.len() < STEP_BYTES {
            return Ok(bytes);
        }
        thread::sleep(PAUSE);
    }
}

/// Writes much, in steps that are synced; what comes last may not be.
pub(crate) fn write_in_steps(file: &mut dyn DiskFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
    let mut at = offset;
    for step in bytes.chunks(STEP_BYTES) {
        write_all_at(file, at, step)?;
        at += step.len() as u64;
        if step.len() == STEP_BYTES {
            file.sync_data()?;
        }
    }
    Ok(())
}

/// Writes zeros where a file was given room as long as it may go on, in steps that are synced; what comes last may not be.
pub(crate) fn fill_in_steps(file: &mut dyn DiskFile, length: u64, mut goes_on: impl FnMut() -> bool) -> io::Result<()> {
    let mut zeros = Slab::default();
    zeros.restart(0, STEP_BYTES);
    zeros.end().extend(iter::repeat_n(0, STEP_BYTES));
    for at in (0..length).step_by(STEP_BYTES) {
        if !goes_on() {
            break;
        }
        zeros.truncate((length - at).min(STEP_BYTES as u64) as usize);
        file.append_at(at, &mut zeros)?;
        if length > at + STEP_BYTES as u64 {
            file.sync_data()?;
        }
    }
    Ok(())
}

/// A folder of the file system.
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl Disk for Folder {
    fn names(&self) -> io::Result<Vec<String>> {
        fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path.join(name))
    }

    fn read_at(&self, name: &str, offset: u64, count: usize) -> io::Result<Vec<u8>> {
        let (mut file, mut bytes) = (File::open(self.path.join(name))?, Vec::new());
        file.seek(SeekFrom::Start(offset))?;
        file.take(count as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(self.path.join(name))?;
        Ok(Box::new(FolderFile::new(file)))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(FolderFile::new(OpenOptions::new().read(true).write(true).open(self.path.join(name))?)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let to = self.path.join(to);
        if let Some(folder) = to.parent().filter(|folder| *folder != self.path) {
            fs::create_dir_all(folder)?;
        }
        fs::rename(self.path.join(from), to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}
