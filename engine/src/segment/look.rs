//! Reads what files hold without opening them: no lock, no change, also while another process writes to them.
//!
//! What is there is a prefix that was committed, for a batch counts only with its commit record. Files that the writer
//! makes, closes or drops in between look like damage; so what looks like damage is read once more.

use super::{Contents, OpenError, disk::Disk, load::list, read::read_all};

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
    read_all(disk, &listing, |_| Ok(()))
}
