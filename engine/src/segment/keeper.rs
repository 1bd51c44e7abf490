//! What must be done and must not hold up an append, on threads of its own: one makes the next segment's file, the other
//! drops segments that nobody needs any more. They are two because a base may take long to write, and a full segment must
//! not wait for it.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
};

use super::{
    OpenError,
    disk::{Disk, DiskFile, fill_in_steps},
};

/// The file that becomes the next segment.
pub(crate) const NEXT: &str = "next.tmp";
/// Requests that wait for one of the threads.
const JOBS_MAX: usize = 8;

/// Drops the segments before a number, and leaves a base in their place.
pub(crate) type DropBefore = fn(&dyn Disk, u64) -> Result<(), OpenError>;

type Prepared = io::Result<Box<dyn DiskFile>>;

/// What a file that is made has, beside its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    /// Zeros that are written: no later sync has anything but data to write.
    Filled,
    /// Room: what is written there first is noted by the file system at its sync. For large batches that is less than to
    /// write everything twice.
    Roomy,
}

pub(crate) struct Keeper {
    files: Hands<(Made, SyncSender<Prepared>)>,
    /// The file that is asked for.
    coming: Option<Receiver<Prepared>>,
    dropping: Hands<u64>,
}

impl Keeper {
    pub(crate) fn start(disk: Arc<dyn Disk>, segment_bytes: u64, drop_before: DropBefore) -> io::Result<Self> {
        let dropper = Arc::new(Dropper { disk: disk.clone(), drop_before, undone: AtomicU64::new(0), turn: Mutex::new(()) });
        let again = dropper.clone();
        let prepare = move |(made, done): (Made, SyncSender<Prepared>)| {
            // A full disk: the room for the new file may be that of the old ones.
            again.try_again();
            drop(done.send(prepare(&*disk, segment_bytes, made)));
        };
        let files = Hands::start("journal-keeper", prepare)?;
        let dropping = Hands::start("journal-dropper", move |number| dropper.drop_before(number))?;
        Ok(Self { files, coming: None, dropping })
    }

    /// Asks for the next file, so that it is there when it is needed.
    pub(crate) fn prepare(&mut self, made: Made) {
        if self.coming.is_none() {
            let (done, coming) = sync_channel(1);
            self.coming = self.files.jobs.as_ref().and_then(|jobs| jobs.send((made, done)).ok()).map(|()| coming);
        }
    }

    /// Waits for the next file. After an error the next call tries again.
    pub(crate) fn prepared(&mut self) -> Prepared {
        // Where none is asked for yet, somebody waits.
        self.prepare(Made::Roomy);
        let ended = || io::Error::other("the thread that makes the journal's files has ended");
        self.coming.take().and_then(|coming| coming.recv().ok()).unwrap_or_else(|| Err(ended()))
    }

    /// Drops segments before long. Where that fails it is tried again before the next file is made.
    pub(crate) fn drop_before(&self, number: u64) {
        // What waits already is the same request, of a little earlier.
        let _ = self.dropping.offer(number);
    }
}

/// A thread that does one job after another, until nobody can ask for more.
pub(crate) struct Hands<J> {
    jobs: Option<SyncSender<J>>,
    thread: Option<JoinHandle<()>>,
}

impl<J: Send + 'static> Hands<J> {
    pub(crate) fn start(name: &str, act: impl FnMut(J) + Send + 'static) -> io::Result<Self> {
        let (jobs, queue) = sync_channel(JOBS_MAX);
        let work = move || queue.into_iter().for_each(act);
        Ok(Self { jobs: Some(jobs), thread: Some(thread::Builder::new().name(name.into()).spawn(work)?) })
    }

    /// Asks for a job, unless enough of them wait already: then it is given back.
    pub(crate) fn offer(&self, job: J) -> Option<J> {
        match self.jobs.as_ref().map(|jobs| jobs.try_send(job)) {
            Some(Err(TrySendError::Full(job) | TrySendError::Disconnected(job))) => Some(job),
            Some(Ok(())) | None => None,
        }
    }
}

impl<J> Drop for Hands<J> {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

struct Dropper {
    disk: Arc<dyn Disk>,
    drop_before: DropBefore,
    /// Segments before this one could not be dropped; 0 when there are none.
    undone: AtomicU64,
    /// One at a time.
    turn: Mutex<()>,
}

impl Dropper {
    fn drop_before(&self, number: u64) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = (self.drop_before)(&*self.disk, number) {
            tracing::warn!(%error, "segments of the journal that are no longer needed could not be dropped");
            self.undone.fetch_max(number, Ordering::SeqCst);
        } else if self.undone.load(Ordering::SeqCst) <= number {
            // What was asked for meanwhile, and goes further, is still to be done. It changes in turns alone.
            self.undone.store(0, Ordering::SeqCst);
        }
    }

    fn try_again(&self) {
        let number = self.undone.load(Ordering::SeqCst);
        if number > 0 {
            self.drop_before(number);
        }
    }
}

/// A file of zeros. When the disk is full, what was made of it is given back.
pub(crate) fn prepare(disk: &dyn Disk, segment_bytes: u64, made: Made) -> Prepared {
    let made = disk.create(NEXT).and_then(|mut file| {
        file.reserve(segment_bytes)?;
        if made == Made::Filled {
            fill_in_steps(&mut *file, segment_bytes)?;
        }
        file.sync_all()?;
        Ok(file)
    });
    if made.is_err() {
        drop(disk.remove(NEXT));
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::sim::SimDisk;

    /// Leaves a file for what it dropped; past segment 7 only where there is room.
    fn drop_if_roomy(disk: &dyn Disk, number: u64) -> Result<(), OpenError> {
        let made = if number > 7 { disk.open("room").map(drop) } else { Ok(()) };
        made.and_then(|()| disk.create(&number.to_string())).map(drop).map_err(|error| OpenError::disk("drop", ".", error))
    }

    #[test]
    fn what_could_not_be_dropped_is_remembered_though_less_was_dropped_since() {
        let disk = SimDisk::default();
        let (undone, turn) = (AtomicU64::new(0), Mutex::new(()));
        let dropper = Dropper { disk: Arc::new(disk.clone()), drop_before: drop_if_roomy, undone, turn };
        // As where the thread that makes files tries an earlier one again while a later one fails.
        for number in [9, 5, 8] {
            dropper.drop_before(number);
        }
        assert_eq!(dropper.undone.load(Ordering::SeqCst), 9);
        drop(disk.create("room").unwrap());
        dropper.try_again();
        assert_eq!(disk.names().unwrap(), ["5", "9", "room"]);
        assert_eq!(dropper.undone.load(Ordering::SeqCst), 0);
    }
}
