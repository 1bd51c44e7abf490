//! What must be done and must not hold up an append, on threads of its own: one closes a full segment and makes the next one's file,
//! the other drops segments that nobody needs any more. They are two because a base may take long to write, and a full segment
//! must not wait for it.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, TrySendError, channel, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    OpenError,
    disk::{Disk, DiskFile, fill_in_steps},
    load::segment_name,
};

/// The file that becomes the next segment, until all of it is there.
pub(crate) const NEXT: &str = "next.tmp";
/// Requests that wait for one of the threads.
const JOBS_MAX: usize = 8;

/// As `nice` counts: enough to let others go first, and not so much that there is nothing left for it where all processors are busy.
#[cfg(target_os = "linux")]
const PATIENT: i32 = 10;

/// Drops the segments before a number, and leaves a base in their place.
pub(crate) type DropBefore = fn(&dyn Disk, u64) -> Result<(), OpenError>;

type Prepared = io::Result<Box<dyn DiskFile>>;

/// Where nothing is written for so long, what need not be done at once is done.
const CALM: Duration = Duration::from_millis(3);

pub(crate) struct Keeper {
    /// The file that is asked for. Before the thread: who drops this one does not wait until that file is filled.
    coming: Option<Coming>,
    files: Hands<Job>,
    dropping: Hands<u64>,
    /// How often something was written.
    writes: Arc<AtomicU64>,
}

/// A file on its way. When this is dropped, it is wanted as it is.
struct Coming {
    file: Receiver<Prepared>,
    is_urgent: Arc<AtomicBool>,
    _unwanted: Sender<()>,
}

enum Job {
    Make {
        number: u64,
        pace: Pace,
        done: SyncSender<Prepared>,
    },
    /// Nothing more is written to it; cut to a length, if one is given.
    Close(Box<dyn DiskFile>, Option<u64>),
}

impl Keeper {
    pub(crate) fn start(disk: Arc<dyn Disk>, segment_bytes: u64, drop_before: DropBefore) -> io::Result<Self> {
        let dropper = Arc::new(Dropper { disk: disk.clone(), drop_before, undone: AtomicU64::new(0), turn: Mutex::new(()) });
        let again = dropper.clone();
        let act = move |job| match job {
            Job::Make { number, mut pace, done } => {
                // A full disk: the room for the new file may be that of the old ones.
                again.try_again();
                drop(done.send(prepare(&*disk, number, segment_bytes, || pace.goes_on())));
            }
            Job::Close(_, None) => {}
            Job::Close(mut file, Some(bytes)) => {
                // It was synced with each batch. Zeros behind them are no harm.
                if let Err(error) = file.set_len(bytes).and_then(|()| file.sync_all()) {
                    tracing::warn!(%error, "a full segment of the journal could not be cut to its length");
                }
            }
        };
        let files = Hands::start("journal-keeper", act)?;
        let dropping = Hands::start("journal-dropper", move |number| dropper.drop_before(number))?;
        Ok(Self { coming: None, files, dropping, writes: Arc::default() })
    }

    /// Something is written now.
    pub(crate) fn writing(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    /// Closes a file, cut to a length if one is given, before the next one is made.
    pub(crate) fn close(&self, file: Box<dyn DiskFile>, bytes: Option<u64>) {
        self.ask(Job::Close(file, bytes));
    }

    /// Asks for the file of a segment, so that it is there when it is needed.
    pub(crate) fn prepare(&mut self, number: u64) {
        if self.coming.is_none() {
            let ((done, file), (unwanted, wanted), is_urgent) = (sync_channel(1), channel(), Arc::<AtomicBool>::default());
            let pace = Pace { wanted, is_urgent: is_urgent.clone(), writes: self.writes.clone(), seen: None };
            self.coming = self.ask(Job::Make { number, pace, done }).then_some(Coming { file, is_urgent, _unwanted: unwanted });
        }
    }

    /// The next file is needed before long: it is filled whether anything is written or not.
    pub(crate) fn urge(&self) {
        if let Some(coming) = &self.coming {
            coming.is_urgent.store(true, Ordering::Relaxed);
        }
    }

    /// Waits for that file. After an error the next call tries again.
    pub(crate) fn prepared(&mut self, number: u64) -> Prepared {
        self.prepare(number);
        let ended = || io::Error::other("the thread that makes the journal's files has ended");
        let file = self.coming.take().map(|Coming { file, .. }| file);
        file.and_then(|file| file.recv().ok()).unwrap_or_else(|| Err(ended()))
    }

    fn ask(&self, job: Job) -> bool {
        self.files.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok())
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

    /// The same for what others need not wait for: it goes on when they wait for something, or have another processor. Otherwise who
    /// asks for a job would stand still until it is done, where the system thinks that whoever is woken goes first.
    pub(crate) fn start_patient(name: &str, mut act: impl FnMut(J) + Send + 'static) -> io::Result<Self> {
        let mut is_patient = false;
        Self::start(name, move |job| {
            if !is_patient {
                // On Linux of this thread alone. Elsewhere it stays as it is.
                #[cfg(target_os = "linux")]
                let _ = rustix::process::setpriority_process(None, PATIENT);
                is_patient = true;
            }
            act(job);
        })
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

/// When the next piece of a file may be filled with zeros: while nothing is written, or when it is urgent.
struct Pace {
    /// Nothing comes; it ends when the file is wanted as it is.
    wanted: Receiver<()>,
    is_urgent: Arc<AtomicBool>,
    writes: Arc<AtomicU64>,
    /// As many writes as there were when it was looked last.
    seen: Option<u64>,
}

impl Pace {
    /// Waits for it; `false` once the file is wanted.
    fn goes_on(&mut self) -> bool {
        loop {
            let writes = Some(self.writes.load(Ordering::Relaxed));
            let is_calm = self.seen == writes;
            self.seen = writes;
            if is_calm || self.is_urgent.load(Ordering::Relaxed) {
                return self.wanted.try_recv() == Err(TryRecvError::Empty);
            }
            if self.wanted.recv_timeout(CALM) != Err(RecvTimeoutError::Timeout) {
                return false;
            }
        }
    }
}

/// A file of zeros. As long as it may go on they are written, so that no later sync has anything but data to write; behind them is
/// room, and the file system notes at a sync what was written there first. It gets the name of its segment, so that whoever begins
/// that has nothing to do but to write. When the disk is full, what was made of it is given back.
pub(crate) fn prepare(disk: &dyn Disk, number: u64, segment_bytes: u64, goes_on: impl FnMut() -> bool) -> Prepared {
    let made = disk.create(NEXT).and_then(|mut file| {
        file.reserve(segment_bytes)?;
        fill_in_steps(&mut *file, segment_bytes, goes_on)?;
        file.sync_all()?;
        disk.rename(NEXT, &segment_name(number))?;
        disk.sync()?;
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
