//! A disk that does what real ones do at bad moments: it runs full, writes a part, fails to sync and forgets what it said it
//! would write, and loses power between any two calls.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard},
};

use super::{
    disk::{Disk, DiskFile, write_all_at},
    load::is_unbegun,
    slab::Slab,
};

const SECTOR: usize = 512;
const EIO: i32 = 5;
const ENOSPC: i32 = 28;

#[derive(Clone, Default)]
pub(crate) struct SimDisk {
    world: Arc<(Mutex<World>, Condvar)>,
}

#[derive(Default)]
pub(crate) struct World {
    files: Vec<SimFile>,
    /// What is seen, and what is there after a crash.
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// Calls that change something.
    pub(crate) calls: u64,
    pub(crate) syncs: u64,
    /// The most bytes that a sync of a file had to write which is no segment.
    pub(crate) most_beside: usize,
    /// From this call on there is no power.
    pub(crate) power_until: Option<u64>,
    /// Bytes of all files.
    pub(crate) room: Option<u64>,
    /// Writes that found no room.
    pub(crate) roomless: u64,
    /// The most bytes of one write.
    pub(crate) write_max: Option<usize>,
    /// So many writes fail, after half of their bytes.
    pub(crate) failing_writes: u32,
    /// So many syncs fail, and what they should have written never is.
    pub(crate) failing_syncs: u32,
    /// Syncs of data wait.
    pub(crate) is_held: bool,
    /// Writes to the file of this name wait.
    pub(crate) held_file: Option<&'static str>,
}

#[derive(Default, Clone)]
struct SimFile {
    seen: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(at, written) => {
                bytes.resize(bytes.len().max(at + written.len()), 0);
                bytes[*at..at + written.len()].copy_from_slice(written);
            }
            Self::Length(length) => bytes.resize(*length, 0),
        }
    }
}

/// A simple source of coins, the same for the same seed.
pub(crate) struct Coins(u64);

impl Coins {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}

impl SimDisk {
    pub(crate) fn with(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let disk = Self::default();
        {
            let mut world = disk.world();
            for (name, bytes) in files {
                let id = world.files.len();
                world.files.push(SimFile { seen: bytes.clone(), durable: bytes, unsynced: Vec::new() });
                world.names.insert(name.clone(), id);
                world.durable_names.insert(name, id);
            }
        }
        disk
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.0.lock().unwrap()
    }

    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let world = self.world();
        world.names.iter().map(|(name, id)| (name.clone(), world.files[*id].seen.clone())).collect()
    }

    /// Waits until the file of the next segment is there, which is not begun.
    pub(crate) fn await_next(&self) {
        self.await_that(|world| {
            let mut segments = world.durable_names.iter().filter(|(name, _)| name.ends_with(".journal"));
            segments.next_back().is_some_and(|(_, id)| is_unbegun(&world.files[*id].durable))
        });
    }

    /// Segments that are begun.
    pub(crate) fn segments(&self) -> Vec<(String, Vec<u8>)> {
        self.files().into_iter().filter(|(name, bytes)| name.ends_with(".journal") && !is_unbegun(bytes)).collect()
    }

    pub(crate) fn await_that(&self, holds: impl Fn(&World) -> bool) {
        while !holds(&self.world()) {
            std::thread::yield_now();
        }
    }

    pub(crate) fn release(&self) {
        {
            let mut world = self.world();
            (world.is_held, world.held_file) = (false, None);
        }
        self.world.1.notify_all();
    }

    /// What is there after the power failed: what was synced, and of the rest any sectors.
    pub(crate) fn after_crash(&self, seed: u64) -> Self {
        let (world, mut coins) = (self.world(), Coins::new(seed));
        let names = if coins.below(2) == 0 { &world.names } else { &world.durable_names };
        let content = |(name, id): (&String, &usize)| (name.clone(), world.files[*id].after_crash(&mut coins));
        Self::with(names.iter().map(content).collect::<Vec<_>>())
    }
}

impl SimFile {
    fn after_crash(&self, coins: &mut Coins) -> Vec<u8> {
        let (mut bytes, odds) = (self.durable.clone(), coins.below(4));
        for change in &self.unsynced {
            match change {
                Change::Length(length) if coins.below(3) < odds => bytes.resize(*length, 0),
                Change::Length(_) => {}
                Change::Write(at, written) => {
                    let sectors = written.chunks(SECTOR).enumerate().filter(|_| coins.below(3) < odds);
                    sectors.for_each(|(sector, part)| Change::Write(at + sector * SECTOR, part.to_vec()).apply(&mut bytes));
                }
            }
        }
        bytes
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.seen);
        self.unsynced.push(change);
    }
}

