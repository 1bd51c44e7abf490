//! The end of the journal: the segment that is written to, and how the next one follows it.

use std::{collections::VecDeque, io, mem, sync::Arc, time::Instant};

use jiff::Timestamp;

use crate::vitals::latency::LatencyMeter;

use super::{
    disk::{Disk, DiskFile, fill, write_all_at},
    frame::{Batch, COMMIT_BYTES, Format, HEADER_BYTES, Header, Purpose, seed_of},
    keeper::{DropBefore, Keeper},
    load::segment_name,
    scan::Scanned,
    slab::Slab,
};

/// Of a segment, what most writes leave for those that relieve: a disk that is full can still be relieved.
const RESERVE_SHARE: u64 = 16;

/// Of a full segment, what may stay unused. To give it back is work for the file system, and for a disk that is told of all
/// that is free: each sync of the next milliseconds waits for it.
const UNUSED_SHARE_MAX: u64 = 8;

/// Where batches are of so many bytes on average, the next segment is filled while nothing is written or not at all: to note what was
/// written for the first time is then less than to write everything twice at the same time.
const LARGE_BYTES: u64 = 256 << 10;

/// Why a batch was not written.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It does not count, and the journal stands where it stood.
    Refused(io::Error),
    /// Nobody knows what is on disk: after a sync that failed, the next one may succeed without having written anything.
    Unknown(io::Error),
}

/// The most bytes of records in one batch, commit record not counted.
pub(crate) fn batch_bytes_max(segment_bytes: u64) -> usize {
    (segment_bytes - segment_bytes / RESERVE_SHARE) as usize - HEADER_BYTES - COMMIT_BYTES
}

/// The most bytes of records in a batch that a full disk still takes if it relieves.
pub(crate) fn relief_bytes_max(segment_bytes: u64) -> usize {
    (segment_bytes / RESERVE_SHARE) as usize - COMMIT_BYTES
}

/// The segment that is written to.
pub(crate) struct Active {
    file: Box<dyn DiskFile>,
    format: Format,
    number: u64,
    seed: u32,
    /// Where the next batch goes.
    end: u64,
    /// The length of the file, all of which has its blocks.
    capacity: u64,
    /// Up to here may be what writes that failed have left.
    soiled: u64,
    /// Batches that were written.
    batches: u64,
}

impl Active {
    /// Makes a file of zeros, which has its name already, the next segment.
    pub(crate) fn begin(
        format: Format,
        mut file: Box<dyn DiskFile>,
        number: u64,
        next: u64,
        capacity: u64,
    ) -> Result<Self, Failure> {
        let header = Header { purpose: Purpose::Segment, number, next, created: Timestamp::now() }.encode(&format);
        let mut bytes = Slab::default();
        bytes.restart(0, HEADER_BYTES);
        bytes.end().extend_from_slice(&header);
        file.append_at(0, &mut bytes).map_err(Failure::Refused)?;
        file.sync_data().map_err(Failure::Refused)?;
        let end = HEADER_BYTES as u64;
        Ok(Self { file, format, number, seed: seed_of(&header), end, capacity, soiled: end, batches: 0 })
    }

    /// Goes on with a segment that was read. Its last batch is written once more: if a sync of it failed, it can be read
    /// and yet not be on disk.
    pub(crate) fn resume(
        disk: &dyn Disk,
        format: Format,
        number: u64,
        bytes: &[u8],
        scanned: &Scanned,
        segment_bytes: u64,
    ) -> io::Result<Self> {
        let mut file = disk.open(&segment_name(number))?;
        let (length, last) = (bytes.len() as u64, scanned.last_batch.clone());
        write_all_at(&mut *file, 0, &bytes[..HEADER_BYTES])?;
        write_all_at(&mut *file, last.start as u64, &bytes[last])?;
        fill(&mut *file, scanned.end, scanned.torn.as_ref().map_or(scanned.end, |torn| torn.end))?;
        // A disk without room for the rest of the segment is told when something is to be written there.
        let capacity = if fill(&mut *file, length, segment_bytes).is_ok() { length.max(segment_bytes) } else { length };
        file.sync_all()?;
        Ok(Self {
            file,
            format,
            number,
            seed: seed_of(bytes),
            end: scanned.end,
            capacity,
            soiled: scanned.end,
            batches: scanned.batches,
        })
    }

