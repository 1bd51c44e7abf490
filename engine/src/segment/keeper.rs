//! What must be done and must not hold up an append, on a thread of its own: making the next segment's file, and dropping
//! segments that nobody needs any more.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use super::{
    OpenError,
    disk::{Disk, DiskFile, fill},
};

/// The file that becomes the next segment.
pub(crate) const NEXT: &str = "next.tmp";
const JOBS_MAX: usize = 8;

/// Drops the segments before a number, and leaves a base in their place.
pub(crate) type DropBefore = fn(&dyn Disk, u64) -> Result<(), OpenError>;

type Prepared = io::Result<Box<dyn DiskFile>>;

enum Job {
    Prepare(SyncSender<Prepared>),
    DropBefore(u64),
}

pub(crate) struct Keeper {
    jobs: Option<SyncSender<Job>>,
    /// The file that is asked for.
    coming: Option<Receiver<Prepared>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(crate) fn start(disk: Arc<dyn Disk>, segment_bytes: u64, drop_before: DropBefore) -> io::Result<Self> {
        let (jobs, queue) = sync_channel(JOBS_MAX);
        let work = move || {
            let mut work = Work { disk, segment_bytes, drop_before, undone: None };
            while let Ok(job) = queue.recv() {
                work.act(job);
            }
        };
        let thread = thread::Builder::new().name("journal-keeper".into()).spawn(work)?;
        Ok(Self { jobs: Some(jobs), coming: None, thread: Some(thread) })
    }

    /// Asks for the next file, so that it is there when it is needed.
    pub(crate) fn prepare(&mut self) {
        if self.coming.is_none() {
            let (done, coming) = sync_channel(1);
            self.coming = self.jobs.as_ref().and_then(|jobs| jobs.send(Job::Prepare(done)).ok()).map(|()| coming);
        }
    }

    /// Waits for the next file. After an error the next call tries again.
    pub(crate) fn prepared(&mut self) -> Prepared {
        self.prepare();
        let ended = || io::Error::other("the thread that makes the journal's files has ended");
        self.coming.take().and_then(|coming| coming.recv().ok()).unwrap_or_else(|| Err(ended()))
    }

    /// Drops segments before long. Where that fails it is tried again before the next file is made.
    pub(crate) fn drop_before(&self, number: u64) {
        if let Some(jobs) = &self.jobs {
            // A full queue already holds the same request, of a little earlier.
            drop(jobs.try_send(Job::DropBefore(number)));
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// What the thread works with.
struct Work {
    disk: Arc<dyn Disk>,
    segment_bytes: u64,
    drop_before: DropBefore,
    /// Segments that could not be dropped.
    undone: Option<u64>,
}

impl Work {
    fn act(&mut self, job: Job) {
        match job {
            Job::Prepare(done) => {
                // A full disk: the room for the new file may be that of the old ones.
                if let Some(number) = self.undone.take() {
                    self.drop_before(number);
                }
                drop(done.send(prepare(&*self.disk, self.segment_bytes)));
            }
            Job::DropBefore(number) => self.drop_before(number),
        }
    }

    fn drop_before(&mut self, number: u64) {
        if let Err(error) = (self.drop_before)(&*self.disk, number) {
            tracing::warn!(%error, "segments of the journal that are no longer needed could not be dropped");
            self.undone = Some(number);
        }
    }
}

/// A file of zeros. When the disk is full, what was made of it is given back.
pub(crate) fn prepare(disk: &dyn Disk, segment_bytes: u64) -> Prepared {
    let made = disk.create(NEXT).and_then(|mut file| {
        fill(&mut *file, 0, segment_bytes)?;
        file.sync_all()?;
        Ok(file)
    });
    if made.is_err() {
        drop(disk.remove(NEXT));
    }
    made
}