fn fails(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

impl World {
    /// Counts a call that changes something.
    fn call(&mut self) -> io::Result<()> {
        self.calls += 1;
        if self.power_until.is_some_and(|until| self.calls > until) { Err(fails(EIO)) } else { Ok(()) }
    }

    fn id(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn holds(&self, id: usize) -> bool {
        self.held_file.is_some_and(|held| self.names.get(held) == Some(&id))
    }

    /// Files that are seen.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    fn used(&self) -> u64 {
        self.names.values().map(|id| self.files[*id].seen.len() as u64).sum()
    }

    fn write(&mut self, id: usize, at: usize, bytes: &[u8]) -> io::Result<usize> {
        self.call()?;
        let count = bytes.len().min(self.write_max.unwrap_or(usize::MAX));
        if self.failing_writes > 0 {
            self.failing_writes -= 1;
            self.files[id].change(Change::Write(at, bytes[..count / 2].to_vec()));
            return Err(fails(EIO));
        }
        let grows = (at + count).saturating_sub(self.files[id].seen.len());
        let lacking = self.room.map_or(0, |room| (self.used() + grows as u64).saturating_sub(room)) as usize;
        let count = count.saturating_sub(lacking.min(grows));
        if count == 0 {
            self.roomless += 1;
            return Err(fails(ENOSPC));
        }
        self.files[id].change(Change::Write(at, bytes[..count].to_vec()));
        Ok(count)
    }

    fn sync(&mut self, id: usize) -> io::Result<()> {
        self.call()?;
        self.syncs += 1;
        let is_beside = self.names.iter().any(|(name, known)| *known == id && name.rsplit('.').next() != Some("journal"));
        let file = &mut self.files[id];
        let changes = std::mem::take(&mut file.unsynced);
        if self.failing_syncs > 0 {
            self.failing_syncs -= 1;
            return Err(fails(EIO));
        }
        let written = |change: &Change| if let Change::Write(_, bytes) = change { bytes.len() } else { 0 };
        let bytes = changes.iter().map(written).sum();
        for change in changes {
            change.apply(&mut file.durable);
        }
        self.most_beside = self.most_beside.max(if is_beside { bytes } else { 0 });
        Ok(())
    }
}

impl Disk for SimDisk {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.world().names.keys().cloned().collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let world = self.world();
        Ok(world.files[world.id(name)?].seen.clone())
    }

    fn read_at(&self, name: &str, offset: u64, count: usize) -> io::Result<Vec<u8>> {
        self.read(name).map(|bytes| bytes.into_iter().skip(offset as usize).take(count).collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut world = self.world();
        world.call()?;
        let id = world.files.len();
        world.files.push(SimFile::default());
        world.names.insert(name.into(), id);
        Ok(Box::new(Opened { disk: self.clone(), id }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let id = self.world().id(name)?;
        Ok(Box::new(Opened { disk: self.clone(), id }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut world = self.world();
        world.call()?;
        let id = world.id(from)?;
        world.names.remove(from);
        world.names.insert(to.into(), id);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut world = self.world();
        world.call()?;
        world.id(name)?;
        world.names.remove(name);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = self.world();
        world.call()?;
        world.durable_names = world.names.clone();
        Ok(())
    }
}

struct Opened {
    disk: SimDisk,
    id: usize,
}

impl DiskFile for Opened {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let (world, released) = &*self.disk.world;
        let mut world = released.wait_while(world.lock().unwrap(), |world| world.holds(self.id)).unwrap();
        world.write(self.id, offset as usize, bytes)
    }

    /// Whole sectors, as a disk takes them.
    fn append_at(&mut self, offset: u64, bytes: &mut Slab) -> io::Result<()> {
        let start = offset as usize - offset as usize % SECTOR;
        let mut sectors = self.disk.world().files[self.id].seen[start..offset as usize].to_vec();
        sectors.extend_from_slice(bytes);
        sectors.resize(sectors.len().next_multiple_of(SECTOR), 0);
        write_all_at(self, start as u64, &sectors)
    }

    fn reserve(&mut self, length: u64) -> io::Result<()> {
        let mut world = self.disk.world();
        world.call()?;
        if world.room.is_some_and(|room| world.used() + length > room) {
            world.roomless += 1;
            return Err(fails(ENOSPC));
        }
        world.files[self.id].change(Change::Length(length as usize));
        Ok(())
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        let mut world = self.disk.world();
        world.call()?;
        world.files[self.id].change(Change::Length(length as usize));
        Ok(())
    }

    fn sync_data(&mut self) -> io::Result<()> {
        let (world, released) = &*self.disk.world;
        let mut world = released.wait_while(world.lock().unwrap(), |world| world.is_held).unwrap();
        world.sync(self.id)
    }

    fn sync_all(&mut self) -> io::Result<()> {
        self.disk.world().sync(self.id)
    }
}