    fn write(&mut self, batch: &mut Batch, next: u64, syncs: &LatencyMeter) -> Result<(), Failure> {
        let bytes = batch.seal(self.seed, self.end, next);
        let end = self.end + bytes.len() as u64;
        let began = Instant::now();
        let written = fill(&mut *self.file, self.end, self.soiled).and_then(|()| self.file.append_at(self.end, bytes));
        if let Err(error) = written {
            self.soiled = self.soiled.max(end);
            return Err(Failure::Refused(error));
        }
        self.file.sync_data().map_err(Failure::Unknown)?;
        syncs.record(began.elapsed());
        (self.end, self.soiled) = (end, end);
        self.batches += 1;
        Ok(())
    }

    /// Whether the next one should be filled by now. Until then that waits for a moment in which nothing is written.
    fn urges(&self) -> bool {
        let are_large = self.end >= self.batches * LARGE_BYTES;
        self.end > self.capacity / 2 && !are_large
    }

    /// Cuts off what writes that failed have left: in a file that is not the last it would be damage.
    fn clean(&mut self) -> Result<(), Failure> {
        if self.soiled > self.end {
            self.file.set_len(self.end).map_err(Failure::Refused)?;
            (self.capacity, self.soiled) = (self.end, self.end);
            self.file.sync_all().map_err(Failure::Unknown)?;
        }
        Ok(())
    }
}

/// A segment that is no longer written to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sealed {
    pub(crate) number: u64,
    /// The number after that of its last record that counts.
    pub(crate) next: u64,
    /// Its length.
    pub(crate) bytes: u64,
}

pub(crate) struct Tail {
    active: Active,
    sealed: VecDeque<Sealed>,
    keeper: Keeper,
    segment_bytes: u64,
    /// How long the writes of batches and their syncs took.
    pub(crate) syncs: Arc<LatencyMeter>,
}

impl Tail {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        active: Active,
        sealed: VecDeque<Sealed>,
        segment_bytes: u64,
        drop_before: DropBefore,
    ) -> io::Result<Self> {
        let mut keeper = Keeper::start(disk, segment_bytes, drop_before)?;
        keeper.prepare(active.number + 1);
        Ok(Self { active, sealed, keeper, segment_bytes, syncs: Arc::default() })
    }

    /// Writes a batch and syncs it. `from` and `next` are the numbers that come before and after it; what relieves the disk may use
    /// the reserve.
    pub(crate) fn write(&mut self, batch: &mut Batch, from: u64, next: u64, relieves: bool) -> Result<(), Failure> {
        let reserve = if relieves { 0 } else { self.segment_bytes / RESERVE_SHARE };
        if self.active.end + (batch.len() + COMMIT_BYTES) as u64 + reserve > self.active.capacity {
            self.roll(from)?;
        }
        self.keeper.writing();
        self.active.write(batch, next, &self.syncs)?;
        if self.active.urges() {
            self.keeper.urge();
        }
        Ok(())
    }

    /// Goes on in a new segment. Its file is there before the old one is closed: a full disk leaves the old one as it is.
    fn roll(&mut self, next: u64) -> Result<(), Failure> {
        let (number, bytes) = (self.active.number, self.active.end);
        let file = self.keeper.prepared(number + 1).map_err(Failure::Refused)?;
        self.active.clean()?;
        let active = Active::begin(self.active.format, file, number + 1, next, self.segment_bytes)?;
        let full = mem::replace(&mut self.active, active);
        self.sealed.push_back(Sealed { number, next, bytes });
        let is_short = full.capacity - bytes > self.segment_bytes / UNUSED_SHARE_MAX;
        self.keeper.close(full.file, is_short.then_some(bytes));
        self.keeper.prepare(number + 2);
        Ok(())
    }

    /// Where the next batch goes in its file and what its checksums begin with, if it fits in there.
    pub(crate) fn place(&self) -> (u64, u32) {
        (self.active.end, self.active.seed)
    }

    /// How many segments are no longer written to.
    pub(crate) fn sealed_count(&self) -> usize {
        self.sealed.len()
    }

    /// Bytes of the segments that are no longer written to.
    pub(crate) fn sealed_bytes(&self) -> u64 {
        self.sealed.iter().map(|sealed| sealed.bytes).sum()
    }

    /// Drops all segments that are no longer written to, in the background.
    pub(crate) fn drop_sealed(&mut self) {
        self.drop_before(u64::MAX);
    }

    /// Drops whole segments before a number, in the background.
    pub(crate) fn drop_before(&mut self, oldest: u64) {
        let before = self.sealed.len();
        while self.sealed.front().is_some_and(|sealed| sealed.next <= oldest) {
            self.sealed.pop_front();
        }
        if self.sealed.len() < before {
            self.keeper.drop_before(self.sealed.front().map_or(self.active.number, |sealed| sealed.number));
        }
    }
}
