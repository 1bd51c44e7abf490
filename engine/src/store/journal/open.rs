//! From the files of a folder to a journal that takes appends.

use std::{
    io,
    sync::{Arc, Mutex},
    thread,
};

use tokio::sync::mpsc;

use crate::{
    segment::{
        disk::Disk,
        frame::Batch,
        keeper::Hands,
        open::{Opened, open, segment_bytes},
        pen::Pen,
        state::States,
        tail::{batch_bytes_max, relief_bytes_max},
    },
    store::memory::MemoryLog,
};

use super::{
    ASKS_MAX, Journal, OpenError, Recovered, Settings,
    contents::LogContents,
    crusher::Crusher,
    drafting::Drafting,
    thin::Thinner,
    writer::{Desk, Line, Writer},
};

impl Journal {
    pub(super) fn on(disk: Arc<dyn Disk>, settings: Settings) -> Result<Self, OpenError> {
        let segment_bytes = segment_bytes(settings.segment_bytes);
        let beside = (States::new(disk.clone()), Arc::new(Mutex::new(Thinner::new(disk.clone()))));
        let Opened { contents: LogContents { kept, .. }, mut tail, found } = open(disk, segment_bytes)?;
        tail.drop_before(kept.oldest());
        let events = kept.len();
        let recovered = Recovered { events, segments: found.segments, torn: found.torn, died: None };
        let index = Arc::new(MemoryLog::holding(settings.limits, kept));
        Self::start(index, beside, Pen::new(tail), recovered, segment_bytes)
            .map_err(|error| OpenError::disk("start a thread for", ".", error))
    }

    fn start(
        index: Arc<MemoryLog>,
        (states, thinner): (States, Arc<Mutex<Thinner>>),
        pen: Pen,
        recovered: Recovered,
        segment_bytes: u64,
    ) -> io::Result<Self> {
        let (batch_bytes_max, relief_bytes_max) = (batch_bytes_max(segment_bytes), relief_bytes_max(segment_bytes));
        let (sender, asks) = mpsc::channel(ASKS_MAX);
        let condition = pen.condition().clone();
        let syncs = pen.tail.syncs.clone();
        let (index_of_rooms, index_of_writer) = (index.clone(), index.clone());
        let (spare, crusher) = (Batch::default(), Crusher::start()?);
        let rooms = Hands::start_patient("journal-rooms", move |()| index_of_rooms.make_room())?;
        let drafts = Hands::start_patient("journal-drafts", |drafting: Drafting| drafting.carry_out())?;
        let desk = Arc::new(Desk::new(Writer { index: index_of_writer, pen, batch_bytes_max, spare, crusher, rooms, drafts }));
        let line = Line { desk: desk.clone(), asks, waiting: None };
        let writer = thread::Builder::new().name("journal-writer".into()).spawn(move || line.run())?;
        let (asks, writer) = (Some(sender), Some(writer));
        Ok(Self {
            index,
            desk,
            asks,
            writer,
            condition,
            states,
            thinner,
            syncs,
            recovered,
            batch_bytes_max,
            relief_bytes_max,
            lock: None,
        })
    }
}
