//! From the files of a folder to what they hold and an end that can be written to.

use std::{collections::VecDeque, io, sync::Arc};

use super::{
    Contents, OpenError, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN,
    base::drop_segments_before,
    disk::Disk,
    keeper::prepare,
    load::{Listing, list_at_rest, segment_name},
    read::{Read, read_all},
    tail::{Active, Failure, Sealed, Tail},
};

/// What was found, and the end of it.
pub(crate) struct Opened<C> {
    pub(crate) contents: C,
    pub(crate) tail: Tail,
    pub(crate) found: Found,
}

/// What the files were like.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Files that were read.
    pub(crate) segments: u64,
    /// A write that was not finished: the file, where it began, and its length in bytes.
    pub(crate) torn: Option<(String, u64, u64)>,
}

/// Files that were read, before anything is written to them.
struct Loaded<C> {
    contents: C,
    sealed: VecDeque<Sealed>,
    /// The one to go on with; a new one if there is none.
    active: Option<Active>,
    /// The number of a new one.
    number: u64,
    found: Found,
}

/// The length of segments that a setting stands for.
pub(crate) fn segment_bytes(set: u64) -> u64 {
    set.clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX)
}

/// Reads all files, and goes on with the last of them.
pub(crate) fn open<C: Contents>(disk: Arc<dyn Disk>, segment_bytes: u64) -> Result<Opened<C>, OpenError> {
    let Loaded { contents, sealed, active, number, found } = load::<C>(&*disk, segment_bytes)?;
    let active = match active {
        Some(active) => active,
        None => first::<C>(&*disk, number, contents.next(), segment_bytes)
            .map_err(|error| OpenError::disk("begin", &segment_name(number), error))?,
    };
    let tail = Tail::new(disk, active, sealed, segment_bytes, drop_segments_before::<C>)
        .map_err(|error| OpenError::disk("start a thread for", ".", error))?;
    Ok(Opened { contents, tail, found })
}

fn load<C: Contents>(disk: &dyn Disk, segment_bytes: u64) -> Result<Loaded<C>, OpenError> {
    let listing = list_at_rest(disk).map_err(|error| OpenError::disk("list", ".", error))?;
    let (mut sealed, mut active, mut found) = (VecDeque::new(), None, Found::default());
    let contents = read_all::<C>(disk, &listing, |Read { number, length, scanned, last }| {
        if let Some(bytes) = last {
            let name = segment_name(number);
            let resumed = Active::resume(disk, C::FORMAT, number, &bytes, &scanned, segment_bytes);
            active = Some(resumed.map_err(|error| OpenError::disk("go on with", &name, error))?);
            found.torn = scanned.torn.map(|torn| (name, torn.start, torn.end - torn.start));
        } else {
            sealed.push_back(Sealed { number, next: scanned.next, bytes: length });
        }
        Ok(())
    })?;
    clean(disk, &listing).map_err(|error| OpenError::disk("clean up", ".", error))?;
    found.segments = listing.segments.len() as u64;
    Ok(Loaded { contents, sealed, active, number: listing.first(), found })
}

/// Only now that everything was read: what is removed here, the newest base stands for.
fn clean(disk: &dyn Disk, listing: &Listing) -> io::Result<()> {
    listing.leftovers.iter().try_for_each(|name| disk.remove(name))?;
    disk.sync()
}

fn first<C: Contents>(disk: &dyn Disk, number: u64, next: u64, segment_bytes: u64) -> io::Result<Active> {
    let file = prepare(disk, number, segment_bytes, || true)?;
    let begun = Active::begin(C::FORMAT, file, number, next, segment_bytes);
    begun.map_err(|failure| match failure {
        Failure::Refused(error) | Failure::Unknown(error) => error,
    })
}
