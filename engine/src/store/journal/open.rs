//! From the files of a folder to a journal that takes appends.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex},
    thread,
};

use tokio::sync::mpsc;

use crate::{
    port::store::Condition,
    store::memory::{Kept, MemoryLog},
};

use super::{
    ASKS_MAX, Journal, OpenError, Recovered, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN, Settings,
    load::{Listing, Loader, Segment, list, segment_name},
    writer::Writer,
};
use crate::segment::{
    disk::Disk,
    frame::Batch,
    keeper::prepare,
    tail::{Active, Failure, Sealed, Tail, batch_bytes_max},
};

/// A journal that was read, before anything is written to it.
struct Loaded {
    kept: Kept,
    sealed: VecDeque<Sealed>,
    /// The one to go on with; a new one if there is none.
    active: Option<Active>,
    /// The number of a new one.
    number: u64,
    recovered: Recovered,
}

impl Journal {
    pub(super) fn on(disk: Arc<dyn Disk>, settings: Settings) -> Result<Self, OpenError> {
        let segment_bytes = settings.segment_bytes.clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX);
        let Loaded { kept, sealed, active, number, recovered } = load(&*disk, segment_bytes)?;
        let active = match active {
            Some(active) => active,
            None => first(&*disk, number, kept.next(), segment_bytes)
                .map_err(|error| OpenError::disk("begin", &segment_name(number), error))?,
        };
        let oldest = kept.oldest();
        let thread_error = |error| OpenError::disk("start a thread for", ".", error);
        let mut tail = Tail::new(disk, active, sealed, segment_bytes).map_err(thread_error)?;
        tail.drop_before(oldest);
        let index = Arc::new(MemoryLog::holding(settings.limits, kept));
        Self::start(index, tail, recovered, batch_bytes_max(segment_bytes)).map_err(thread_error)
    }

    fn start(index: Arc<MemoryLog>, tail: Tail, recovered: Recovered, batch_bytes_max: usize) -> io::Result<Self> {
        let (sender, asks) = mpsc::channel(ASKS_MAX);
        let condition = Arc::new(Mutex::new(Condition::Writing));
        let syncs = tail.syncs.clone();
        let writer = Writer {
            index: index.clone(),
            asks,
            tail,
            condition: condition.clone(),
            batch_bytes_max,
            waiting: None,
            spare: Batch::default(),
        };
        let writer = thread::Builder::new().name("journal-writer".into()).spawn(move || writer.run())?;
        Ok(Self { index, asks: Some(sender), writer: Some(writer), condition, syncs, recovered, batch_bytes_max, lock: None })
    }
}

fn load(disk: &dyn Disk, segment_bytes: u64) -> Result<Loaded, OpenError> {
    let listing = list(disk).map_err(|error| OpenError::disk("list", ".", error))?;
    if let Some(number) = listing.missing() {
        let what = "it is missing, and later ones are there".into();
        return Err(OpenError::Damaged { file: segment_name(number), offset: 0, what });
    }
    let mut loader = Loader::new(disk, listing.base)?;
    let (mut sealed, mut active, mut recovered) = (VecDeque::new(), None, Recovered::default());
    for number in &listing.segments {
        let (name, is_last) = (segment_name(*number), listing.segments.last() == Some(number));
        let bytes = disk.read(&name).map_err(|error| OpenError::disk("read", &name, error))?;
        let read = loader.segment(*number, &bytes, is_last).map_err(|damage| OpenError::damaged(&name, damage))?;
        match read {
            Segment::Unbegun => recovered.torn = (!bytes.is_empty()).then_some((name, 0, bytes.len() as u64)),
            Segment::Sound(scanned) if is_last => {
                let resumed = Active::resume(disk, *number, &bytes, &scanned, segment_bytes);
                active = Some(resumed.map_err(|error| OpenError::disk("go on with", &name, error))?);
                recovered.torn = scanned.torn.map(|torn| (name, torn.start, torn.end - torn.start));
            }
            Segment::Sound(scanned) => sealed.push_back(Sealed { number: *number, next: scanned.next }),
        }
    }
    clean(disk, &listing).map_err(|error| OpenError::disk("clean up", ".", error))?;
    let number = listing.segments.last().copied().unwrap_or(listing.first());
    recovered.segments = listing.segments.len() as u64;
    recovered.events = loader.kept.next() - loader.kept.oldest();
    Ok(Loaded { kept: loader.kept, sealed, active, number, recovered })
}

/// Only now that everything was read: what is removed here, the newest base stands for.
fn clean(disk: &dyn Disk, listing: &Listing) -> io::Result<()> {
    listing.leftovers.iter().try_for_each(|name| disk.remove(name))?;
    disk.sync()
}

fn first(disk: &dyn Disk, number: u64, next: u64, segment_bytes: u64) -> io::Result<Active> {
    let file = prepare(disk, segment_bytes)?;
    let begun = Active::begin(disk, file, number, next, segment_bytes);
    begun.map_err(|failure| match failure {
        Failure::Refused(error) | Failure::Unknown(error) => error,
    })
}
