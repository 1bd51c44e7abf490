//! Reads what files hold without opening them: no lock, no change, also while another process writes to them.
//!
//! What is there is a prefix that was committed, for a batch counts only with its commit record. Files that the writer
//! makes, closes or drops in between look like damage; so what looks like damage is read once more.

use super::{
    Contents, OpenError,
    disk::Disk,
    load::{Loader, list, segment_name},
};

/// How often files that change while they are read are read again.
const TRIES_MAX: usize = 8;

/// What files hold as of now.
pub(crate) fn look<C: Contents>(disk: &dyn Disk) -> Result<C, OpenError> {
    let mut tries = 1;
    loop {
        match read(disk) {
            Err(_) if tries < TRIES_MAX => tries += 1,
            outcome => return outcome,
        }
    }
}

fn read<C: Contents>(disk: &dyn Disk) -> Result<C, OpenError> {
    let listing = list(disk).map_err(|error| OpenError::disk("list", ".", error))?;
    if let Some(number) = listing.missing() {
        let what = "it is missing, and later ones are there".into();
        return Err(OpenError::Damaged { file: segment_name(number), offset: 0, what });
    }
    let mut loader = Loader::<C>::new(disk, listing.base)?;
    for number in &listing.segments {
        let (name, is_last) = (segment_name(*number), listing.segments.last() == Some(number));
        let bytes = disk.read(&name).map_err(|error| OpenError::disk("read", &name, error))?;
        loader.segment(*number, &bytes, is_last).map_err(|damage| OpenError::damaged(&name, damage))?;
    }
    Ok(loader.contents)
}
