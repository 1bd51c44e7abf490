//! Frees what retention took out, on a thread of its own: a hundred thousand events take longer to free than an append may
//! wait, and the thread that writes is the one that all appends wait for.

use std::io;

use crate::{segment::keeper::Hands, store::memory::Dropped};

pub(super) struct Crusher(Hands<Dropped>);

impl Crusher {
    pub(super) fn start() -> io::Result<Self> {
        Hands::start("journal-crusher", drop).map(Self)
    }

    /// Where much waits already, it is freed here: memory must not be held by what nobody needs.
    pub(super) fn give(&self, dropped: Dropped) {
        drop(self.0.offer(dropped));
    }
}
